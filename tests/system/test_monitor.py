"""`hwbridge monitor`: what happens is printed as it happens; how it begins, what it leaves out, how it ends."""

import json
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from command_going_on import ended, started
from daemon import GUID, Argument, Daemon, User, hwbridge, needs_root
from registering import register

CLEAR = "\x1b[2J"


def next_json(monitor: "subprocess.Popen[str]") -> dict[str, Any]:
    assert monitor.stdout is not None
    return dict(json.loads(monitor.stdout.readline()))


def next_line(monitor: "subprocess.Popen[str]") -> str:
    assert monitor.stdout is not None
    return monitor.stdout.readline()


def monitored(daemon: Daemon, wanted: str, *arguments: Argument) -> list[str]:
    """What is printed up to the first line that holds this."""
    lines = []
    with started(daemon, "monitor", *arguments) as monitor:
        while not lines or wanted not in lines[-1]:
            lines.append(next_line(monitor).rstrip("\n"))
            assert lines[-1], ended(monitor)
    return lines


def test_lines_come_as_they_happen(daemon: Daemon) -> None:
    with daemon, started(daemon, "monitor") as monitor:
        daemon.wait_until(lambda: is_told(daemon, monitor), "it watches")
        head, line = next_line(monitor), next_line(monitor)
        monitor.send_signal(signal.SIGINT)
        code, _, err = ended(monitor)

    assert head.split() == ["SEQ", "TIME", "WHAT", "TASK", "INSTANCE"]
    assert "  registered  lamp  " in line
    assert (code, err) == (130, "")


def is_told(daemon: Daemon, monitor: "subprocess.Popen[str]") -> bool:
    """Something happens, again and again, until the monitor tells of it: nobody sees from outside when it begins."""
    register(daemon, "lamp", "say on", group=f"{time.monotonic()}")
    return bool(select.select([monitor.stdout], [], [], 0.05)[0])


def test_json_lines_are_those_of_the_history(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on; exit 3")
        daemon.raise_trigger(key=CLEAR)
        daemon.wait_until_idle()
        history = hwbridge("history", "--json", "--socket", daemon.socket).out.splitlines()

        assert monitored(daemon, "completed", "--json", "--since", "0") == history
        assert monitored(daemon, "completed", "--json", "--since", "1") == history[1:]
        assert monitored(daemon, "completed", "--json", "--since", "0", "--task", "lamp") == [history[0], *history[2:]]
        assert monitored(daemon, "completed", "--json", "--since", "0", "--trigger", GUID) == history[1:]


def test_people_get_columns_and_no_control_characters(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", f"printf '{CLEAR}on'; exit 3")
        daemon.raise_trigger(key=CLEAR)
        head, registered, raised, activated, completed = monitored(daemon, "completed", "--since", "0")

    assert head.index("WHAT") == registered.index("registered") == completed.index("completed")
    assert raised.endswith(rf"{GUID}, key \x1b[2J")
    assert "  lamp  " in activated
    assert ", failed, exit 3, took " in completed
    assert completed.endswith(r"printed: \x1b[2Jon")


def test_a_gap_is_shown(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on")

        _, gap, registered = monitored(daemon, "registered", "--since", "1000")
        json_gap, _ = monitored(daemon, "registered", "--since", "1000", "--json")

    assert gap.split() == ["-", "-", "gap", "-", "-", "some", "lines", "lost"]
    assert "registered" in registered
    assert json.loads(json_gap) == {"what": "gap", "lost": None}


def test_events_of_devices_are_shown_to_root(daemon: Daemon, tmp_path: Path) -> None:
    recording = tmp_path / "recorded.jsonl"
    device = '"source": "udev", "action": "add", "devpath": "/d", "subsystem": "tty"}'
    lines = ['{"hwbridge-recording": 1}', *(f'{{"at": {at}, {device}' for at in range(60))]
    recording.write_text("\n".join(lines))
    daemon.options = (*daemon.options, "--play", recording)
    with daemon:
        (*_, shown) = monitored(daemon, "event", "--events")
        (*_, event) = monitored(daemon, '"event"', "--events", "--json")

    assert shown.endswith(" udev add tty /d")
    assert json.loads(event)["what"] == "event"
    assert json.loads(event)["event"]["devpath"] == "/d"


@needs_root
def test_others_may_not_see_events_of_devices(public: Path) -> None:
    with Daemon(public) as daemon:
        done = hwbridge("monitor", "--events", "--json", "--socket", daemon.socket, user=User())

    assert done.code == 77
    assert done.error == "hwbridge: only root may watch events of devices: they can hold typed keys"


@needs_root
def test_who_may_not_watch_is_shown_no_head(public: Path) -> None:
    with Daemon(public) as daemon:
        done = hwbridge("monitor", "--socket", daemon.socket, user=User())

    assert (done.code, done.out) == (77, "")
    assert "you may not call Watch" in done.error


def test_a_reader_that_has_enough_ends_it_though_nothing_happens(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on")
        with started(daemon, "monitor", "--since", "0") as monitor:
            next_line(monitor)
            next_line(monitor)
            assert monitor.stdout is not None
            monitor.stdout.close()
            monitor.stdout = None
            code, _, err = ended(monitor)

    assert (code, err) == (0, "")


def test_a_daemon_that_ends_ends_it(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on")
        with started(daemon, "monitor", "--since", "0") as monitor:
            next_line(monitor)
            next_line(monitor)
            daemon.stop(signal.SIGTERM)
            code, _, err = ended(monitor)

    assert code == 3
    assert err.startswith(f"hwbridge: {daemon.socket}: the daemon closed the connection")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--since", "-1"), "argument --since: '-1' is not an integer from 0 to 9223372036854775807"),
        (("--since", "x"), "argument --since: 'x' is not an integer from 0 to"),
        (("--since", "9223372036854775808"), "argument --since: '9223372036854775808' is not an integer from 0 to"),
    ],
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...], error: str) -> None:
    done = hwbridge("monitor", *arguments)

    assert done.code == 2
    assert error in done.error
