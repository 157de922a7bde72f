"""Sleep as a logind announces it that python-dbusmock makes up, and the hold that handlers have on it meanwhile."""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest
from fake_machine import asking
from made_bus import Listener, MadeBus
from made_logind import MadeLogind

from bridge.model.events import Event, Origin
from bridge.monitors.bus_words import Answered, Appeared, Call, Wanted
from bridge.monitors.session import HOLD_SLEEP, SessionMonitor, Surroundings
from bridge.monitors.session_logind import LOGIND
from bridge.monitors.session_sleep import Sleep

SUSPEND = asking({"name": "Suspend"})


class Clock:
    """A clock that stands still until it is set on."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def monitor_of(system_bus: MadeBus, clock: Clock, hold_sleep: int = HOLD_SLEEP) -> SessionMonitor:
    surroundings = Surroundings(address=system_bus.address, files=system_bus.folder / "sessions")
    return SessionMonitor(clock=clock, settings={"hold_sleep": hold_sleep}, surroundings=surroundings)


@pytest.fixture
def monitor(system_bus: MadeBus, clock: Clock) -> Iterator[SessionMonitor]:
    with closing(monitor_of(system_bus, clock)) as monitor:
        yield monitor


def held(logind: MadeLogind, heard: Listener, times: int = 1) -> Listener:
    """Waits until sleep is held so often."""
    heard.until(lambda _: logind.inhibitors() == times)
    return heard


def test_sleep_is_told_and_held_until_handlers_had_their_time(
    logind: MadeLogind, monitor: SessionMonitor, clock: Clock
) -> None:
    monitor.watch(SUSPEND)
    heard = held(logind, Listener(monitor))

    logind.prepare_for_sleep(True)
    told = heard.until(bool)
    while_told = logind.inhibitors()
    clock.now += HOLD_SLEEP
    due = monitor.deadline()
    monitor.read()

    assert told == [Event("system", 1_000_000, {"name": "Suspend"}, Origin.LIVE)]
    assert while_told == 1
    assert due == clock.now
    assert monitor.deadline() is None
    held(logind, heard, 0)


def test_after_sleep_the_next_one_is_held_too(logind: MadeLogind, monitor: SessionMonitor, clock: Clock) -> None:
    monitor.watch(SUSPEND)
    heard = held(logind, Listener(monitor))
    logind.prepare_for_sleep(True)
    heard.until(bool)
    clock.now += HOLD_SLEEP
    monitor.read()
    held(logind, heard, 0)
    heard.forget()

    logind.prepare_for_sleep(False)
    held(logind, heard)
    logind.prepare_for_sleep(True)
    heard.until(bool)

    assert [each.fields for each in heard.told] == [{"name": "Suspend"}]


def test_sleep_that_ends_before_it_was_let_go_is_held_once(
    logind: MadeLogind, monitor: SessionMonitor, clock: Clock
) -> None:
    monitor.watch(SUSPEND)
    heard = held(logind, Listener(monitor))

    logind.prepare_for_sleep(True)
    heard.until(bool)
    logind.prepare_for_sleep(False)
    heard.until(lambda _: monitor.deadline() is None)

    held(logind, heard)


def test_nobody_holds_sleep_who_does_not_ask_for_it(logind: MadeLogind, monitor: SessionMonitor) -> None:
    heard = Listener(monitor)
    heard.told += monitor.watch(asking({"name": "UserPresent"}))
    heard.until(bool)

    assert logind.inhibitors() == 0

    monitor.watch(asking({"name": "UserPresent"}, {"name": "Suspend"}))
    held(logind, heard)
    monitor.watch(asking({"name": "UserPresent"}))
    held(logind, heard, 0)


def test_without_a_hold_sleep_is_told_and_put_off_for_nothing(
    system_bus: MadeBus, logind: MadeLogind, clock: Clock
) -> None:
    with closing(monitor_of(system_bus, clock, hold_sleep=0)) as monitor:
        heard = Listener(monitor)
        heard.told += monitor.watch(asking({"name": "UserPresent"}, {"name": "Suspend"}))
        heard.until(bool)
        heard.forget()

        logind.prepare_for_sleep(True)
        heard.until(bool)

        assert logind.inhibitors() == 0
        assert [each.fields["name"] for each in heard.told] == ["Suspend"]


def test_a_logind_that_starts_anew_is_asked_to_hold_anew(logind: MadeLogind, monitor: SessionMonitor) -> None:
    monitor.watch(SUSPEND)
    heard = held(logind, Listener(monitor))

    logind.stop()
    logind.start()

    held(logind, heard)


def test_a_logind_that_allows_no_hold_is_reported(logind: MadeLogind, monitor: SessionMonitor) -> None:
    refusal = 'raise dbus.exceptions.DBusException("not for you", name="org.freedesktop.DBus.Error.AccessDenied")'
    logind.answers("Inhibit", "h", refusal, takes="ssss")

    monitor.watch(SUSPEND)
    Listener(monitor).until(lambda _: "Suspend" in str(monitor.report().refused))

    (refused,) = monitor.report().refused
    assert refused.startswith("Suspend may be told too late, as logind does not let sleep be put off: ")
    assert refused.endswith("AccessDenied: not for you")


def test_an_answer_of_garbage_is_reported(logind: MadeLogind, monitor: SessionMonitor) -> None:
    logind.answers("Inhibit", "s", 'ret = "of course"', takes="ssss")

    monitor.watch(SUSPEND)
    Listener(monitor).until(lambda _: "Suspend" in str(monitor.report().refused))

    (refused,) = monitor.report().refused
    assert refused.endswith("it answered with 0 descriptors, not with one")


def test_a_word_of_garbage_is_no_sleep_and_said_once(
    logind: MadeLogind, monitor: SessionMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    monitor.watch(SUSPEND)
    heard = held(logind, Listener(monitor))

    logind.say("PrepareForSleep", "s", "soon")
    logind.say("PrepareForSleep", "s", "soon")
    logind.prepare_for_sleep(True)
    heard.until(bool)

    assert len(heard.told) == 1
    assert caplog.messages == ["logind says PrepareForSleep with ('soon',), not with true or false"]


def test_a_hold_that_is_answered_when_nobody_wants_it_any_more_is_let_go(
    system_bus: MadeBus, logind: MadeLogind, clock: Clock
) -> None:
    with closing(monitor_of(system_bus, clock)) as monitor:
        monitor.watch(asking({"name": "UserPresent"}))
        heard = Listener(monitor)
        heard.until(bool)
        monitor.watch(asking({"name": "UserPresent"}, {"name": "Suspend"}))
        monitor.watch(asking({"name": "UserPresent"}))

        logind.come("1")
        heard.until(lambda told: len(told) == 2)

        held(logind, heard, 0)
        assert monitor.report().refused == ()


def test_sleep_is_let_go_by_who_closes(system_bus: MadeBus, logind: MadeLogind, clock: Clock) -> None:
    with closing(monitor_of(system_bus, clock)) as monitor:
        monitor.watch(SUSPEND)
        held(logind, Listener(monitor))

    with closing(monitor_of(system_bus, clock)) as other:
        held(logind, Listener(other), 0)


class AskedBus:
    """A bus that counts what is called, and says nothing."""

    def __init__(self) -> None:
        self.calls = 0

    def want(self, *wanted: Wanted) -> None: ...

    def call(self, call: Call) -> int:
        self.calls += 1
        return self.calls


def test_a_logind_in_the_place_of_another_is_asked_to_hold_anew() -> None:
    bus = AskedBus()
    reader, writer = os.pipe()
    sleep = Sleep(bus, Clock(), HOLD_SLEEP, is_there=True)
    is_held = sleep.take(Answered(1, (), (writer,)))

    sleep.hear(Appeared(LOGIND))

    assert is_held
    assert bus.calls == 2
    assert os.read(reader, 1) == b"", "nobody has the other end"
    os.close(reader)
