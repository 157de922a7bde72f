"""The system bus as monitors have it, with services that are made up: what it tells, and what it leaves."""

import asyncio
import os
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from made_bus import DEADLINE_SECONDS, MOCK, Listener, MadeBus, knows, open_now

from bridge.errors import InvalidValueError
from bridge.monitors.bus import MOST_UNREAD, Bus
from bridge.monitors.bus_words import (
    Answered,
    Appeared,
    Call,
    Connected,
    Disconnected,
    Failed,
    Heard,
    Known,
    Properties,
    Signals,
    Unknown,
    Vanished,
)

LOGIND = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
MANAGER = f"{LOGIND}.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
OF_MANAGER = Properties(LOGIND, PATH, MANAGER)
SLEEP = Signals(LOGIND, MANAGER, "PrepareForSleep")
CALLER = "org.hwbridge.Caller"
CALLS = Signals(CALLER, CALLER, "Called")


@pytest.fixture
def heard(bus: Bus) -> Listener:
    """All that the connection tells."""
    return Listener(bus)


def told_to(bus: Bus) -> int:
    """How often something was told since anybody read, as the kernel counts it."""
    counted = Path(f"/proc/self/fdinfo/{bus.fileno()}").read_text()
    return int(counted.partition("eventfd-count:")[2].split()[0], 16)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        select.select([], [], [], 0.01)


def to_the_bus(member: str) -> Message:
    return Message(destination="org.freedesktop.DBus", path="/", interface="org.freedesktop.DBus", member=member)


async def say_to_all(address: str, message: Message) -> None:
    """Sends a signal to every connection that there is, as anybody may."""
    bus = MessageBus(address, negotiate_unix_fd=True)
    await bus.connect()
    names = await bus.call(to_the_bus("ListNames"))
    for name in names.body[0] if names is not None else ():
        if name.startswith(":") and name != bus.unique_name:
            message.destination, message.serial = name, bus.next_serial()
            await bus.send(message)
    bus.disconnect()
    await bus.wait_for_disconnect()


async def call_often(address: str, times: int) -> None:
    bus = MessageBus(address)
    await bus.connect()
    await bus.request_name(CALLER)
    for number in range(times):
        if number % 50 == 0:  # dbus-fast takes a full socket for the end of the connection
            await bus.call(to_the_bus("GetId"))
        await bus.send(
            Message(
                message_type=MessageType.SIGNAL,
                path="/",
                interface=CALLER,
                member="Called",
                signature="i",
                body=[number],
                serial=bus.next_serial(),
            )
        )
    bus.disconnect()
    await bus.wait_for_disconnect()


def test_a_service_that_is_there_is_told_with_all_its_properties(
    system_bus: MadeBus, bus: Bus, heard: Listener
) -> None:
    system_bus.mock("logind", LOGIND)

    bus.want(OF_MANAGER)
    told = heard.until(lambda told: any(isinstance(each, Known) for each in told))

    assert told[:2] == [Connected(), Appeared(LOGIND)]
    assert told[2].values["PreparingForSleep"] is False
    assert told[2].values["IdleAction"] == "ignore"


def test_a_service_that_is_not_there_is_told_so_and_never_started(
    system_bus: MadeBus, bus: Bus, heard: Listener
) -> None:
    system_bus.is_activatable(LOGIND)

    bus.want(OF_MANAGER, SLEEP)
    heard.until_told(Vanished(LOGIND))
    bus.look()
    number = bus.call(Call(LOGIND, PATH, MANAGER, "ListSessions"))
    told = heard.until(lambda told: any(isinstance(each, Failed) for each in told))

    assert told[-1].number == number
    assert not system_bus.was_activated(LOGIND)


def test_after_a_change_all_properties_are_told_as_they_are_now(system_bus: MadeBus, bus: Bus, heard: Listener) -> None:
    system_bus.mock("logind", LOGIND)
    bus.want(OF_MANAGER)
    heard.until(lambda told: knows(told, "IdleHint", False))

    system_bus.hand.update(OF_MANAGER, {"IdleHint": Variant("b", True)})
    told = heard.until(lambda told: knows(told, "IdleHint", True))

    assert told[-1].values["IdleAction"] == "ignore"


