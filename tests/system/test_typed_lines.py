"""A scanner that is a keyboard, with the daemon and with `record`: from keys to a task, and to a recording."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Daemon, hwbridge
from made_evdev_monitor import MadeInputs
from recorder_process import recording

from bridge.model.codes import code_number

FIXTURE = Path(__file__).parents[2] / "hw_fixtures/hid-scanner"
RULES = FIXTURE / "rules.toml"
NUMBER = "4006381333931"
KEYS = {name: (1, code_number(1, f"KEY_{name}")) for name in (*"0123456789", "LEFTSHIFT", "ENTER")}


@pytest.fixture
def inputs(tmp_path: Path) -> Iterator[MadeInputs]:
    made = MadeInputs(tmp_path)
    made.plug(3, "hwbridge Lab Scanner", [*KEYS.values()])
    yield made
    made.close()


def scan(inputs: MadeInputs, line: str) -> None:
    inputs.send(3, *((KEYS[name], value) for name in (*line, "ENTER") for value in (1, 0)))


def test_what_a_scanner_types_starts_a_task_and_is_in_no_log(tmp_path: Path, inputs: MadeInputs) -> None:
    daemon = Daemon(tmp_path, environment=inputs.environment)
    daemon.rules(RULES.read_text())
    daemon.task("book", 'say "$HWBRIDGE_DETAIL_NUMBER"', triggers=("goods.scanned",))
    with daemon:
        scan(inputs, NUMBER)
        daemon.wait_for_words(NUMBER)
        daemon.wait_until_idle()
        (evdev,) = [each for each in daemon.status()["monitors"] if each["source"] == "evdev"]

    assert evdev["devices"] == ['/dev/input/event3 "hwbridge Lab Scanner", grabbed, types for the port scanner']
    assert NUMBER not in daemon.log()


def test_a_reload_with_another_port_closes_the_one_and_opens_the_other(tmp_path: Path, inputs: MadeInputs) -> None:
    daemon = Daemon(tmp_path, environment=inputs.environment)
    daemon.rules(RULES.read_text())
    daemon.task("lost", "say lost", triggers=("scanner.lost",))
    daemon.task("book", 'say "$HWBRIDGE_DETAIL_NUMBER"', triggers=("goods.scanned",))
    with daemon:
        renamed = RULES.read_text().replace('text = { port = "scanner" }', 'text = { port = "desk" }')
        daemon.rules(renamed.replace('match = { port = "scanner", line', 'match = { port = "desk", line'))
        daemon.reload()
        daemon.wait_for_words("lost")
        scan(inputs, NUMBER)
        daemon.wait_for_words(NUMBER)


def test_lines_that_are_recorded_are_replayed(tmp_path: Path, inputs: MadeInputs) -> None:
    file = tmp_path / "scanned.jsonl"
    with recording(file, "--rules", RULES, "--source", "evdev", environment=inputs.environment) as recorder:
        recorder.wait_for('"opened"')
        scan(inputs, NUMBER)
        recorder.wait_for(NUMBER)
        recorder.end(signal.SIGINT)
    (tmp_path / "no-tasks").mkdir()
    replayed = hwbridge("replay", file, "--rules", RULES, "--tasks", tmp_path / "no-tasks", "--json")

    _, *events = file.read_text().splitlines()
    assert [line for line in events if '"source": "serial"' in line] == events
    assert [line for line in replayed.out.splitlines() if NUMBER in line] == replayed.out.splitlines()
    assert '"rule": "goods-scanned"' in replayed.out


def test_a_recording_with_blank_keys_has_no_line_that_was_typed(tmp_path: Path, inputs: MadeInputs) -> None:
    file = tmp_path / "scanned.jsonl"
    options = ("--rules", RULES, "--source", "evdev", "--blank-keys")
    with recording(file, *options, environment=inputs.environment) as recorder:
        recorder.wait_for('"opened"')
        scan(inputs, NUMBER)
        recorder.wait_for('"line"')
        recorder.end(signal.SIGINT)

    assert f'"line": "{"a" * len(NUMBER)}"' in file.read_text()
    assert NUMBER not in file.read_text()
