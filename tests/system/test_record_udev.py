"""`hwbridge record` of device events, on real netlink sockets, in a namespace with a udevd that is made up."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon import DEADLINE_SECONDS, GUID, hwbridge
from fake_udevd import FakeUdevd, write_down
from namespace import in_namespace
from recorder_process import recording

NULL = "/devices/virtual/mem/null"
RULES = f"""
[[rule]]
name = "port"
source = "udev"
match = {{ subsystem = "mem", action = ["add", "remove"] }}
raise = "{GUID}"
key = "{{devpath}}"
details = {{ name = "{{ID_NAME}}", number = "{{@attr.dev}}" }}
start_state = "always"
"""


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "rules.toml").write_text(RULES)
        (Path(made) / "tasks").mkdir()
        yield Path(made)


@in_namespace
def test_devices_that_are_there_come_and_go_are_recorded_and_replayed() -> None:
    write_down("c1:3", ID_NAME="null")
    sources = ("--source", "evdev", "--source", "udev")
    with folder() as place, FakeUdevd() as udevd, recording(place / "r.jsonl", *sources, "--count", "3") as recorder:
        recorder.wait_for("\n")
        udevd.send("add", "/devices/a", "mem", ID_NAME="first", lowercase="left out")
        udevd.send("add", "/devices/b", "tty")
        udevd.send("remove", "/devices/a", "mem")
        assert recorder.process.wait(DEADLINE_SECONDS) == 0

        assert recorder.errors() == ""
        header, told = recorder.header(), recorder.lines()
        assert header["sources"] == ["evdev", "udev"]
        assert header["other-devices"] == len(told) - 3
        assert [(line["origin"], line["action"], line["devpath"]) for line in told if line["devpath"] != NULL][-3:] == [
            ("live", "add", "/devices/a"),
            ("live", "add", "/devices/b"),
            ("live", "remove", "/devices/a"),
        ]
        done = hwbridge("replay", place / "r.jsonl", "--rules", place / "rules.toml", "--tasks", place / "tasks")
        assert (done.code, done.err, done.out.count("raised")) == (0, "", 3)


@in_namespace
def test_fields_of_parents_and_attributes_are_recorded_where_rules_name_them() -> None:
    write_down("c1:3", ID_NAME="null")
    write_down("c1:5", ID_NAME="zero")
    with folder() as place:
        with recording(place / "r.jsonl", "--rules", place / "rules.toml", "--for", "0s") as recorder:
            assert recorder.process.wait(DEADLINE_SECONDS) == 0

        assert recorder.errors() == ""
        assert {(line["ID_NAME"], line["@attr.dev"]) for line in recorder.lines()} == {("null", "1:3"), ("zero", "1:5")}


@in_namespace
def test_killed_under_a_storm_of_events_it_leaves_a_recording_that_is_read() -> None:
    with folder() as place, FakeUdevd() as udevd:
        lengths = []
        for times in range(1, 6):
            with recording(place / "r.jsonl", "--source", "udev") as recorder:
                recorder.wait_for("\n")
                size = recorder.file.stat().st_size
                while recorder.file.stat().st_size < size + times * 10_000:
                    udevd.send("change", "/devices/a", "mem", ID_NAME="x" * 100 * times)
                recorder.process.kill()
            lengths.append(len(recorder.events()))
            assert recorder.errors() == ""
            assert recorder.text().endswith("\n")

        assert len(set(lengths)) > 1
