"""The monitor of power where the kernel drops events, has no pressure to tell of, or wakes nobody."""

import errno
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from fake_udevd import FakeUdevd
from made_power import MadePower
from msgspec.structs import replace
from namespace import in_namespace
from power_listening import CALM, COST, NOT_HIGH, POWER, listening

from bridge.monitors.power import AT_MOST_EVERY, UNDER_PRESSURE
from bridge.monitors.power_machine import ThisMachine
from bridge.monitors.power_settings import PowerSettings

MINUTE = 60_000_000
SUPPLIES = {"AC": {"type": "Mains", "online": "1"}, "BAT0": {"type": "Battery", "status": "Full", "capacity": "100"}}
PRESSED = replace(CALM, pressure={"cpu": 60, "memory": 20})


@pytest.fixture
def power() -> Iterator[MadePower]:
    """A desktop, with nothing to press it."""
    with closing(MadePower({}, {"cpu": 1.0, "memory": 0.0}, group="kernel")) as power:
        yield power


@in_namespace
def test_after_a_loss_everything_is_looked_at_at_once_and_the_loss_is_counted() -> None:
    power = MadePower({name: dict(each) for name, each in SUPPLIES.items()})
    with FakeUdevd() as udevd, listening(machine=power) as heard:
        heard.watch(POWER, NOT_HIGH)

        for number in range(1000):
            power.attributes["AC"]["online"] = str(number % 2)
            udevd.send("change", "/devices/AC", "power_supply")
        power.attributes["AC"]["online"] = "0"
        power.attributes["BAT0"] |= {"status": "Discharging", "capacity": "9"}

        assert heard.is_woken(0)
        assert heard.read() == ["not high 0 (resync)", "power 0 9 Discharging (resync)"]
        assert heard.monitor.report().lost == 1
        assert not heard.is_woken(0)
        assert heard.read() == []

        power.attributes["AC"]["online"] = "1"
        udevd.send("change", "/devices/AC", "power_supply")
        assert heard.hear() == ["power 1 9 Discharging", "not high 1"]


@in_namespace
def test_uevents_of_anything_else_wake_nobody() -> None:
    with FakeUdevd() as udevd, listening(machine=MadePower(SUPPLIES)) as heard:
        heard.watch(POWER)

        udevd.send("change", "/devices/b", "block")

        assert not heard.is_woken(0)


def test_without_uevents_supplies_are_looked_at_and_the_report_says_why() -> None:
    with listening(machine=MadePower({name: dict(each) for name, each in SUPPLIES.items()}, group="")) as heard:
        assert heard.watch(POWER) == ["power 1 100 Full (start)"]

        assert heard.monitor.report().refused == ("netlink socket for device events: none",)
        assert heard.left() == MINUTE


def test_pressure_wakes_and_work_costs_more_until_it_has_gone(power: MadePower) -> None:
    with listening(PRESSED, power) as heard:
        assert heard.watch(COST, NOT_HIGH) == ["not high 1 (start)", "cost 0 (start)"]
        assert heard.left() is None

        heard.later(AT_MOST_EVERY)
        power.press("cpu", 75.0)
        assert heard.is_woken()
        assert heard.read() == ["not high 0", "cost 2"]
        assert heard.left() == UNDER_PRESSURE
        assert heard.monitor.report().devices == ("background work costs 2: cpu is short",)

        power.averages["cpu"] = 31.0
        assert heard.due() == []
        power.averages["cpu"] = 29.0
        assert heard.due() == ["cost 0", "not high 1"]
        assert heard.left() is None


def test_pressure_is_not_looked_at_with_each_read_but_at_the_latest_a_moment_after_the_last_one(
    power: MadePower,
) -> None:
    with listening(PRESSED, power) as heard:
        heard.watch(COST)
        power.press("cpu", 75.0)
        at_once = [heard.read(), heard.read()]

        assert at_once == [[], []]
        assert heard.left() == AT_MOST_EVERY
        assert heard.due() == ["cost 2"]
        assert heard.left() == UNDER_PRESSURE

        heard.read()
        assert heard.left() == AT_MOST_EVERY
        heard.watch(POWER)
        assert heard.left() is None


def test_pressure_that_is_not_much_yet_tells_nothing(power: MadePower) -> None:
    with listening(PRESSED, power) as heard:
        heard.watch(COST)
        heard.later(AT_MOST_EVERY)

        power.press("memory", 19.0)

        assert heard.is_woken()
        assert heard.read() == []
        assert heard.left() is None


def test_pressure_is_watched_only_while_somebody_asks_what_work_costs(power: MadePower) -> None:
    with listening(PRESSED, power) as heard:
        heard.watch(POWER)
        assert not power.wakes
        heard.watch(POWER, NOT_HIGH)
        assert power.wakes.keys() == {"cpu", "memory"}

        heard.watch(POWER)
        power.press("cpu", 99.0)

        assert not heard.is_woken(0)
        assert heard.watch(NOT_HIGH) == ["not high 0 (start)"]


def test_without_triggers_pressure_is_looked_at_and_the_report_says_why(power: MadePower) -> None:
    power.refuses = errno.EPERM
    with listening(PRESSED, power) as heard:
        heard.watch(COST)

        assert heard.left() == MINUTE
        assert heard.monitor.report().refused == ("/proc/pressure/cpu,memory: EPERM; it wakes nobody",)
        power.averages["memory"] = 50.0
        assert heard.due() == ["cost 2"]


def test_a_kernel_that_tells_no_pressure_is_not_looked_at(power: MadePower) -> None:
    power.refuses, power.averages = errno.ENOENT, {}
    with listening(PRESSED, power) as heard:
        assert heard.watch(COST) == ["cost 0 (start)"]

        assert heard.left() is None


def test_what_the_kernel_tells_of_pressure_is_a_percentage() -> None:
    if not os.path.exists("/proc/pressure/cpu"):
        pytest.skip("this kernel tells no pressure (CONFIG_PSI)")

    told = ThisMachine().pressure(("cpu", "memory", "io", "love"))

    assert told.keys() == {"cpu", "memory", "io"}
    assert all(0 <= average <= 100 for average in told.values())


def skip_without_triggers() -> None:
    try:
        os.close(ThisMachine().watch_pressure("cpu", 1))
    except OSError as error:
        pytest.skip(f"this kernel has no pressure trigger for us: {error}")


def test_a_kernel_that_has_triggers_takes_those_that_are_the_standard() -> None:
    skip_without_triggers()

    with listening(PowerSettings(upower=False)) as heard:
        heard.watch(COST)

        assert heard.monitor.report().refused == ()


def test_the_kernels_own_trigger_wakes_the_monitor_when_the_processor_is_short() -> None:
    skip_without_triggers()
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3 * len(os.sched_getaffinity(0)))
    ]
    try:
        with listening(PowerSettings(pressure={"cpu": 1}, upower=False)) as heard:
            heard.watch(COST)
            waiting = select.epoll()  # an epoll over the monitor's own, as the daemon's
            waiting.register(heard.monitor, select.EPOLLIN)

            assert waiting.poll(30)
            waiting.close()
    finally:
        for each in busy:
            each.kill()
            each.wait()
