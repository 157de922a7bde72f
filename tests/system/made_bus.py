"""A system bus of one's own, with services made of python-dbusmock on it. It answers as templates and tests say."""

import functools
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from dbus_fast import Variant
from dbus_fast.signature import get_signature_tree

from bridge.monitors.bus import Bus
from bridge.monitors.bus_words import (
    Answered,
    Appeared,
    Call,
    Connected,
    Failed,
    Heard,
    Known,
    Properties,
    Signals,
    Told,
    Values,
    Vanished,
)

DEADLINE_SECONDS = 30
MOCK = "org.freedesktop.DBus.Mock"
_BUS, _ANOTHER = "org.freedesktop.DBus", "org.freedesktop.hwbridge.Another"
_PYTHON = "/usr/bin/python3"  # Debian's, which has python3-dbusmock
_CONFIGURATION = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
_ACTIVATED = """
[D-BUS Service]
Name={service}
Exec=/bin/sh -c 'touch {folder}/activated.{service}; exit 1'
"""


@functools.cache
def why_not() -> str | None:
    """Why there can be no such bus here, if so."""
    if shutil.which("dbus-daemon") is None:
        return "dbus-daemon is not installed"
    tried = subprocess.run([_PYTHON, "-c", "import dbusmock"], capture_output=True, text=True, check=False)
    return f"python3-dbusmock is not installed: {tried.stderr.strip()}" if tried.returncode else None


class Reader(Protocol):
    """A bus, or a monitor."""

    def fileno(self) -> int: ...

    def read(self) -> Sequence[Any]: ...


