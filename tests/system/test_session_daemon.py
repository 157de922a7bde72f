"""Sessions and sleep as users of hwbridge meet them: tasks that run for them, status, a recording, bad settings."""

from pathlib import Path

import pytest
from daemon import ROOT, Daemon, hwbridge
from fake_machine import asking
from made_bus import Listener, MadeBus
from made_logind import MadeLogind

from bridge.monitors.session import SessionMonitor, Surroundings
from bridge.recording.jsonl import read_recording
from bridge.service.clock import monotonic

QUIET = "{0E6F4D0C-3E77-4B8B-8A53-6B9F0E1D2C3A}"
FIXTURE = ROOT / "hw_fixtures/screen-locked"
TASKS = f"""
[[task]]
name = "hello"
triggers = [{{ system = "SessionConnected" }}]
run = {{ exec = ["/bin/sh", "-c", "echo hello $HWBRIDGE_DETAIL_USER >>said"], cwd = "FOLDER" }}

[[task]]
name = "seen"
triggers = [{{ system = "UserPresent" }}]
run = {{ exec = ["/bin/sh", "-c", "echo seen >>said"], cwd = "FOLDER" }}

[[task]]
name = "quiet"
triggers = [{{ custom = "{QUIET}" }}]
conditions = ["UserNotPresent"]
run = {{ exec = ["/bin/sh", "-c", "echo quiet >>said"], cwd = "FOLDER" }}
"""


def daemon_on(system_bus: MadeBus, folder: Path) -> Daemon:
    daemon = Daemon(folder, environment={"DBUS_SYSTEM_BUS_ADDRESS": system_bus.address})
    (folder / "tasks" / "tasks.toml").write_text(TASKS.replace("FOLDER", str(folder)))
    return daemon


def test_tasks_run_for_who_logs_in_and_wait_until_nobody_is_there(
    system_bus: MadeBus, logind: MadeLogind, tmp_path: Path
) -> None:
    with daemon_on(system_bus, tmp_path) as daemon:
        daemon.wait_until(lambda: daemon.status()["events"] > 0, "the start")
        logind.come("1")
        daemon.wait_for_words("hello alice", "seen")

        daemon.raise_trigger(QUIET)
        daemon.wait_until(lambda: daemon.status()["waiting"] == 1, "quiet waits")
        logind.come("2", "bob")
        logind.go("2")
        assert "quiet" not in daemon.said()
        logind.turn("1", LockedHint=True)
        daemon.wait_for_words("quiet")


def test_a_recorded_morning_is_what_the_monitor_tells(system_bus: MadeBus, logind: MadeLogind) -> None:
    logind.come("2", is_told=False)
    names = asking({"name": "SessionConnected"}, {"name": "UserPresent"}, {"name": "Suspend"})
    recording = FIXTURE / "recording.jsonl"
    recorded = list(read_recording(str(recording), recording.read_bytes().splitlines(keepends=True)))
    surroundings = Surroundings(address=system_bus.address, files=system_bus.folder / "sessions")
    monitor = SessionMonitor(clock=monotonic, settings={}, surroundings=surroundings)
    heard = Listener(monitor)
    try:
        heard.told += monitor.watch(names)
        heard.until(lambda told: len(told) == 2)
        for happens in (
            lambda: logind.turn("2", LockedHint=True),
            lambda: logind.turn("2", LockedHint=False),
            lambda: logind.come("4", "bob", seat="seat1"),
        ):
            count = len(heard.told)
            happens()
            heard.until(lambda told, count=count: len(told) > count)
        logind.turn("2", LockedHint=True)
        logind.go("4")
        logind.prepare_for_sleep(True)
        logind.prepare_for_sleep(False)
        logind.turn("2", LockedHint=False)
        logind.go("2")
        heard.until(lambda told: len(told) == len(recorded))
    finally:
        monitor.close()

    assert [(each.origin, each.fields) for each in heard.told] == [(each.origin, each.fields) for each in recorded]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('away_after = "5s"', "away_after: '5s' is out of range: from 10s to 1d"),
        ('hold_sleep = "1m"', "hold_sleep: '1m' is out of range: from 0s to 30s"),
        ("away_after = 240", "away_after: expected a string, found integer 240"),
        (
            'hold_sleep = "long"',
            "hold_sleep: 'long' is not a duration: a number and one of us, ms, s, m, h, d, as in '20ms'",
        ),
        ("idle = true", "idle: unknown key"),
    ],
)
def test_bad_settings_are_refused_with_file_and_line(tmp_path: Path, settings: str, said: str) -> None:
    (tmp_path / "hwbridge.toml").write_text(f"[session]\n{settings}\n")
    (tmp_path / "empty").mkdir()
    places = ("--rules", tmp_path / "empty", "--tasks", tmp_path / "empty", "--state", tmp_path / "s")

    done = hwbridge("run", *places, "--socket", tmp_path / "socket", "--config", tmp_path / "hwbridge.toml")

    assert done.code == 78
    assert f"hwbridge.toml:2: [session] {said}" in done.err


def test_status_shows_what_cannot_be_told_without_logind(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, environment={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"})
    daemon.rules(f'[[rule]]\nname = "x"\nsource = "system"\nmatch = {{ name = "Suspend" }}\nraise = "{QUIET}"\n')

    with daemon:
        shown = {each["source"]: each["refused"] for each in daemon.status()["monitors"]}

    assert shown["system.session"] == ["Suspend is not told: no D-Bus runs here: there is no /nowhere/bus"]
