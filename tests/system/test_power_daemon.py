"""The daemon on a laptop that umockdev makes up: tasks that go by mains and battery."""

import json
import tempfile
from pathlib import Path

from daemon import Daemon, hwbridge
from mocked_supplies import MockedSupplies, with_mocked_supplies

BATTERY = {"type": "Battery", "present": "1"}


def laptop(folder: str, supplies: MockedSupplies, settings: str) -> Daemon:
    """A daemon, not started yet, with these settings in [power]."""
    daemon = Daemon(Path(folder), environment=supplies.environment)
    daemon.settings(f'[power]\npressure = "off"\n{settings}')
    return daemon


def add_task(daemon: Daemon, trigger: str, words: str) -> None:
    """A task of a trigger that is no custom one, which says these words."""
    command = json.dumps(["/bin/sh", "-c", f"echo {words} >> said"])
    run = f"run = {{ exec = {command}, cwd = {json.dumps(str(daemon.folder))} }}"
    text = f'[[task]]\nname = "t"\ntriggers = [{{ {trigger} }}]\n{run}\n'
    (daemon.folder / "tasks" / "t.toml").write_text(text)


@with_mocked_supplies
def test_a_task_runs_when_the_plug_is_pulled_and_is_told_how_power_is() -> None:
    with tempfile.TemporaryDirectory() as folder, MockedSupplies() as supplies:
        supplies.add("ADP1", type="Mains", online="1")
        supplies.add("BAT0", **BATTERY, status="Full", capacity="97")
        daemon = laptop(folder, supplies, "")
        add_task(daemon, 'system = "PowerStateChange"', "power {mains} {capacity} {status}")
        with daemon:
            supplies.set("ADP1", online="0")
            supplies.set("BAT0", status="Discharging")
            for _ in range(4):
                supplies.tell("ADP1")

            daemon.wait_for_words("power 0 97 Discharging")
            daemon.wait_until_idle()
            assert daemon.said() == ["power 0 97 Discharging"]
            shown = {each["source"]: each["devices"] for each in daemon.status()["monitors"]}

        assert shown["system.power"] == ["ADP1: Mains, offline", "BAT0: Battery, 97 %, Discharging"]


@with_mocked_supplies
def test_maintenance_begins_on_a_laptop_whose_adapter_sends_no_uevent() -> None:
    with tempfile.TemporaryDirectory() as folder, MockedSupplies() as supplies:
        supplies.add("ADP1", type="Mains", online="0")
        supplies.add("BAT0", **BATTERY, status="Discharging", capacity="50")
        daemon = laptop(folder, supplies, 'poll = "1s"\n')
        add_task(daemon, 'maintenance = "1s"', "tidy")
        with daemon:
            daemon.wait_until(lambda: daemon.status()["waiting"] == 1, "maintenance is due, and waits")
            assert daemon.said() == []

            supplies.set("ADP1", online="1")

            daemon.wait_for_words("tidy")


@with_mocked_supplies
def test_a_task_waits_until_background_work_is_not_dear() -> None:
    with tempfile.TemporaryDirectory() as folder, MockedSupplies() as supplies:
        supplies.add("ADP1", type="Mains", online="0")
        supplies.add("BAT0", **BATTERY, status="Discharging", capacity="15")
        daemon = laptop(folder, supplies, "low = 20\n")
        daemon.task("t", "say run", conditions=["BackgroundWorkCostNotHigh"])
        with daemon:
            daemon.raise_trigger()
            daemon.wait_until(lambda: daemon.status()["waiting"] == 1, "the task waits")

            supplies.set("ADP1", online="1")
            supplies.tell("ADP1")

            daemon.wait_for_words("run")


@with_mocked_supplies
def test_settings_that_are_wrong_are_named_by_their_line() -> None:
    with tempfile.TemporaryDirectory() as folder, MockedSupplies() as supplies:
        daemon = laptop(folder, supplies, 'poll = "1ms"\n')
        done = hwbridge("run", *daemon.options)

        assert done.code == 78
        assert "hwbridge.toml:3: [power] poll: expected off, or 1s and more" in done.err
