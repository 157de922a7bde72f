"""The daemon: reads its files, opens socket, host and monitors, and runs until TERM. HUP reads the files again.

Source of the signals' meanings: daemon(7), "SysV Daemons" and "New-Style Daemons".
"""

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import DeclarationError, DeviceError, SocketError, StoreError
from bridge.hosts.command import CommandHost
from bridge.mapping.mapper import LevelTurned, Memory, RaisedThisBoot
from bridge.model.text import printable
from bridge.monitors.monitor import Monitor
from bridge.monitors.playback import Playback
from bridge.pipeline.pipeline import Pipeline
from bridge.service.api import Api, describe_service
from bridge.service.bridge import Bridge
from bridge.service.callers import ConnectionLimits
from bridge.service.clock import monotonic, wall, wall_time
from bridge.service.declarations import Declarations, Settings, counted, read_declarations_to_run
from bridge.service.installed import installed_monitors
from bridge.service.places import Directories
from bridge.service.recordings import RecordingFile
from bridge.service.socket_path import ListeningSocket, make_socket_directory, open_socket
from bridge.service.varlink_server import VarlinkServer
from bridge.sources import SOURCES

if TYPE_CHECKING:
    from bridge.store.start_states import StartStates

log = logging.getLogger("bridge")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random(4)
MOST_PROBLEMS = 100
"""What log and status name of a refused reload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What the command line and hwbridge.toml say; who opened the recordings closes them."""

    directories: Directories
    settings: Settings
    state: Path
    socket: Path
    socket_is_default: bool
    recordings: Sequence[RecordingFile] = ()


def run_daemon(configuration: Configuration) -> None:
    """Runs until TERM or INT. Raises `DeclarationError` or `SocketError` if it cannot start."""
    declarations = read_declarations_to_run(configuration.directories, _watched(configuration))
    _check_can_be_told(configuration.socket)
    if configuration.socket_is_default:
        make_socket_directory(configuration.socket.parent)
    listening = open_socket(configuration.socket)
    try:
        with asyncio.Runner() as runner:
            runner.run(_Daemon(configuration).run(declarations, listening))
    finally:
        listening.close()


def _check_can_be_told(socket: Path) -> None:
    try:
        str(socket).encode()
    except UnicodeEncodeError as error:
        raise SocketError(f"{socket}: a socket's path is UTF-8, as handlers find it in HWBRIDGE_SOCKET") from error


class _Daemon:
    """One run of the daemon."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._start_states: StartStates | None = None
        self._stopping = asyncio.Event()

    async def run(self, declarations: Declarations, listening: ListeningSocket) -> None:
        loop = asyncio.get_running_loop()
        numbers, start = count(1), os.urandom(4).hex()  # an id is this start's own: processes carry it
        pipeline = Pipeline(lambda: f"{start}-{next(numbers)}", self._remembered(declarations))
        self._bridge = Bridge(loop, monotonic, pipeline, self._remember)
        self._api = Api(self._bridge, monotonic, wall())
        host = CommandHost(loop, str(listening.path.absolute()), wall_time, self._bridge.ended)
        self._bridge.use(host)
        for ignored in (signal.SIGQUIT, signal.SIGINT):  # by a shell that started us with `&`: handlers inherit that
            signal.signal(ignored, signal.SIG_DFL)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGCHLD, host.reap_orphans)
        self._bridge.declare(declarations)
        self._open_monitors()
        for place, recording in enumerate(self._configuration.recordings, start=1):
            playback = Playback(printable(recording.name), recording.events(), monotonic, recording.begin)
            self._bridge.add(f"play {place}", playback)
        server = VarlinkServer(describe_service(), self._api.methods(), _limits())
        await server.start(listening.socket)
        log.info("ready: %s, socket %s", counted(declarations), listening.path)
        await self._stopping.wait()
        log.info("stopping")
        await server.close()
        await self._bridge.stop()
        await host.close()
        if self._start_states is not None:
            self._start_states.close()

    def _remembered(self, declarations: Declarations) -> Memory:
        """What earlier runs of the daemon left for rules that ask for it; nothing is opened where none does."""
        if not any(rule.remembers for rule in declarations.rules.rules):
            return Memory()
        from bridge.store.start_states import StartStates  # SQLite is loaded where a rule needs it

        self._start_states = StartStates(self._configuration.state, _BOOT_ID.read_text().strip())
        return self._start_states.memory()

    def _remember(self, change: LevelTurned | RaisedThisBoot) -> None:
        try:
            if self._start_states is not None:
                self._start_states.remember(change)
        except StoreError as error:
            log.error("%s: after a restart, rule %s may raise once more or once less", error, change.rule)

    def _open_monitors(self) -> None:
        """Opens the monitors that rules ask for; one that cannot be opened is named, and the others go on."""
        for name, entry_point in installed_monitors().items():
            source = SOURCES.get(name)
            if source is None:
                log.error("monitor %s: there is no source of this name", name)
                continue
            wanted = source.names_triggers or self._bridge.pipeline.rules.interest(name).asks()
            if not wanted or name in self._bridge.monitors:
                continue
            settings = self._configuration.settings.get(name, {})
            try:
                monitor: Monitor = entry_point.load()(clock=monotonic, settings=settings)
                self._bridge.add(name, monitor)
            except DeviceError as error:
                log.error("%s: %s", name, error)

    def _reload(self) -> None:
        """HUP: the files as they are now, or if anything is wrong with them, the rules and tasks as they were."""
        if self._stopping.is_set():
            return
        try:
            declarations = read_declarations_to_run(self._configuration.directories, _watched(self._configuration))
        except DeclarationError as error:
            self._api.reload_errors = _first(error.problems)
            for problem in self._api.reload_errors:
                log.error("%s", problem)
            log.error("not reloaded: the rules and tasks from before stay in force")
            return
        self._api.reload_errors = ()
        try:
            if self._start_states is None:
                self._remembered(declarations)
        except StoreError as error:
            log.error("%s: rules that ask for what was before a restart will not know it", error)
        self._bridge.declare(declarations)
        self._open_monitors()
        log.info("reloaded: %s", counted(declarations))


def _watched(configuration: Configuration) -> frozenset[str]:
    """The sources that there are monitors of; a recording may play any."""
    if configuration.recordings:
        return frozenset(SOURCES)
    return frozenset(installed_monitors())


def _limits() -> ConnectionLimits:
    return ConnectionLimits(privileged=frozenset({0, os.geteuid()}))


def _first(problems: Sequence[object]) -> tuple[str, ...]:
    """As many problems as fit into a log and a status; a file of a megabyte can hold half a million."""
    shown = tuple(str(problem) for problem in problems[:MOST_PROBLEMS])
    left = len(problems) - len(shown)
    return (*shown, f"and {left} more: `hwbridge check` shows them all") if left else shown
