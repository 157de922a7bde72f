"""`hwbridge` with a serial port that is a pseudo-terminal: lines run tasks, and a recording of them is replayed."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Daemon, hwbridge
from made_ports import Device, held_open
from recorder_process import recording

RULES = """
[triggers]
"goods.scanned" = "{{0C4E1B52-6F9D-4B7A-8E21-93D5A7F0B648}}"
"scanner.back" = "{{7B6C1E40-52AF-4D1D-9A30-6C5DE7F08B21}}"

[[serial]]
name = "scanner"
port = "{link}"
reply = "0x06"

[[rule]]
name = "goods-scanned"
source = "serial"
match = {{ port = "scanner", line = {{ regex = "^(?P<number>[0-9]+)$" }} }}
raise = "goods.scanned"
details = {{ number = "{{number}}" }}

[[rule]]
name = "scanner-back"
source = "serial"
match = {{ port = "scanner", state = "opened" }}
raise = "scanner.back"
"""


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "scanner"


@pytest.fixture
def device(link: Path) -> Iterator[Device]:
    made = Device(link)
    yield made
    made.unplug()


def ready(daemon: Daemon, shown: str) -> None:
    daemon.wait_until(lambda: shown in devices(daemon), f"{shown} in the status")


def devices(daemon: Daemon) -> list[str]:
    return [device for each in daemon.status()["monitors"] if each["source"] == "serial" for device in each["devices"]]


def test_each_line_runs_a_task_before_and_after_the_port_was_away(daemon: Daemon, link: Path, device: Device) -> None:
    daemon.rules(RULES.format(link=link))
    daemon.task("count", 'say "$HWBRIDGE_DETAIL_NUMBER"', triggers=("goods.scanned",), concurrency="queue")
    daemon.task("greet", "say back", triggers=("scanner.back",))
    with daemon:
        ready(daemon, f"scanner {device.node}")
        device.send(b"175\r\nnoise\r\n18\r\n")
        daemon.wait_for_words("175", "18")
        replies = device.receive(3)
        device.unplug()
        ready(daemon, "scanner (not there)")
        back = Device(link)
        ready(daemon, f"scanner {back.node}")
        back.send(b"19\n")
        daemon.wait_for_words("175", "18", "19", "back")
        status = hwbridge("status", "--socket", daemon.socket).out
        back.unplug()

    assert replies == b"\x06\x06\x06"
    assert f"serial: scanner {back.node}\n" in status
    assert sorted(daemon.said()) == ["175", "18", "19", "back"]  # found at the start, it was not back


def test_a_port_that_another_has_open_is_named_in_the_status_and_the_log(
    daemon: Daemon, link: Path, device: Device
) -> None:
    daemon.rules(RULES.format(link=link))
    with held_open(device.node) as holder, daemon:
        daemon.wait_until(lambda: is_named(daemon, holder.pid), "the status names who has the port")
        holder.communicate()
        ready(daemon, f"scanner {device.node}")

    assert daemon.log().count(f"(pid {holder.pid})") == 1


def is_named(daemon: Daemon, pid: int) -> bool:
    refused = [line for each in daemon.status()["monitors"] if each["source"] == "serial" for line in each["refused"]]
    return any(f"(pid {pid})" in line for line in refused)


def test_a_reload_closes_ports_that_nobody_asks_for_and_opens_others(
    daemon: Daemon, link: Path, device: Device
) -> None:
    other = Device()
    daemon.rules(RULES.format(link=link))
    with daemon:
        ready(daemon, f"scanner {device.node}")
        daemon.rules(RULES.format(link=other.node))
        daemon.reload()
        ready(daemon, f"scanner {other.node}")
        daemon.rules("")
        daemon.reload()
        daemon.wait_until(lambda: devices(daemon) == [], "no port is open")
    other.unplug()


def test_what_was_recorded_of_a_port_raises_in_a_replay_what_it_raises_live(
    tmp_path: Path, link: Path, device: Device
) -> None:
    rules, file = tmp_path / "rules.toml", tmp_path / "scanner.jsonl"
    rules.write_text(RULES.format(link=link))
    with recording(file, "--source", "serial", "--rules", rules) as recorder:
        recorder.wait_for('"opened"')
        device.send(b"175\r\n\xff\x00garbage\r\n18\r\n")
        recorder.wait_for('"18"')
        device.unplug()
        recorder.wait_for('"lost"')
        code = recorder.end(signal.SIGINT)
    events = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    replayed = hwbridge("replay", file, "--rules", rules, "--json")

    assert (code, recorder.errors()) == (0, "")
    assert [next(event[name] for name in ("state", "line") if name in event) for event in events] == [
        "opened",
        "175",
        "\\xff\\x00garbage",
        "18",
        "lost",
    ]
    assert [json.loads(line)["details"]["number"] for line in replayed.out.splitlines()] == ["175", "18"]
