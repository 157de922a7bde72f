"""The monitor of power and supplies that umockdev makes up: what it tells, when it looks, and what it leaves alone."""

import os
import time
from pathlib import Path

from mocked_supplies import MockedSupplies, with_mocked_supplies
from msgspec.structs import replace
from power_listening import CALM, COST, DEADLINE_SECONDS, NOT_HIGH, POWER, Listening, listening

from bridge.monitors.power import LONGEST, QUIET

MINUTE = 60_000_000
BATTERY = {"type": "Battery", "present": "1", "energy_full": "50000000"}


def a_laptop(supplies: MockedSupplies) -> None:
    """On mains, with a battery at 80 percent."""
    supplies.add("ADP1", type="Mains", online="1")
    supplies.add("BAT0", **BATTERY, status="Charging", capacity="80")


def unplug(supplies: MockedSupplies) -> None:
    """As a laptop's firmware does it: two devices, five uevents."""
    supplies.set("ADP1", online="0")
    supplies.tell("ADP1")
    supplies.tell("BAT0")
    supplies.tell("ADP1")
    supplies.set("BAT0", status="Discharging")
    supplies.tell("BAT0")
    supplies.tell("BAT0")


def be_still(heard: Listening) -> None:
    """Reads what wakes the monitor until nothing does."""
    while heard.is_woken(0):
        heard.read()


@with_mocked_supplies
def test_the_state_at_the_start_is_told_once() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)

        assert heard.watch(POWER) == ["power 1 80 Charging (start)"]
        assert heard.watch(POWER) == []
        assert heard.watch(POWER, COST, NOT_HIGH) == ["not high 1 (start)", "cost 0 (start)"]
        assert heard.watch() == []
        assert heard.watch(POWER) == ["power 1 80 Charging (start)"]


@with_mocked_supplies
def test_what_turned_while_nobody_asked_is_found_and_what_was_asked_for_is_a_change() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.watch(POWER)
        heard.watch()
        supplies.set("ADP1", online="0")
        assert heard.watch(POWER) == ["power 0 80 Charging (start)"]

        supplies.set("BAT0", status="Discharging")
        assert heard.watch(POWER, NOT_HIGH) == ["power 0 80 Discharging", "not high 1 (start)"]


@with_mocked_supplies
def test_a_plug_that_is_pulled_is_one_change_though_it_is_told_five_times() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.watch(POWER)

        unplug(supplies)
        assert heard.is_woken()
        assert heard.read() == []
        assert heard.left() == QUIET
        be_still(heard)
        assert heard.due() == ["power 0 80 Discharging"]

        supplies.set("ADP1", online="1")
        supplies.tell("ADP1")
        assert heard.hear() == ["power 1 80 Discharging"]


