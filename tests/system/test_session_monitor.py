"""Sessions and presence as a logind tells them that python-dbusmock makes up: its words, its absence, its garbage."""

import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from fake_machine import asking
from made_bus import Listener, MadeBus
from made_inputs import MadeMachine
from made_logind import SESSION, MadeLogind, path_of

from bridge.mapping.interest import Interest
from bridge.model.events import Event, Field, Origin
from bridge.monitors.bus_words import Call
from bridge.monitors.session import LIVE, SessionMonitor, Surroundings
from bridge.monitors.session_logind import LOGIND, MANAGER, PATH
from bridge.service.clock import monotonic

EVERYTHING = asking(*({"name": name} for name in sorted(LIVE.tells or ())))
LEVELS = asking({"name": "SessionConnected"}, {"name": "UserPresent"})
CONNECTED = {"name": "SessionConnected", "value": 1, "session": "1", "seat": "seat0", "user": "alice"}
PRESENT = {"name": "UserPresent", "value": 1}
AWAY = {"name": "UserPresent", "value": 0}
NOBODY = {"name": "SessionConnected", "value": 0}


@pytest.fixture
def monitor(system_bus: MadeBus) -> Iterator[SessionMonitor]:
    """The monitor on that bus, which watches nothing yet."""
    files = system_bus.folder / "sessions"
    files.mkdir()
    machine = system_bus.folder / "machine"
    machine.mkdir()
    surroundings = Surroundings(address=system_bus.address, files=files, machine=MadeMachine(machine))
    with closing(SessionMonitor(clock=monotonic, settings={}, surroundings=surroundings)) as monitor:
        yield monitor


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged from warnings on."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # the usual way
    logger = logging.getLogger("bridge.monitors.session")
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def watched(monitor: SessionMonitor, interest: Interest = LEVELS) -> Listener:
    heard = Listener(monitor)
    heard.told += monitor.watch(interest)
    return heard


def is_told(heard: Listener, fields: Mapping[str, Field], origin: Origin = Origin.LIVE) -> None:
    heard.until(lambda told: any(each.fields == fields and each.origin is origin for each in told))


def fields_of(told: list[Event]) -> list[Mapping[str, Field]]:
    return [each.fields for each in told]


def test_who_is_there_at_the_start_is_told_as_start(logind: MadeLogind, monitor: SessionMonitor) -> None:
    logind.come("1", is_told=False)

    heard = watched(monitor)
    is_told(heard, PRESENT, Origin.START)

    assert [(each.fields, each.origin) for each in heard.told] == [
        (CONNECTED, Origin.START),
        (PRESENT, Origin.START),
    ]


def test_that_nobody_is_there_is_told_too(logind: MadeLogind, monitor: SessionMonitor) -> None:
    heard = watched(monitor)
    is_told(heard, AWAY, Origin.START)

    assert fields_of(heard.told) == [NOBODY, AWAY]


def test_each_session_that_comes_is_told_and_the_last_that_goes(logind: MadeLogind, monitor: SessionMonitor) -> None:
    heard = watched(monitor, asking({"name": "SessionConnected"}))
    is_told(heard, NOBODY, Origin.START)
    heard.forget()
    bob = {"name": "SessionConnected", "value": 1, "session": "2", "seat": "seat1", "user": "bob"}

    logind.come("1")
    is_told(heard, CONNECTED)
    logind.come("2", "bob", seat="seat1")
    is_told(heard, bob)
    logind.go("1")
    logind.go("2")
    is_told(heard, {**bob, "value": 0})

    assert fields_of(heard.told) == [CONNECTED, bob, {**bob, "value": 0}]


@pytest.mark.parametrize("name", ["LockedHint", "IdleHint"])
def test_whose_session_is_locked_or_idle_is_not_present(logind: MadeLogind, monitor: SessionMonitor, name: str) -> None:
    logind.come("1", is_told=False)
    heard = watched(monitor)
    is_told(heard, PRESENT, Origin.START)
    heard.forget()

    logind.turn("1", **{name: True})
    is_told(heard, AWAY)
    logind.turn("1", **{name: False})
    is_told(heard, PRESENT)

    assert fields_of(heard.told) == [AWAY, PRESENT]


def test_one_user_who_is_there_is_enough(logind: MadeLogind, monitor: SessionMonitor) -> None:
    logind.come("1", is_told=False)
    logind.come("2", "bob", is_told=False)
    heard = watched(monitor)
    is_told(heard, PRESENT, Origin.START)
    heard.forget()

    logind.turn("1", LockedHint=True)
    logind.turn("2", LockedHint=True)
    is_told(heard, AWAY)

    assert fields_of(heard.told) == [AWAY]


