"""Fixtures of the system tests: folders, daemons, made input devices and varlink servers of their own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import jack
import pytest
from application import Application, started_anew
from daemon import Daemon
from made_bus import MadeBus, made_bus, why_not
from made_inputs import NOW, MadeMachine
from made_logind import MadeLogind
from made_ports import Device, MadeUdev
from varlink_serving import HELLO, HELLO_BACK, Methods, Peer, Serving, serve

from bridge.monitors.bus import Bus
from bridge.monitors.evdev import EvdevMonitor


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon that is not started yet."""
    return Daemon(tmp_path)


@pytest.fixture
def application(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """An application that means the daemon of this test."""
    monkeypatch.setenv("HWBRIDGE_SOCKET", str(daemon.socket))
    monkeypatch.setenv("XDG_STATE_HOME", str(daemon.folder / "state-home"))
    with started_anew():
        yield Application(daemon)


@pytest.fixture
def jack_recording(tmp_path: Path) -> Path:
    """A recording of a jack; rules.toml and tasks.toml that go with it stand beside it."""
    return jack.write(tmp_path)


@pytest.fixture
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that other users may look into, as they may not into pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def machine(tmp_path: Path) -> MadeMachine:
    """A sysfs and nodes for input devices that are made up."""
    return MadeMachine(tmp_path)


@pytest.fixture
def monitor(machine: MadeMachine) -> Iterator[EvdevMonitor]:
    """The monitor of that machine, its clock standing still."""
    made = EvdevMonitor(clock=lambda: NOW, machine=machine)
    yield made
    made.close()


@pytest.fixture
def methods() -> Methods:
    return Methods()


@pytest.fixture
def serving(tmp_path: Path, methods: Methods) -> Iterator[Serving]:
    with serve(tmp_path / "s", methods) as serving:
        yield serving


@pytest.fixture
def other(serving: Serving) -> Iterator[Peer]:
    """Another client, connected before anything bad happens."""
    with Peer(serving.path) as other:
        assert other.ask(HELLO) == HELLO_BACK
        yield other


@pytest.fixture
def system_bus() -> Iterator[MadeBus]:
    """A system bus with nobody on it."""
    if reason := why_not():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as folder, made_bus(Path(folder)) as bus:
        yield bus


@pytest.fixture
def bus(system_bus: MadeBus) -> Iterator[Bus]:
    """A connection to that bus, as monitors have it."""
    with closing(Bus(system_bus.address)) as bus:
        yield bus


@pytest.fixture
def logind(system_bus: MadeBus) -> MadeLogind:
    """A logind without sessions, on that bus."""
    return MadeLogind(system_bus)


@pytest.fixture
def udev() -> MadeUdev:
    """A udev that knows no serial port."""
    return MadeUdev()


@pytest.fixture
def device() -> Iterator[Device]:
    """A device at a serial port."""
    made = Device()
    yield made
    made.unplug()