@with_mocked_supplies
def test_uevents_that_do_not_end_are_not_waited_for() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.watch(POWER)
        supplies.set("ADP1", online="0")
        told: list[str] = []
        for _ in range(LONGEST // (QUIET // 2)):
            supplies.tell("ADP1")
            assert heard.is_woken()
            told += heard.read()
            heard.later(QUIET // 2)

        assert [*told, *heard.read()] == ["power 0 80 Charging"]


@with_mocked_supplies
def test_a_uevent_after_which_nothing_is_otherwise_tells_nothing() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.watch(POWER, COST, NOT_HIGH)

        supplies.set("BAT0", capacity="81")
        supplies.tell("BAT0")

        assert heard.hear() == []


@with_mocked_supplies
def test_an_adapter_that_sends_no_uevent_is_seen_at_the_next_look() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.watch(POWER)
        assert heard.left() == MINUTE

        supplies.set("ADP1", online="0")
        assert not heard.is_woken(0)
        assert heard.read() == []
        assert heard.due() == ["power 0 80 Charging"]
        assert heard.left() == MINUTE


@with_mocked_supplies
def test_who_wants_no_looks_has_none() -> None:
    with MockedSupplies() as supplies, listening(replace(CALM, poll=None)) as heard:
        a_laptop(supplies)
        heard.watch(POWER)

        assert heard.left() is None


@with_mocked_supplies
def test_a_machine_without_a_battery_is_never_looked_at_for_nothing() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        supplies.add("ADP1", type="Mains", online="1")
        supplies.add("mouse", **BATTERY, status="Discharging", capacity="7", scope="Device")

        assert heard.watch(POWER, COST, NOT_HIGH) == ["not high 1 (start)", "power 1 (start)", "cost 0 (start)"]
        assert heard.left() is None
        assert heard.monitor.report().devices == ("ADP1: Mains, online", "background work costs 0")


@with_mocked_supplies
def test_a_machine_that_tells_nothing_has_nothing_to_tell_but_a_low_cost() -> None:
    with MockedSupplies(), listening() as heard:
        assert heard.watch(POWER, COST) == ["cost 0 (start)"]
        assert heard.left() is None


@with_mocked_supplies
def test_the_battery_of_a_mouse_is_of_no_matter() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.watch(POWER, COST, NOT_HIGH)

        supplies.add("mouse", **BATTERY, status="Discharging", capacity="7", scope="Device")
        assert heard.hear() == []
        supplies.set("mouse", capacity="1")
        supplies.tell("mouse")
        assert heard.hear() == []
        supplies.remove("mouse")
        assert heard.hear() == []


@with_mocked_supplies
def test_a_supply_of_a_device_is_asked_nothing_but_whether_it_is_one() -> None:
    """It may take seconds to answer; this one never does."""
    with MockedSupplies() as supplies, listening() as heard:
        supplies.add("mouse", type="Battery", scope="Device", capacity="7")
        folder = Path(supplies.environment["UMOCKDEV_DIR"]) / "sys/devices/mouse"
        for name in ("type", "capacity"):
            (folder / name).unlink()
            os.mkfifo(folder / name)

        assert heard.watch(POWER, COST) == ["cost 0 (start)"]


@with_mocked_supplies
def test_two_batteries_are_one() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        supplies.add("AC", type="Mains", online="0")
        supplies.add("BAT0", type="Battery", status="Discharging", capacity="20", energy_full="30000000")
        supplies.add("BAT1", type="Battery", status="Not charging", capacity="80", energy_full="10000000")

        assert heard.watch(POWER) == ["power 0 35 Discharging (start)"]

        supplies.set("BAT0", capacity="10")
        supplies.tell("BAT0")
        assert heard.hear() == ["power 0 28 Discharging"]


@with_mocked_supplies
def test_a_battery_that_is_taken_out_and_put_back_is_told_of() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.watch(POWER)

        supplies.remove("BAT0")
        assert heard.hear() == ["power 1"]
        assert heard.left() is None
        supplies.add("BAT0", **BATTERY, status="Full", capacity="100")
        assert heard.hear() == ["power 1 100 Full"]
        assert heard.left() == MINUTE


@with_mocked_supplies
def test_what_work_costs_follows_mains_and_battery() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.watch(COST, NOT_HIGH)

        unplug(supplies)
        assert heard.hear() == ["cost 1"]
        supplies.set("BAT0", capacity="20")
        supplies.tell("BAT0")
        assert heard.hear() == ["not high 0", "cost 2"]
        assert heard.monitor.report().devices == (
            "ADP1: Mains, offline",
            "BAT0: Battery, 20 %, Discharging",
            "background work costs 2: the battery is low",
        )
        supplies.set("BAT0", capacity="22")
        supplies.tell("BAT0")
        assert heard.hear() == []
        supplies.set("ADP1", online="1")
        supplies.tell("ADP1")
        assert heard.hear() == ["cost 0", "not high 1"]


@with_mocked_supplies
def test_only_what_is_asked_for_is_told() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        assert heard.watch(NOT_HIGH) == ["not high 1 (start)"]

        unplug(supplies)
        assert heard.hear() == []
        supplies.set("BAT0", capacity="3")
        supplies.tell("BAT0")
        assert heard.hear() == ["not high 0"]


@with_mocked_supplies
def test_after_sleep_everything_is_looked_at() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.watch(POWER, NOT_HIGH)
        supplies.set("ADP1", online="0")
        supplies.set("BAT0", status="Discharging", capacity="15")

        told = heard.monitor.resync()

        assert [(each.fields["name"], each.origin) for each in told] == [(NOT_HIGH, "resync"), (POWER, "resync")]
        assert heard.monitor.resync() == []


def descriptors() -> list[str]:
    """Those that this process has open."""
    return sorted(os.listdir("/proc/self/fd"))


@with_mocked_supplies
def test_a_monitor_that_nobody_asks_any_more_has_nothing_open() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        a_laptop(supplies)
        heard.monitor.fileno()
        before = descriptors()
        heard.watch(POWER, COST)
        assert descriptors() != before

        heard.watch()

        deadline = time.monotonic() + DEADLINE_SECONDS  # another may be there a moment: seen once, under load
        while descriptors() != before:
            assert time.monotonic() < deadline, (before, descriptors())
        assert heard.left() is None
        assert heard.monitor.snapshot() == heard.monitor.resync() == []
