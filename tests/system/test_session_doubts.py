"""A logind that is there and does not say who is: what it told before counts, and it is asked again."""

import select
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fake_machine import asking
from made_bus import Listener, MadeBus
from made_inputs import MadeMachine
from made_logind import SESSION, MadeLogind, path_of

from bridge.model.events import Origin
from bridge.monitors import bus_talk
from bridge.monitors.bus_words import Answered, Appeared, Call, Heard, Properties, Unknown, Wanted
from bridge.monitors.session import SessionMonitor, Surroundings
from bridge.monitors.session_logind import LOGIND, MANAGER, PATH, LogindSessions
from bridge.service.clock import monotonic
from bridge.sources.sessions import NOTHING_KNOWN, Sessions

LEVELS = asking({"name": "SessionConnected"}, {"name": "UserPresent"})
CONNECTED = {"name": "SessionConnected", "value": 1, "session": "1", "seat": "seat0", "user": "alice"}
PRESENT = {"name": "UserPresent", "value": 1}
AWAY = {"name": "UserPresent", "value": 0}
REFUSAL = 'raise dbus.exceptions.DBusException("not now", name="org.freedesktop.DBus.Error.AccessDenied")'
REFUSED = "logind does not tell its sessions: org.freedesktop.DBus.Error.AccessDenied: not now"


@pytest.fixture
def monitor(system_bus: MadeBus) -> Iterator[SessionMonitor]:
    """The monitor on that bus, which watches nothing yet."""
    (system_bus.folder / "sessions").mkdir()
    (system_bus.folder / "machine").mkdir()
    surroundings = Surroundings(
        address=system_bus.address,
        files=system_bus.folder / "sessions",
        machine=MadeMachine(system_bus.folder / "machine"),
    )
    with closing(SessionMonitor(clock=monotonic, settings={}, surroundings=surroundings)) as monitor:
        yield monitor


def rows(*names: str) -> str:
    """What the list is from now on, as a mock's code."""
    return f"ret = [(name, 1000, 'alice', 'seat0', '/org/freedesktop/login1/session/' + name) for name in {names}]"


def write_file(bus: MadeBus, name: str) -> None:
    """Writes the file of a session as logind does."""
    (bus.folder / "sessions" / ".written").touch()
    (bus.folder / "sessions" / ".written").rename(bus.folder / "sessions" / name)


def told_since(heard: Listener) -> list[tuple[object, Origin]]:
    return [(each.fields, each.origin) for each in heard.told]


def with_one_session(logind: MadeLogind, monitor: SessionMonitor, system_bus: MadeBus) -> Listener:
    """Who listens to the monitor, which has told of one session."""
    write_file(system_bus, "1")
    logind.come("1", is_told=False)
    heard = Listener(monitor)
    heard.told += monitor.watch(LEVELS)
    heard.until(lambda told: len(told) == 2)
    heard.forget()
    return heard


def test_a_list_that_is_refused_is_reported_and_asked_for_again_when_a_session_comes(
    logind: MadeLogind, monitor: SessionMonitor
) -> None:
    logind.answers("ListSessions", "a(susso)", REFUSAL)
    heard = Listener(monitor)
    heard.told += monitor.watch(LEVELS)
    heard.until(lambda _: REFUSED in monitor.report().refused)

    logind.answers("ListSessions", "a(susso)", rows("1"))
    logind.come("1")
    heard.until(lambda told: len(told) == 2)

    assert told_since(heard) == [(CONNECTED, Origin.START), (PRESENT, Origin.START)]
    assert monitor.report().refused == ()


def test_a_list_that_is_refused_is_asked_for_again_when_a_session_is_written(
    logind: MadeLogind, monitor: SessionMonitor, system_bus: MadeBus
) -> None:
    heard = with_one_session(logind, monitor, system_bus)
    logind.answers("ListSessions", "a(susso)", REFUSAL)
    heard.told += monitor.resync()
    heard.until(lambda _: REFUSED in monitor.report().refused)

    logind.answers("ListSessions", "a(susso)", rows())
    write_file(system_bus, "1")
    heard.until(lambda told: len(told) == 2)

    assert told_since(heard) == [({**CONNECTED, "value": 0}, Origin.RESYNC), (AWAY, Origin.RESYNC)]
    assert monitor.report().refused == ()


def test_a_list_that_does_not_come_is_reported_and_asked_for_until_it_does(
    logind: MadeLogind, monitor: SessionMonitor, system_bus: MadeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    logind.come("1", is_told=False)
    heard = Listener(monitor)
    with system_bus.deaf(LOGIND):
        monkeypatch.setattr(bus_talk, "ANSWER_SECONDS", 1.0)
        heard.told += monitor.watch(LEVELS)
        heard.until(lambda _: "logind does not tell its sessions: no answer in 25 s" in monitor.report().refused)
        assert heard.told == []

    heard.until(lambda told: len(told) == 2)

    assert told_since(heard) == [(CONNECTED, Origin.START), (PRESENT, Origin.START)]
    assert monitor.report().refused == ()


def test_a_session_of_which_nothing_is_said_is_as_it_was(
    logind: MadeLogind,
    monitor: SessionMonitor,
    system_bus: MadeBus,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard = with_one_session(logind, monitor, system_bus)

    with system_bus.deaf(LOGIND):
        monkeypatch.setattr(bus_talk, "ANSWER_SECONDS", 1.0)
        write_file(system_bus, "1")
        heard.until(lambda _: bool(caplog.messages))
    logind.turn("1", LockedHint=True)
    heard.until(bool)

    assert told_since(heard) == [(AWAY, Origin.LIVE)]
    said = "logind does not tell how sessions are: no answer in 25 s: they are taken to be as they were"
    assert caplog.messages == [said]


class AskedBus:
    """A bus that notes what is called, and says nothing."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def want(self, *wanted: Wanted) -> None: ...

    def forget(self, *wanted: Wanted) -> None: ...

    def call(self, call: Call) -> int:
        self.called.append(call.member)
        return len(self.called)


def test_until_every_session_of_a_list_is_known_all_is_as_it_was(tmp_path: Path) -> None:
    bus = AskedBus()
    row = ("1", 1000, "alice", "seat0", path_of("1"))
    with closing(select.epoll()) as epoll:
        sessions = LogindSessions(bus, epoll, tmp_path / "none")
        sessions.hear(Appeared(LOGIND))
        sessions.hear(Answered(1, ((row,),)))
        sessions.hear(Unknown(Properties(LOGIND, path_of("1"), SESSION), "a.b.C", "not for you"))
        unknown, refused = sessions.now, sessions.refused
        sessions.hear(Heard(LOGIND, PATH, MANAGER, "SessionNew", ("2", path_of("2"))))
        sessions.hear(Answered(2, ((),)))

    assert unknown == NOTHING_KNOWN
    assert refused == ("logind does not tell how sessions are: not for you: they are taken to be as they were",)
    assert bus.called == ["ListSessions", "ListSessions"]
    assert (sessions.now, sessions.refused) == (Sessions({}, False), ())
