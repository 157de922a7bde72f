"""A bus, and a logind, that are there only after utmp and input devices have told of sessions and presence."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fake_machine import asking
from made_bus import Listener, MadeBus, made_bus, why_not
from made_inputs import MadeMachine
from made_logind import MadeLogind
from namespace import in_namespace
from test_session_without_logind import entry, write

from bridge.model.events import Origin
from bridge.monitors.session import SessionMonitor, Surroundings
from bridge.service.clock import monotonic

ASKED = asking({"name": "UserPresent"}, {"name": "Suspend"})


@pytest.fixture
def late_bus() -> Iterator[MadeBus]:
    """A bus that is not there yet."""
    if reason := why_not():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as folder:
        bus = MadeBus(Path(folder))
        try:
            yield bus
        finally:
            bus.stop()


def monitor_of(bus: MadeBus) -> SessionMonitor:
    (bus.folder / "machine").mkdir()
    surroundings = Surroundings(
        address=bus.address, files=bus.folder / "sessions", machine=MadeMachine(bus.folder / "machine")
    )
    return SessionMonitor(clock=monotonic, settings={}, surroundings=surroundings)


@pytest.mark.parametrize("again", [SessionMonitor.resync, lambda monitor: monitor.watch(ASKED)], ids=["sleep", "HUP"])
def test_a_bus_that_is_there_later_is_found_by_the_next_look(
    late_bus: MadeBus, again: Callable[[SessionMonitor], object]
) -> None:
    with closing(monitor_of(late_bus)) as monitor:
        heard = Listener(monitor)
        heard.told += monitor.watch(ASKED)
        before = monitor.report()
        late_bus.start()
        logind = MadeLogind(late_bus)
        logind.come("1", is_told=False)

        again(monitor)
        heard.until(lambda told: len(told) == 2)
        heard.until(lambda _: logind.inhibitors() == 1)

        assert f"Suspend is not told: no D-Bus runs here: there is no {late_bus.folder}/bus" in before.refused
        assert [each.fields["value"] for each in heard.told] == [0, 1]
        assert (monitor.report().devices, monitor.report().refused) == (("logind",), ())


def test_a_bus_that_is_there_later_without_logind_changes_only_what_is_said(late_bus: MadeBus) -> None:
    with closing(monitor_of(late_bus)) as monitor:
        heard = Listener(monitor)
        heard.told += monitor.watch(ASKED)
        late_bus.start()

        assert monitor.watch(ASKED) == []
        heard.until(lambda _: "Suspend is not told: no logind is on the bus" in monitor.report().refused)

        assert [each.fields["value"] for each in heard.told] == [0]
        assert monitor.report().devices == ("no keyboard or pointer",)


def _found_by_logind(bus: MadeBus, heard: Listener) -> None:
    heard.until(bool)
    logind = MadeLogind(bus)
    logind.come("1", is_told=False)
    heard.until(lambda told: len(told) == 2)
    logind.come("2", "bob")
    heard.until(lambda told: len(told) == 3)

    assert [(each.fields["session"], each.origin) for each in heard.told] == [
        ("tty1", Origin.START),
        ("1", Origin.START),
        ("2", Origin.LIVE),
    ]


@in_namespace
def test_who_is_logged_in_before_logind_comes_does_not_log_in_when_it_does() -> None:
    write(entry("tty1", "alice", os.getpid()))
    with tempfile.TemporaryDirectory() as folder, made_bus(Path(folder)) as bus, closing(monitor_of(bus)) as monitor:
        heard = Listener(monitor)
        heard.told += monitor.watch(asking({"name": "SessionConnected"}))

        _found_by_logind(bus, heard)
