"""Sessions and presence where no bus is: utmp in a mount namespace, and input devices that are made up."""

import errno
import os
import select
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fake_machine import asking
from made_bus import Listener
from made_inputs import KEY_A, REL_X, Code, MadeMachine, MadeUevent, no_descriptor_is_left_open
from namespace import in_namespace

from bridge.model.codes import code_number
from bridge.model.events import Event, Origin
from bridge.monitors.session import AWAY_AFTER, SessionMonitor, Surroundings
from bridge.monitors.session_input import QUIET
from bridge.monitors.session_utmp import UTMP

ENTER: Code = (1, code_number(1, "KEY_ENTER"))
POWER: Code = (1, code_number(1, "KEY_POWER"))
KEYBOARD = "/dev/input/event3"
PRESENCE = asking({"name": "UserPresent"})
SESSIONS = asking({"name": "SessionConnected"})
_UTMP = struct.Struct("@hi32s4s32s256shhiii4i20s")  # utmp(5)
_USER_PROCESS = 7


class Clock:
    """A clock that stands still until it is set on."""

    def __init__(self) -> None:
        self.now = 5_000_000

    def __call__(self) -> int:
        return self.now


@contextmanager
def monitor_of(clock: Clock, machine: MadeMachine) -> Iterator[SessionMonitor]:
    surroundings = Surroundings(address="unix:path=/nowhere/bus", machine=machine)
    with closing(SessionMonitor(clock=clock, settings={}, surroundings=surroundings)) as monitor:
        yield monitor


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def monitor(clock: Clock, machine: MadeMachine) -> Iterator[SessionMonitor]:
    with monitor_of(clock, machine) as monitor:
        yield monitor


def is_readable(monitor: SessionMonitor) -> bool:
    return bool(select.select([monitor], [], [], 0)[0])


def values_of(told: object) -> list[tuple[object, Origin]]:
    assert isinstance(told, list)
    return [(each.fields["value"], each.origin) for each in told if isinstance(each, Event)]


def touch(machine: MadeMachine, clock: Clock, node: str = KEYBOARD) -> None:
    machine.nodes[node].send(KEY_A, 1, at=clock.now)


def test_before_the_first_touch_nobody_is_there(machine: MadeMachine, monitor: SessionMonitor) -> None:
    machine.plug(3, "Keyboard", [KEY_A, ENTER])

    assert values_of(monitor.watch(PRESENCE)) == [(0, Origin.START)]
    assert monitor.deadline() is None
    assert not is_readable(monitor)


def test_who_touches_a_key_is_there_and_wakes_us_no_more_for_a_while(
    machine: MadeMachine, monitor: SessionMonitor, clock: Clock
) -> None:
    machine.plug(3, "Keyboard", [KEY_A, ENTER])
    monitor.watch(PRESENCE)

    touch(machine, clock)
    assert is_readable(monitor)
    assert values_of(monitor.read()) == [(1, Origin.LIVE)]

    clock.now += QUIET // 2
    touch(machine, clock)
    assert not is_readable(monitor)
    assert monitor.deadline() == clock.now + QUIET // 2


def test_who_touches_nothing_for_long_enough_is_away(
    machine: MadeMachine, monitor: SessionMonitor, clock: Clock
) -> None:
    machine.plug(3, "Keyboard", [KEY_A, ENTER])
    monitor.watch(PRESENCE)
    touch(machine, clock)
    monitor.read()
    clock.now += QUIET // 2
    touch(machine, clock)
    last = clock.now

    woken = []
    while (deadline := monitor.deadline()) is not None:
        clock.now = deadline
        woken += [(clock.now, *each) for each in values_of(monitor.read())]

    assert woken == [(last + AWAY_AFTER, 0, Origin.LIVE)]
    assert not is_readable(monitor)


