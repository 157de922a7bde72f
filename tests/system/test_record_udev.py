"""`hwbridge record` of device events, on real netlink sockets, in a namespace with a udevd that is made up."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon import DEADLINE_SECONDS, GUID, Argument, environment_of, hwbridge
from fake_udevd import FakeUdevd, write_down
from namespace import in_namespace
from process_waiting import wait_until

from bridge.recording.jsonl import read_recording

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


@contextmanager
def recording(file: Path, *options: Argument) -> Iterator["subprocess.Popen[bytes]"]:
    """The command, from its first line on until the block has ended it."""
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bridge", "record", file, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment_of(None)) as process:
        try:
            wait_until(lambda: file.exists() and file.read_text().endswith("\n"), process)
            yield process
            assert process.stderr is not None
            assert process.stderr.read() == b""
        finally:
            process.kill()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@in_namespace
def test_devices_that_are_there_come_and_go_are_recorded_and_replayed() -> None:
    write_down("c1:3", ID_NAME="null")
    sources = ("--source", "evdev", "--source", "udev")
    with folder() as place, FakeUdevd() as udevd, recording(place / "r.jsonl", *sources, "--count", "3") as process:
        udevd.send("add", "/devices/a", "mem", ID_NAME="first", lowercase="left out")
        udevd.send("add", "/devices/b", "tty")
        udevd.send("remove", "/devices/a", "mem")
        assert process.wait(DEADLINE_SECONDS) == 0

        header, *told = lines(place / "r.jsonl")
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
        with recording(place / "r.jsonl", "--rules", place / "rules.toml", "--for", "0s") as process:
            assert process.wait(DEADLINE_SECONDS) == 0

        told = lines(place / "r.jsonl")[1:]
        assert {(line["ID_NAME"], line["@attr.dev"]) for line in told} == {("null", "1:3"), ("zero", "1:5")}


@in_namespace
def test_killed_under_a_storm_of_events_it_leaves_a_recording_that_is_read() -> None:
    with folder() as place, FakeUdevd() as udevd:
        lengths = []
        for times in range(1, 6):
            with recording(place / "r.jsonl", "--source", "udev") as process:
                size = (place / "r.jsonl").stat().st_size
                while (place / "r.jsonl").stat().st_size < size + times * 10_000:
                    udevd.send("change", "/devices/a", "mem", ID_NAME="x" * 100 * times)
                process.kill()
                process.wait(DEADLINE_SECONDS)
            content = (place / "r.jsonl").read_bytes()
            lengths.append(len(list(read_recording("r.jsonl", content.splitlines(keepends=True)))))
            assert content.endswith(b"\n")

        assert len(set(lengths)) > 1