def test_properties_that_are_only_said_to_have_changed_are_asked_for(
    system_bus: MadeBus, bus: Bus, heard: Listener
) -> None:
    system_bus.mock("logind", LOGIND)
    bus.want(OF_MANAGER)
    heard.until(lambda told: knows(told, "IdleAction", "ignore"))

    system_bus.hand.call(Call(LOGIND, PATH, PROPERTIES, "Set", "ssv", (MANAGER, "IdleAction", Variant("s", "suspend"))))
    changed = Heard(LOGIND, PATH, PROPERTIES, "PropertiesChanged", (MANAGER, {}, ["IdleAction"]))
    system_bus.hand.emit(changed, "sa{sv}as")

    heard.until(lambda told: knows(told, "IdleAction", "suspend"))


def test_a_signal_is_told_with_what_it_says(system_bus: MadeBus, bus: Bus, heard: Listener) -> None:
    system_bus.mock("logind", LOGIND)
    bus.want(SLEEP)
    heard.until_told(Appeared(LOGIND))

    system_bus.hand.emit(Heard(LOGIND, PATH, MANAGER, "PrepareForShutdown", (True,)), "b")
    system_bus.hand.emit(Heard(LOGIND, PATH, MANAGER, "PrepareForSleep", (True,)), "b")
    told = heard.until_told(Heard(LOGIND, PATH, MANAGER, "PrepareForSleep", (True,)))

    assert [each.member for each in told if isinstance(each, Heard)] == ["PrepareForSleep"]


def test_what_is_forgotten_is_told_no_more(system_bus: MadeBus, bus: Bus, heard: Listener) -> None:
    system_bus.mock("logind", LOGIND)
    other = Signals(LOGIND, MANAGER, "PrepareForShutdown")
    bus.want(SLEEP, OF_MANAGER, other)
    heard.until(lambda told: knows(told, "IdleHint", False))
    heard.forget()

    bus.forget(SLEEP, OF_MANAGER)
    system_bus.hand.update(OF_MANAGER, {"IdleHint": Variant("b", True)})
    system_bus.hand.emit(Heard(LOGIND, PATH, MANAGER, "PrepareForSleep", (True,)), "b")
    system_bus.hand.emit(Heard(LOGIND, PATH, MANAGER, "PrepareForShutdown", (True,)), "b")

    last = Heard(LOGIND, PATH, MANAGER, "PrepareForShutdown", (True,))
    assert [each for each in heard.until_told(last) if isinstance(each, Heard)] == [last]


@pytest.mark.parametrize("member", ["PrepareForSleep", "NameOwnerChanged"])
def test_nobody_else_is_taken_for_a_service_or_for_the_bus(
    system_bus: MadeBus, bus: Bus, heard: Listener, member: str
) -> None:
    system_bus.mock("logind", LOGIND)
    bus.want(SLEEP, OF_MANAGER)
    heard.until(lambda told: knows(told, "IdleHint", False))
    heard.forget()
    is_owner = member == "NameOwnerChanged"
    forged = Message(
        message_type=MessageType.SIGNAL,
        path="/org/freedesktop/DBus" if is_owner else PATH,
        interface="org.freedesktop.DBus" if is_owner else MANAGER,
        member=member,
        signature="sss" if is_owner else "b",
        body=[LOGIND, ":1.0", ""] if is_owner else [True],
    )

    asyncio.run(say_to_all(system_bus.address, forged))
    system_bus.hand.emit(Heard(LOGIND, PATH, MANAGER, "PrepareForSleep", (False,)), "b")

    true = Heard(LOGIND, PATH, MANAGER, "PrepareForSleep", (False,))
    assert heard.until_told(true) == [true]


def test_descriptors_that_nobody_asked_for_are_closed(system_bus: MadeBus, bus: Bus, heard: Listener) -> None:
    system_bus.mock("logind", LOGIND)
    bus.want(SLEEP)
    heard.until_told(Appeared(LOGIND))
    before = open_now()
    reader, writer = os.pipe()
    gift = Message(
        message_type=MessageType.SIGNAL,
        path="/",
        interface="a.b",
        member="C",
        signature="h",
        body=[0],
        unix_fds=[writer],
    )

    asyncio.run(say_to_all(system_bus.address, gift))
    system_bus.hand.emit(Heard(LOGIND, PATH, MANAGER, "PrepareForSleep", (True,)), "b")
    heard.until_told(Heard(LOGIND, PATH, MANAGER, "PrepareForSleep", (True,)))
    os.close(writer)

    assert os.read(reader, 1) == b"", "somebody else holds the other end"
    os.close(reader)
    assert open_now() == before