def test_who_goes_on_typing_wakes_us_once_in_a_while_and_stays(
    machine: MadeMachine, monitor: SessionMonitor, clock: Clock
) -> None:
    machine.plug(3, "Keyboard", [KEY_A, ENTER])
    monitor.watch(PRESENCE)
    touch(machine, clock)
    monitor.read()

    for _ in range(60):
        touch(machine, clock)
        assert not is_readable(monitor)
        assert monitor.deadline() == clock.now + QUIET
        clock.now += QUIET
        assert monitor.read() == []


def test_who_comes_back_is_there_at_the_first_touch(
    machine: MadeMachine, monitor: SessionMonitor, clock: Clock
) -> None:
    machine.plug(3, "Mouse", [(1, code_number(1, "BTN_LEFT")), REL_X])
    monitor.watch(PRESENCE)
    machine.nodes[KEYBOARD].send(REL_X, 4, at=clock.now)
    monitor.read()
    while (deadline := monitor.deadline()) is not None:
        clock.now = deadline
        monitor.read()

    machine.nodes[KEYBOARD].send(REL_X, 4, at=clock.now)

    assert is_readable(monitor)
    assert values_of(monitor.read()) == [(1, Origin.LIVE)]


def test_what_is_listened_to_is_counted(machine: MadeMachine, monitor: SessionMonitor) -> None:
    monitor.watch(PRESENCE)
    none = monitor.report().devices
    for number in (3, 4):
        devpath = machine.plug(number, "Keyboard", [KEY_A, ENTER])
        machine.uevents[-1].tell(MadeUevent("add", devpath))
        monitor.read()
        if number == 3:
            one = monitor.report().devices

    assert (none, one) == (("no keyboard or pointer",), ("1 keyboard or pointer",))
    assert monitor.report().devices == ("2 keyboards and pointers",)


def test_what_is_typed_is_not_told(machine: MadeMachine, monitor: SessionMonitor, clock: Clock) -> None:
    machine.plug(3, "Keyboard", [KEY_A, ENTER])
    monitor.watch(PRESENCE)

    touch(machine, clock)

    assert [each.fields for each in monitor.read() if isinstance(each, Event)] == [{"name": "UserPresent", "value": 1}]


def test_a_device_that_nobody_touches_all_the_time_is_not_opened(machine: MadeMachine, monitor: SessionMonitor) -> None:
    machine.plug(3, "Power Button", [POWER])

    monitor.watch(PRESENCE)

    assert machine.opened == []


def test_a_keyboard_that_comes_later_is_heard(machine: MadeMachine, monitor: SessionMonitor, clock: Clock) -> None:
    monitor.watch(PRESENCE)

    devpath = machine.plug(3, "Keyboard", [KEY_A, ENTER])
    machine.uevents[-1].tell(MadeUevent("add", devpath))
    monitor.read()
    touch(machine, clock)

    assert values_of(monitor.read()) == [(1, Origin.LIVE)]


def test_a_keyboard_that_goes_is_closed(machine: MadeMachine, monitor: SessionMonitor, clock: Clock) -> None:
    devpath = machine.plug(3, "Keyboard", [KEY_A, ENTER])
    monitor.watch(PRESENCE)

    touch(machine, clock)
    machine.unplug(devpath)
    told = monitor.read()
    clock.now += QUIET
    monitor.read()

    assert values_of(told) == [(1, Origin.LIVE)]
    assert machine.nodes[KEYBOARD].closed
    assert not is_readable(monitor)


def test_a_device_that_may_not_be_read_is_reported_with_the_remedy(
    machine: MadeMachine, monitor: SessionMonitor
) -> None:
    machine.plug(3, "Keyboard", [KEY_A, ENTER])
    machine.forbid(KEYBOARD)

    told = monitor.watch(PRESENCE)

    assert told == [], "whether somebody is there is not known"
    remedy = "add the user that hwbridge runs as to the group input, or run it as root"
    assert monitor.report().refused == (f"{KEYBOARD}: may not be read (Permission denied): {remedy}",)


