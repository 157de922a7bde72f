"""The monitor of power beside UPower, on a bus of our own: what it takes from it, and that it does without."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from dbus_fast import Variant
from made_bus import MadeBus, made_bus, why_not
from made_power import MadePower
from msgspec.structs import replace
from power_listening import CALM, COST, NOT_HIGH, POWER, listening

from bridge.monitors.bus import Bus
from bridge.monitors.upower import DISPLAY, MANAGER, SERVICE, UPower

PATIENT = replace(CALM, upower=True)
DISCHARGING, FULL = 2, 4


@pytest.fixture
def bus(public: Path) -> Iterator[MadeBus]:
    """A bus, on which no UPower is yet."""
    if reason := why_not():
        pytest.skip(reason)
    with made_bus(public) as bus:
        yield bus


@pytest.fixture
def desktop() -> Iterator[MadePower]:
    """A machine without any supply in sysfs."""
    with closing(MadePower(group="kernel")) as power:
        yield power


def connected_to(bus: MadeBus) -> Callable[[], UPower]:
    return lambda: UPower(Bus(bus.address))


def be_a_ups(bus: MadeBus, percentage: float, state: int, *, on_battery: bool) -> None:
    """UPower tells of a UPS, as of two objects that it has."""
    shown = {"Type": ("u", 3), "IsPresent": ("b", True), "Percentage": ("d", percentage), "State": ("u", state)}
    bus.hand.update(DISPLAY, {name: Variant(*value) for name, value in shown.items()})
    bus.hand.update(MANAGER, {"OnBattery": Variant("b", on_battery)})


def test_a_ups_that_only_upower_knows_is_told_of(bus: MadeBus, desktop: MadePower) -> None:
    bus.mock("upower", SERVICE)
    be_a_ups(bus, 100.0, FULL, on_battery=False)
    with listening(PATIENT, desktop, connected_to(bus)) as heard:
        assert heard.watch(POWER, COST, NOT_HIGH) == ["not high 1 (start)", "cost 0 (start)"]
        assert heard.hear_until("power 1 100 Full (start)")[-1] == "power 1 100 Full (start)"
        assert heard.left() is None

        be_a_ups(bus, 70.0, DISCHARGING, on_battery=True)
        assert "cost 1" in heard.hear_until("cost 1")
        be_a_ups(bus, 12.0, DISCHARGING, on_battery=True)
        assert heard.hear_until("cost 2") == ["not high 0", "power 0 12 Discharging", "cost 2"]
        assert heard.monitor.report().devices[0] == "UPower: on battery, 12 %, Discharging"
        while heard.is_woken(0):
            heard.read()

        assert heard.monitor.resync() == []
        assert heard.is_woken(), "it is asked once more"


def test_upower_that_goes_and_comes_back_is_heard_again(bus: MadeBus, desktop: MadePower) -> None:
    bus.mock("upower", SERVICE)
    be_a_ups(bus, 50.0, DISCHARGING, on_battery=True)
    with listening(PATIENT, desktop, connected_to(bus)) as heard:
        heard.watch(POWER)
        heard.hear_until("power 0 50 Discharging (start)")

        bus.unmock(SERVICE)
        assert heard.hear_until("power") == ["power"]
        assert heard.monitor.report().devices == ()

        bus.mock("upower", SERVICE)
        be_a_ups(bus, 40.0, DISCHARGING, on_battery=True)
        assert "power 0 40 Discharging" in heard.hear_until("power 0 40 Discharging")


def test_upower_is_not_asked_where_sysfs_tells_or_nobody_wants_it() -> None:
    def connect() -> UPower:
        raise AssertionError("UPower is asked")

    with listening(PATIENT, MadePower({"AC": {"type": "Mains", "online": "1"}}, group="kernel"), connect) as heard:
        assert heard.watch(POWER) == ["power 1 (start)"]
    with listening(CALM, MadePower(group="kernel"), connect) as heard:
        assert heard.watch(POWER) == []


def test_without_a_bus_there_is_nothing_to_say_about_it(
    desktop: MadePower, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    with listening(PATIENT, desktop) as heard:
        assert heard.watch(POWER) == []
        assert heard.monitor.report().refused == ()


def test_upower_is_never_started(bus: MadeBus, desktop: MadePower) -> None:
    bus.is_activatable(SERVICE)
    with listening(PATIENT, desktop, connected_to(bus)) as heard:
        heard.watch(POWER)
        assert heard.is_woken()
        assert heard.read() == []
        assert heard.monitor.resync() == []

        bus.hand.wait_until(SERVICE, is_there=False)

    assert not bus.was_activated(SERVICE)