def test_an_answer_has_descriptors_that_no_child_inherits(system_bus: MadeBus, bus: Bus, heard: Listener) -> None:
    system_bus.mock("logind", LOGIND)

    number = bus.call(Call(LOGIND, PATH, MANAGER, "Inhibit", "ssss", ("sleep", "who", "why", "delay")))
    told = heard.until(lambda told: any(isinstance(each, Answered | Failed) for each in told))
    (descriptor,) = told[-1].descriptors

    assert told[-1].number == number
    assert not os.get_inheritable(descriptor)
    assert system_bus.hand.call(Call(LOGIND, PATH, MANAGER, "ListInhibitors")) != ((),)
    os.close(descriptor)


def test_an_error_is_told_as_a_failure_with_its_name(system_bus: MadeBus, bus: Bus, heard: Listener) -> None:
    system_bus.mock("logind", LOGIND)

    number = bus.call(Call(LOGIND, PATH, MANAGER, "NoSuchMethod"))
    (told,) = [each for each in heard.until(lambda told: len(told) > 1) if isinstance(each, Failed)]

    assert told.number == number
    assert told.error == "org.freedesktop.DBus.Error.UnknownMethod"


def test_properties_that_cannot_be_had_are_unknown_and_why(system_bus: MadeBus, bus: Bus, heard: Listener) -> None:
    system_bus.mock("logind", LOGIND)
    nowhere = Properties(LOGIND, f"{PATH}/session/none", f"{LOGIND}.Session")

    bus.want(nowhere)
    told = heard.until(lambda told: any(isinstance(each, Unknown) for each in told))

    assert told[-1].of == nowhere
    assert "org.freedesktop.DBus.Error" in told[-1].why


def test_a_service_that_starts_anew_is_asked_anew(system_bus: MadeBus, bus: Bus, heard: Listener) -> None:
    system_bus.mock("logind", LOGIND)
    bus.want(OF_MANAGER)
    heard.until(lambda told: knows(told, "IdleHint", False))
    heard.forget()

    system_bus.unmock(LOGIND)
    system_bus.mock("logind", LOGIND)

    told = heard.until(lambda told: knows(told, "IdleHint", False))
    assert told[:2] == [Vanished(LOGIND), Appeared(LOGIND)]


def test_a_bus_that_comes_back_is_told_what_is_wanted_and_tells_it_anew(
    system_bus: MadeBus, bus: Bus, heard: Listener
) -> None:
    system_bus.mock("logind", LOGIND)
    bus.want(OF_MANAGER)
    heard.until(lambda told: knows(told, "IdleHint", False))
    heard.forget()

    system_bus.stop()
    heard.until(lambda told: any(isinstance(each, Disconnected) for each in told))
    system_bus.start()
    system_bus.mock("logind", LOGIND)

    heard.until(lambda told: knows(told, "IdleHint", False))
    assert Connected() in heard.told


def test_who_does_not_read_is_told_everything_anew(system_bus: MadeBus, bus: Bus, heard: Listener) -> None:
    system_bus.mock("logind", LOGIND)
    bus.want(CALLS, OF_MANAGER)
    heard.until(lambda told: knows(told, "IdleHint", False))
    heard.forget()

    asyncio.run(call_often(system_bus.address, MOST_UNREAD + 100))
    until(lambda: told_to(bus) > MOST_UNREAD)

    told = heard.until(lambda told: knows(told, "IdleHint", False))
    assert any(isinstance(each, Disconnected) and "more came than was read" in each.why for each in told)
    assert len(told) < MOST_UNREAD


def test_nothing_stays_open_after_close(system_bus: MadeBus) -> None:
    system_bus.mock("logind", LOGIND)
    before, threads = open_now(), threading.active_count()

    bus = Bus(system_bus.address)
    bus.want(OF_MANAGER)
    bus.call(Call(LOGIND, PATH, MANAGER, "Inhibit", "ssss", ("sleep", "who", "why", "delay")))
    bus.close()
    bus = Bus(system_bus.address)
    bus.call(Call(LOGIND, PATH, MANAGER, "Inhibit", "ssss", ("sleep", "who", "why", "delay")))
    system_bus.hand.call(Call(LOGIND, PATH, MOCK, "GetCalls"))
    bus.close()

    assert open_now() == before
    assert threading.active_count() == threads


@pytest.mark.parametrize("path", ["", "org", "/org/", "/org//a", "/a-b", 7])
def test_what_is_no_path_of_an_object_is_refused(path: object) -> None:
    with pytest.raises(InvalidValueError, match="is not the path of an object"):
        Properties(LOGIND, path, MANAGER)  # type: ignore[arg-type]  # as a service may answer
