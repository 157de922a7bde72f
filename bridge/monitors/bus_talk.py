"""The talking of a `Bus`: a coroutine that connects, subscribes and asks, for as long as it is not cancelled.

It decides nothing and believes nobody but the bus itself and whoever owns the name of a service that is wanted. All
calls but `run` are made in its loop.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from dbus_fast import BusType, Message, MessageFlag, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError

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
    Told,
    Unknown,
    Vanished,
    Wanted,
)

_BUS = "org.freedesktop.DBus"
_BUS_PATH = "/org/freedesktop/DBus"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_CONNECT_SECONDS = 20.0
ANSWER_SECONDS = 25.0  # what other libraries of D-Bus allow
_NO_ANSWER = f"no answer in {ANSWER_SECONDS:.0f} s"
_WRONG_TYPE = "org.freedesktop.DBus.Error.InvalidSignature"
_LOST = (OSError, EOFError, ValueError, DBusFastError)  # and what a peer makes of bytes that are no D-Bus

Then = Callable[[Message | None], None]
"""Takes the answer to a call, or None where none came in time."""

logging.getLogger("dbus_fast").setLevel(logging.ERROR)  # it warns, with a traceback, of a bus that went; we tell that


def _delays() -> Iterator[float]:
    return chain((0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0), repeat(60.0))


class Talk:
    """What is wanted, and one connection after another on which it is asked for."""

    def __init__(self, address: str, tell: Callable[[Told], bool]) -> None:
        """`tell` is false where nobody reads what is told: the connection is given up then, for all to be told anew."""
        self._address = address
        self._tell_reader = tell
        self._wanted: dict[Wanted, None] = {}
        self._bus: MessageBus | None = None
        self._delays = _delays()
        self._pending: dict[int, tuple[Then, asyncio.TimerHandle]] = {}
        self._owners: dict[str, str | None] = {}
        """The unique name behind the name of each service that is wanted; None before the bus has said it."""
        self._values: dict[Properties, dict[str, Any]] = {}
        self._asked: set[Properties] = set()
        """Of these an answer is still to come, which is newer than any change that was told before it."""

    async def run(self) -> None:
        """Keeps a connection, until it is cancelled."""
        while True:
            try:
                await self._converse()
            except _LOST as error:
                self._tell_reader(Disconnected(f"{self._address}: {str(error) or 'it ended the connection'}"))
            await asyncio.sleep(next(self._delays))

    async def _converse(self) -> None:
        """One connection, from its making to its end. Raises one of `_LOST`."""
        bus = MessageBus(self._address, BusType.SYSTEM, negotiate_unix_fd=True)
        bus.add_message_handler(self._hear)
        async with asyncio.timeout(_CONNECT_SECONDS):
            await bus.connect()
        gone = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]  # dbus-fast has no types here
        try:
            self._delays = _delays()
            self._bus = bus
            self._tell(Connected())
            for wanted in self._wanted:
                self._subscribe(wanted)
            await asyncio.wait({gone})
            gone.result()
            raise EOFError("the connection was given up, as more came than was read")
        finally:
            self._bus = None
            self._forget_all()
            bus.disconnect()  # shuts the socket down; it is closed when that is heard
            await asyncio.wait({gone})
            gone.exception()

    def _forget_all(self) -> None:
        for _, timer in self._pending.values():
            timer.cancel()
        self._pending.clear()
        self._owners.clear()
        self._values.clear()
        self._asked.clear()

    def want(self, wanted: Sequence[Wanted]) -> None:
        """Tells of these from now on."""
        for each in wanted:
            if each not in self._wanted:
                self._wanted[each] = None
                self._subscribe(each)

    def forget(self, wanted: Sequence[Wanted]) -> None:
        """Tells of these no more."""
        for each in wanted:
            if each in self._wanted:
                del self._wanted[each]
                if isinstance(each, Properties):
                    self._values.pop(each, None)
                    self._asked.discard(each)
                self._ask_bus("RemoveMatch", _match_of(each), lambda answer: None)

    def look(self) -> None:
        """Asks for all properties of services that are there."""
        for each in self._wanted:
            if isinstance(each, Properties) and self._owners.get(each.service):
                self._get(each)

    def call(self, number: int, call: Call) -> None:
        """Asks a service."""

        def then(answer: Message | None) -> None:
            if answer is None:
                self._tell(Failed(number, "", _NO_ANSWER))
            elif answer.message_type is MessageType.ERROR:
                self._tell(Failed(number, str(answer.error_name), _text_of(answer)))
            else:
                descriptors, answer.unix_fds = tuple(answer.unix_fds), []
                self._tell(Answered(number, _plain(answer.body), descriptors))

        if self._bus is None:
            self._tell(Failed(number, f"{_BUS}.Error.Disconnected", "there is no connection to the bus"))
        self._send(call, then)

    def _subscribe(self, wanted: Wanted) -> None:
        if self._bus is None:
            return

        def then(answer: Message | None) -> None:
            if answer is None:
                self._tell(Unknown(wanted, "", _NO_ANSWER))
            elif answer.message_type is MessageType.ERROR:
                self._tell(Unknown(wanted, str(answer.error_name), _text_of(answer)))

        self._ask_bus("AddMatch", _match_of(wanted), then)
        if wanted.service not in self._owners:
            self._owners[wanted.service] = None
            self._ask_bus("AddMatch", _match_of_owner(wanted.service), then)
            self._find(wanted.service)
        elif isinstance(wanted, Properties) and self._owners[wanted.service]:
            self._get(wanted)

    def _find(self, service: str) -> None:
        """Asks who has the name, until the bus says so: of a service that is there, and stays, it tells no more."""

        def then(answer: Message | None) -> None:
            if answer is None:
                self._find(service)
                return
            self._turned(service, str(answer.body[0]) if answer.message_type is MessageType.METHOD_RETURN else "")

        self._ask_bus("GetNameOwner", service, then)

    def _turned(self, service: str, owner: str) -> None:
        """A service is another process's from now on, or nobody's."""
        if self._owners.get(service) == owner:
            return
        self._owners[service] = owner
        for each in [each for each in self._values if each.service == service]:
            del self._values[each]
        self._tell(Appeared(service) if owner else Vanished(service))
        for wanted in self._wanted:
            if owner and isinstance(wanted, Properties) and wanted.service == service:
                self._get(wanted)

    def _get(self, wanted: Properties) -> None:
        """Asks for all of them: once more where no answer comes, and after an error at the next change."""

        def then(answer: Message | None) -> None:
            if wanted not in self._wanted:
                return
            self._asked.discard(wanted)
            self._values.pop(wanted, None)
            if answer is None:
                self._tell(Unknown(wanted, "", _NO_ANSWER))
                self._get(wanted)
            elif answer.message_type is MessageType.ERROR:
                self._tell(Unknown(wanted, str(answer.error_name), _text_of(answer)))
            elif answer.signature != "a{sv}":
                why = f"the answer to GetAll is of type {answer.signature!r}, not 'a{{sv}}'"
                self._tell(Unknown(wanted, _WRONG_TYPE, why))
            else:
                self._values[wanted] = dict(_plain(answer.body)[0])
                self._tell(Known(wanted, dict(self._values[wanted])))

        self._asked.add(wanted)
        arguments = (wanted.interface,)
        self._send(Call(wanted.service, wanted.path, _PROPERTIES, "GetAll", "s", arguments), then)

    def _hear(self, message: Message) -> bool:
        """Every message that comes. What nobody asked for is dropped, with the descriptors in it."""
        for descriptor in message.unix_fds:
            os.set_inheritable(descriptor, False)
        try:
            match message.message_type:
                case MessageType.METHOD_RETURN | MessageType.ERROR:
                    return self._hear_answer(message)
                case MessageType.SIGNAL:
                    self._hear_signal(message)
            return False
        finally:
            for descriptor in message.unix_fds:
                os.close(descriptor)

    def _hear_answer(self, message: Message) -> bool:
        if message.reply_serial not in self._pending:
            return False
        then, timer = self._pending.pop(message.reply_serial)
        timer.cancel()
        then(message)
        return True

    def _hear_signal(self, message: Message) -> None:
        if message.sender == _BUS:
            if message.member == "NameOwnerChanged" and message.body[0] in self._owners:
                self._turned(message.body[0], message.body[2])
            return
        if message.interface == _PROPERTIES and message.member == "PropertiesChanged":
            self._hear_change(message)
        for service in self._services_of(message):
            where = str(message.path), str(message.interface), str(message.member)
            self._tell(Heard(service, *where, _plain(message.body)))

    def _services_of(self, message: Message) -> set[str]:
        """The services that this signal was wanted of, and that it comes from."""
        return {
            each.service
            for each in self._wanted
            if isinstance(each, Signals)
            and (each.interface, each.member) == (message.interface, message.member)
            and each.path in (None, message.path)
            and self._owners.get(each.service) == message.sender
        }

    def _hear_change(self, message: Message) -> None:
        if message.signature != "sa{sv}as":
            return
        interface, changed, invalidated = message.body
        for wanted in [each for each in self._wanted if isinstance(each, Properties)]:
            if (wanted.path, wanted.interface) != (message.path, interface):
                continue
            if self._owners.get(wanted.service) != message.sender:
                continue
            if wanted in self._values and not invalidated:
                self._values[wanted].update(_plain(changed))
                self._tell(Known(wanted, dict(self._values[wanted])))
            elif wanted not in self._asked:
                self._get(wanted)

    def _ask_bus(self, member: str, argument: str, then: Then) -> None:
        self._send(Call(_BUS, _BUS_PATH, _BUS, member, "s", (argument,)), then)

    def _send(self, call: Call, then: Then) -> None:
        if self._bus is None:
            return
        message = Message(
            destination=call.service,
            path=call.path,
            interface=call.interface,
            member=call.member,
            signature=call.signature,
            body=list(call.arguments),
            flags=MessageFlag.NO_AUTOSTART,
            serial=self._bus.next_serial(),
        )
        timer = asyncio.get_running_loop().call_later(ANSWER_SECONDS, self._give_up, message.serial)
        self._pending[message.serial] = then, timer
        self._bus.send(message).add_done_callback(_take_notice)

    def _give_up(self, serial: int) -> None:
        then, _ = self._pending.pop(serial)
        then(None)

    def _tell(self, told: Told) -> None:
        if not self._tell_reader(told) and self._bus is not None:
            self._bus.disconnect()


def _match_of(wanted: Wanted) -> str:
    match wanted:
        case Signals(service, interface, member, path):
            return _rule(sender=service, interface=interface, member=member, path=path)
        case Properties(service, path, interface):
            return _rule(sender=service, interface=_PROPERTIES, member="PropertiesChanged", path=path, arg0=interface)


def _match_of_owner(service: str) -> str:
    return _rule(sender=_BUS, interface=_BUS, member="NameOwnerChanged", path=_BUS_PATH, arg0=service)


def _rule(**keys: str | None) -> str:
    return ",".join(f"{key}='{value}'" for key, value in {"type": "signal", **keys}.items() if value is not None)


def _text_of(error: Message) -> str:
    text = error.body[0] if error.body and isinstance(error.body[0], str) else ""
    return f"{error.error_name}: {text}" if text else str(error.error_name)


def _plain(value: Any) -> Any:
    """What came, without types of D-Bus: variants are what they hold, arrays and structures are tuples."""
    match value:
        case Variant():
            return _plain(value.value)
        case list() | tuple():
            return tuple(map(_plain, value))
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case _:
            return value


def _take_notice(sent: "asyncio.Future[None]") -> None:
    """What could not be sent is told with the end of the connection."""
    if not sent.cancelled():
        sent.exception()