def test_a_device_that_fails_is_reported_and_others_are_heard(
    machine: MadeMachine, monitor: SessionMonitor, clock: Clock
) -> None:
    machine.forbidden[KEYBOARD] = OSError(errno.EIO, os.strerror(errno.EIO))
    machine.plug(3, "Keyboard", [KEY_A, ENTER])
    machine.plug(4, "Other", [KEY_A, ENTER])

    monitor.watch(PRESENCE)
    touch(machine, clock, "/dev/input/event4")

    assert values_of(monitor.read()) == [(1, Origin.LIVE)]
    assert len(monitor.report().refused) == 1


def test_without_logind_sleep_is_told_by_nobody_and_that_is_reported(monitor: SessionMonitor) -> None:
    monitor.watch(asking({"name": "Suspend"}))

    assert monitor.report().refused == ("Suspend is not told: no D-Bus runs here: there is no /nowhere/bus",)


def test_who_asks_for_more_keeps_what_is_known(machine: MadeMachine, monitor: SessionMonitor, clock: Clock) -> None:
    machine.plug(3, "Keyboard", [KEY_A, ENTER])
    monitor.watch(PRESENCE)
    touch(machine, clock)
    monitor.read()

    told = monitor.watch(asking({"name": "UserPresent"}, {"name": "Suspend"}))

    assert told == []
    assert monitor.deadline() is not None


def test_nothing_stays_open(machine: MadeMachine, clock: Clock) -> None:
    machine.plug(3, "Keyboard", [KEY_A, ENTER])
    with no_descriptor_is_left_open(), monitor_of(clock, machine) as monitor:
        monitor.watch(asking({"name": "UserPresent"}, {"name": "SessionConnected"}))
        touch(machine, clock)
        monitor.read()


def entry(line: str, user: str, pid: int) -> bytes:
    names = line.encode(), b"", user.encode(), b""
    return _UTMP.pack(_USER_PROCESS, pid, *names, 0, 0, 0, 1, 0, 0, 0, 0, 0, b"")


def write(*entries: bytes) -> None:
    with UTMP.open("r+b" if UTMP.exists() else "wb") as file:
        file.write(b"".join(entries))
        file.truncate()


def _told_by_utmp(monitor: SessionMonitor, heard: Listener) -> None:
    ours, gone = os.getpid(), 2**22 - 1  # the second is above what the kernel gives out
    assert heard.told == []
    assert monitor.report().devices == ()
    assert monitor.report().refused == (f"sessions are not known: there is neither a logind on a D-Bus nor {UTMP}",)

    write()
    heard.until(bool)
    write(entry("tty1", "alice", ours))
    heard.until(lambda told: len(told) == 2)
    write(entry("tty1", "alice", ours), entry("pts/0", "bob", ours), entry("pts/1", "carol", gone))
    heard.until(lambda told: len(told) == 3)
    write(entry("pts/1", "carol", gone))
    heard.until(lambda told: len(told) == 4)

    assert [each.fields for each in heard.told] == [
        {"name": "SessionConnected", "value": 0},
        {"name": "SessionConnected", "value": 1, "session": "tty1", "user": "alice"},
        {"name": "SessionConnected", "value": 1, "session": "pts/0", "user": "bob"},
        {"name": "SessionConnected", "value": 0, "session": "pts/0", "user": "bob"},
    ]
    assert [each.origin for each in heard.told] == [Origin.START, Origin.LIVE, Origin.LIVE, Origin.LIVE]
    assert monitor.report().refused == ()
    assert monitor.report().devices == (str(UTMP),)


@in_namespace
def test_without_logind_utmp_tells_who_is_logged_in() -> None:
    with tempfile.TemporaryDirectory() as folder, monitor_of(Clock(), MadeMachine(Path(folder))) as monitor:
        heard = Listener(monitor)
        heard.told += monitor.watch(SESSIONS)

        _told_by_utmp(monitor, heard)