def test_that_a_lock_is_asked_for_is_not_that_it_is_there(
    logind: MadeLogind, monitor: SessionMonitor, system_bus: MadeBus
) -> None:
    logind.come("1", is_told=False)
    heard = watched(monitor)
    is_told(heard, PRESENT, Origin.START)
    heard.forget()

    system_bus.hand.call(Call(LOGIND, path_of("1"), SESSION, "Lock"))
    logind.turn("1", IdleHint=True)
    is_told(heard, AWAY)
    logind.turn("1", IdleHint=False)
    is_told(heard, PRESENT)

    assert fields_of(heard.told) == [AWAY, PRESENT]


@pytest.mark.parametrize("class_", ["greeter", "lock-screen", "background", "manager", "user-incomplete"])
def test_a_session_of_nobody_is_none(logind: MadeLogind, monitor: SessionMonitor, class_: str) -> None:
    logind.come("c1", "gdm", is_told=False)
    logind.turn_silently("c1", "Class", class_)
    heard = watched(monitor)
    is_told(heard, AWAY, Origin.START)
    heard.forget()

    logind.come("1")
    is_told(heard, PRESENT)

    assert fields_of(heard.told) == [CONNECTED, PRESENT]


def test_who_has_logged_out_and_left_something_running_is_gone(
    logind: MadeLogind, monitor: SessionMonitor, system_bus: MadeBus
) -> None:
    (system_bus.folder / "sessions" / "1").touch()
    logind.come("1", is_told=False)
    heard = watched(monitor)
    is_told(heard, PRESENT, Origin.START)
    heard.forget()

    logind.turn_silently("1", "State", "closing")
    (system_bus.folder / "sessions" / ".1").touch()
    (system_bus.folder / "sessions" / ".1").rename(system_bus.folder / "sessions" / "1")  # as logind writes it
    is_told(heard, AWAY)

    assert fields_of(heard.told) == [{**CONNECTED, "value": 0}, AWAY]


def test_opposites_are_told_to_who_asks_for_them(logind: MadeLogind, monitor: SessionMonitor) -> None:
    logind.come("1", is_told=False)

    heard = watched(monitor, asking({"name": "SessionDisconnected"}, {"name": "UserNotPresent"}))
    is_told(heard, {"name": "UserNotPresent", "value": 0}, Origin.START)

    assert {each.fields["name"]: each.fields["value"] for each in heard.told} == {
        "SessionDisconnected": 0,
        "UserNotPresent": 0,
    }


def test_who_asks_later_is_told_how_it_is(logind: MadeLogind, monitor: SessionMonitor) -> None:
    logind.come("1", is_told=False)
    heard = watched(monitor, asking({"name": "UserPresent"}))
    is_told(heard, PRESENT, Origin.START)

    found = monitor.watch(LEVELS)

    assert [(each.fields, each.origin) for each in found if isinstance(each, Event)] == [(CONNECTED, Origin.START)]


def test_a_logind_that_starts_anew_is_looked_at_anew(
    logind: MadeLogind, monitor: SessionMonitor, lines: list[str]
) -> None:
    logind.come("1", is_told=False)
    heard = watched(monitor)
    is_told(heard, PRESENT, Origin.START)
    heard.forget()

    logind.stop()
    heard.until(lambda told: bool(lines))
    away = monitor.report()
    logind.start()
    is_told(heard, {**CONNECTED, "value": 0}, Origin.RESYNC)
    is_told(heard, AWAY, Origin.RESYNC)
    logind.come("1")
    is_told(heard, CONNECTED)

    assert (away.devices, away.refused) == ((), tuple(lines))
    assert (monitor.report().devices, monitor.report().refused) == (("logind",), ())
    assert monitor.report().lost == 1
    assert lines == ["no logind is on the bus: sessions are taken to be as they were until logind is back"]


def test_a_bus_that_dies_is_said_once_and_comes_back(
    logind: MadeLogind, monitor: SessionMonitor, system_bus: MadeBus, lines: list[str]
) -> None:
    logind.come("1", is_told=False)
    heard = watched(monitor)
    is_told(heard, PRESENT, Origin.START)
    heard.forget()

    system_bus.stop()
    heard.until(lambda told: bool(lines))
    system_bus.start()
    logind.start()
    is_told(heard, AWAY, Origin.RESYNC)

    assert monitor.report().lost == 1
    assert len(lines) == 1
    assert lines[0].endswith("sessions are taken to be as they were until logind is back")