class MadeBus:
    """A bus below `folder`, which begins with `start`. `hand` is a connection of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix:path={folder}/bus"
        (folder / "services").mkdir()
        (folder / "bus.conf").write_text(_CONFIGURATION.format(folder=folder))
        self._daemon: subprocess.Popen[bytes] | None = None
        self._mocks: dict[str, subprocess.Popen[bytes]] = {}
        self.hand: Hand

    def start(self) -> None:
        """The bus is there when this returns."""
        command = ["dbus-daemon", "--nofork", "--nopidfile", "--print-address", f"--config-file={self.folder}/bus.conf"]
        quiet = subprocess.DEVNULL
        self._daemon = subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet)
        assert self._daemon.stdout is not None
        with self._daemon.stdout as said:
            said.readline()  # it listens by then
        self.hand = Hand(self.address)

    def stop(self) -> None:
        """The bus goes, and with it everybody on it; one that has gone stays gone."""
        daemon, self._daemon = self._daemon, None
        if daemon is None:
            return
        self.hand.close()
        daemon.kill()
        daemon.wait()
        for service in [*self._mocks]:
            self._mocks.pop(service).wait()
        (self.folder / "bus").unlink()

    def mock(self, template: str, service: str) -> None:
        """A service made by a template of python-dbusmock, which owns its name when this returns."""
        command = [_PYTHON, "-m", "dbusmock", "--template", template]
        self._mocks[service] = self._started(command)
        self.hand.wait_until(service, is_there=True)

    def unmock(self, service: str) -> None:
        """The service ends."""
        self._mocks[service].terminate()
        self._mocks.pop(service).wait()
        self.hand.wait_until(service, is_there=False)

    def is_activatable(self, service: str) -> None:
        """From now on the bus can activate the service, which then says so and ends badly: of that it hears at once."""
        text = _ACTIVATED.format(service=service, folder=self.folder)
        (self.folder / "services" / f"{service}.service").write_text(text)
        self.hand.call(Call(_BUS, "/", _BUS, "ReloadConfig"))

    def was_activated(self, service: str) -> bool:
        """Whether anybody had it activated: looked at when another, activated now, has ended."""
        self.is_activatable(_ANOTHER)
        self.hand.activate(_ANOTHER)
        assert (self.folder / f"activated.{_ANOTHER}").exists()
        return (self.folder / f"activated.{service}").exists()

    @contextmanager
    def deaf(self, name: str) -> Iterator[None]:
        """A service, or the bus itself, hears nothing meanwhile, and everything then."""
        of_bus = "org.freedesktop.DBus"
        (pid,) = self.hand.call(Call(of_bus, "/", of_bus, "GetConnectionUnixProcessID", "s", (name,)))
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def _started(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": self.address, "PATH": "/usr/bin:/bin"}
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment)


class Hand:
    """A connection that waits for answers, which a monitor must never do."""

    def __init__(self, address: str) -> None:
        self._bus = Bus(address)
        self._there: dict[str, bool] = {}
        self._until("the bus", lambda told: told == Connected())

    def call(self, call: Call) -> Values:
        """The answer; an error is an AssertionError."""
        number = self._bus.call(call)
        told = self._until(call, lambda told: isinstance(told, Answered | Failed) and told.number == number)
        assert isinstance(told, Answered), told
        return told.values

    def activate(self, service: str) -> None:
        """Has the bus activate it, and waits until that has come to an end, good or bad."""
        number = self._bus.call(Call(_BUS, "/", _BUS, "StartServiceByName", "su", (service, 0)))
        self._until(service, lambda told: isinstance(told, Answered | Failed) and told.number == number)

    def emit(self, signal: Heard, signature: str = "") -> None:
        """Has a mock send a signal."""
        arguments = [Variant(one, value) for one, value in zip(types_of(signature), signal.values, strict=True)]
        values = (signal.interface, signal.member, signature, arguments)
        self.call(Call(signal.service, signal.path, MOCK, "EmitSignal", "sssav", values))

    def update(self, of: Properties, values: Mapping[str, Variant]) -> None:
        """Has a mock change properties, and say so."""
        self.call(Call(of.service, of.path, MOCK, "UpdateProperties", "sa{sv}", (of.interface, values)))

    def wait_until(self, service: str, is_there: bool) -> None:
        """Waits until a service is there, or is not."""
        if service not in self._there:
            self._bus.want(Signals(service, "org.freedesktop.hwbridge", "Nothing"))
        self._until(service, lambda told: self._there.get(service) is is_there)

    def close(self) -> None:
        self._bus.close()

    def _until(self, what: object, holds: Callable[[Told | None], bool]) -> Told | None:
        if holds(None):
            return None
        deadline = time.monotonic() + DEADLINE_SECONDS
        waiting = select.poll()
        waiting.register(self._bus.fileno(), select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            waiting.poll(left * 1000)
            found = None
            for told in self._bus.read():
                if isinstance(told, Appeared | Vanished):
                    self._there[told.service] = isinstance(told, Appeared)
                found = told if found is None and holds(told) else found
            if found is not None:
                return found
        raise AssertionError(f"waited for {what}")


def types_of(signature: str) -> list[str]:
    """The single complete types of a signature, each with its text."""
    return [each.signature for each in get_signature_tree(signature).types]


def knows(told: list[object], name: str, value: object) -> bool:
    """Whether a property of this name and value was told."""
    return any(isinstance(each, Known) and each.values.get(name) == value for each in told)


class Listener:
    """Reads what tells without waiting, a bus or a monitor, until something holds of all that was told."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.told: list[Any] = []

    def until(self, holds: Callable[[list[Any]], bool]) -> list[Any]:
        """What was told up to then."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        waiting = select.poll()
        waiting.register(self._reader.fileno(), select.POLLIN)
        while not holds(self.told):
            assert time.monotonic() < deadline, f"was told {self.told}"
            waiting.poll(100)
            self.told += self._reader.read()
        return self.told

    def until_told(self, *wanted: Any) -> list[Any]:
        """Waits for all of these, in whatever order."""
        return self.until(lambda told: all(each in told for each in wanted))

    def forget(self) -> None:
        """Whatever is waited for is told anew."""
        self.told = []


def open_now() -> list[str]:
    """What kinds of descriptors this process has open."""
    kinds = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            kinds.append(os.readlink(f"/proc/self/fd/{descriptor}").partition(":")[0])
        except FileNotFoundError:  # that of the listing itself
            continue
    return sorted(kinds)


@contextmanager
def made_bus(folder: Path) -> Iterator[MadeBus]:
    """A bus, begun, which ends behind it."""
    bus = MadeBus(folder)
    bus.start()
    try:
        yield bus
    finally:
        bus.stop()