def test_a_look_at_everything_finds_what_was_not_told(logind: MadeLogind, monitor: SessionMonitor) -> None:
    logind.come("1", is_told=False)
    heard = watched(monitor)
    is_told(heard, PRESENT, Origin.START)
    heard.forget()

    logind.turn_silently("1", "LockedHint", True)
    heard.told += monitor.resync()
    is_told(heard, AWAY, Origin.RESYNC)

    assert fields_of(heard.told) == [AWAY]
    assert monitor.report().lost == 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LockedHint", "yes", "LockedHint of a session is 'yes', not true or false"),
        ("Class", 7, "Class of a session is 7, not a text"),
        ("Seat", "seat0", "Seat of a session is 'seat0', not a name and a path"),
    ],
)
def test_a_session_of_garbage_is_passed_over_and_said_once(
    logind: MadeLogind, monitor: SessionMonitor, lines: list[str], name: str, value: str | int, said: str
) -> None:
    logind.come("1", is_told=False)
    logind.come("2", "bob", is_told=False)
    heard = watched(monitor)
    is_told(heard, PRESENT, Origin.START)

    logind.turn("2", LockedHint=True)
    logind.turn_silently("2", name, value)
    heard.told += monitor.resync()
    logind.turn("1", LockedHint=True)
    is_told(heard, AWAY, heard.until(lambda told: told[-1].fields == AWAY)[-1].origin)

    assert lines == [f"logind, {path_of('2')}: {said}: this session is passed over"]


@pytest.mark.parametrize(
    ("signature", "values", "said"),
    [
        ("s", ("9",), "logind says SessionNew with ('9',), not with a name and a path"),
        ("ss", ("9", "nowhere"), "logind says that a session is 'nowhere', which is no object"),
    ],
)
def test_a_signal_of_garbage_is_passed_over_and_said_once(
    logind: MadeLogind,
    monitor: SessionMonitor,
    lines: list[str],
    signature: str,
    values: tuple[object, ...],
    said: str,
) -> None:
    heard = watched(monitor)
    is_told(heard, AWAY, Origin.START)

    logind.say("SessionNew", signature, *values)
    logind.say("SessionNew", signature, *values)
    logind.come("1")
    is_told(heard, PRESENT)

    assert lines == [said]


def test_a_list_of_garbage_tells_nothing(
    logind: MadeLogind, monitor: SessionMonitor, system_bus: MadeBus, lines: list[str]
) -> None:
    logind.answers("ListSessions", "s", 'ret = "everybody"')

    heard = watched(monitor)
    heard.until(lambda told: bool(lines))

    assert lines == ["logind's list of sessions is ('everybody',): sessions are taken to be as they were"]
    assert heard.told == []
    assert monitor.snapshot() == []


def test_it_is_shown_who_tells_it(logind: MadeLogind, monitor: SessionMonitor) -> None:
    heard = watched(monitor, EVERYTHING)
    is_told(heard, AWAY, Origin.START)

    report = monitor.report()

    assert report.devices == ("logind",)
    assert report.refused == ()


def test_while_the_bus_does_not_answer_nobody_is_said_to_tell_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "bus"))
        mute.listen()
        surroundings = Surroundings(address=f"unix:path={tmp_path}/bus", machine=MadeMachine(tmp_path))
        with closing(SessionMonitor(clock=monotonic, settings={}, surroundings=surroundings)) as monitor:
            monitor.watch(LEVELS)
            report = monitor.report()

    assert (report.devices, report.refused) == ((), ("the bus does not say yet whether logind is there",))


def test_a_bus_without_logind_is_said_and_is_done_without(
    system_bus: MadeBus, monitor: SessionMonitor, lines: list[str]
) -> None:
    system_bus.is_activatable(LOGIND)
    heard = watched(monitor, EVERYTHING)

    is_told(heard, AWAY, Origin.START)

    assert lines == [
        "no logind is on the bus: utmp tells who is logged in, input devices whether somebody is there, nobody of sleep"
    ]
    assert "Suspend is not told: no logind is on the bus" in monitor.report().refused
    assert not system_bus.was_activated(LOGIND)


def test_a_logind_that_comes_later_takes_over(system_bus: MadeBus, monitor: SessionMonitor) -> None:
    heard = watched(monitor, asking({"name": "UserPresent"}))
    is_told(heard, AWAY, Origin.START)
    heard.forget()

    logind = MadeLogind(system_bus)
    logind.come("1")
    is_told(heard, PRESENT)

    assert monitor.report().devices == ("logind",)
    assert system_bus.hand.call(Call(LOGIND, PATH, MANAGER, "ListSessions"))
