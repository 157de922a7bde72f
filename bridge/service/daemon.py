"""The daemon: reads its files, opens socket, host and monitors, and runs until TERM. HUP reads the files again.

Source of the signals' meanings: daemon(7), "SysV Daemons" and "New-Style Daemons".
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bridge.dispatch.decisions import Progressed
from bridge.errors import DeclarationError, DeviceError
from bridge.hosts.cgroups import folder_for_runs
from bridge.hosts.handlers import HandlerHost
from bridge.hosts.leftovers import kill_leftovers
from bridge.hosts.processes import bear_bursts_of_signals
from bridge.mapping.searching import begin_anew
from bridge.model.conditions import SYSTEM_CONDITIONS
from bridge.model.text import count_of, printable
from bridge.monitors.playback import Playback
from bridge.pipeline.pipeline import Pipeline
from bridge.service.api import Api, describe_service
from bridge.service.bridge import Bridge
from bridge.service.callers import ConnectionLimits
from bridge.service.clock import monotonic, times, wall, wall_time
from bridge.service.declarations import Declarations, Settings, read_declarations_to_run, settings_of
from bridge.service.installed import (
    installed_monitors,
    live_source,
    may_be_asked,
    open_installed,
    shadowed,
    source_of,
    watched_sources,
)
from bridge.service.listening import listen
from bridge.service.log_fields import about_task
from bridge.service.places import Directories
from bridge.service.search_limit import limited_searches
from bridge.service.servicing import Servicing
from bridge.service.socket_path import ListeningSocket
from bridge.service.stored import restored_of, store_durability, store_limits
from bridge.service.systemd.activation import HandedSocket
from bridge.service.systemd.notify import ServiceManager, take_wanted
from bridge.service.trust import check_state_directory
from bridge.service.undisturbed import undisturbed
from bridge.service.varlink_server import VarlinkServer
from bridge.sources import SOURCES
from bridge.store.store import Heard, Store
from bridge.store.values import Durability

if TYPE_CHECKING:
    from bridge.service.recordings import RecordingFile  # it would load what reads them

log = logging.getLogger("bridge")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random(4)
MOST_PROBLEMS = 100
"""What log and status name of a refused reload."""


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line and hwbridge.toml say; who opened the recordings closes them."""

    directories: Directories
    settings: Settings
    state: Path
    socket: Path
    socket_is_default: bool
    recordings: "Sequence[RecordingFile]" = ()


def run_daemon(configuration: Configuration) -> None:
    """Runs until TERM or INT. Raises `DeclarationError`, `SocketError` or `StoreError` if it cannot start."""
    with undisturbed():
        declarations = read_declarations_to_run(configuration.directories, _watched(configuration))
    listening = listen(configuration.socket, os.environ, is_default=configuration.socket_is_default)
    try:
        if store_durability(configuration.settings.get("store", {})) is not Durability.MEMORY:
            check_state_directory(configuration.state)
        with asyncio.Runner() as runner, limited_searches():
            runner.run(_Daemon(configuration).run(declarations, listening))
    finally:
        listening.close()


class _Daemon:
    """One run of the daemon."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._stopping = asyncio.Event()

    async def run(self, declarations: Declarations, listening: ListeningSocket | HandedSocket) -> None:
        loop = asyncio.get_running_loop()
        self._manager = ServiceManager(loop, monotonic, take_wanted(os.environ, os.getpid()))
        numbers, start = count(1), os.urandom(4).hex()  # an id is this start's own: processes carry it
        store = self._open_store(loop, start)
        try:
            with undisturbed():
                remembered = store.read(times())
            if remembered.damaged:
                log.error("%s", remembered.damaged)
            cgroup = _folder_for_runs()
            for stayed in kill_leftovers(remembered.unclean, cgroup):
                log.error("a process of a run of before is still there: %s", stayed)
            pipeline = Pipeline(lambda: f"{start}-{next(numbers)}", remembered.memory)
            self._bridge = Bridge(loop, monotonic, pipeline, store, self._open_monitors)
            self._servicing = Servicing(
                loop, monotonic, lambda: pipeline.dispatcher.registrations, self._bridge.tell, declarations.files
            )
            durability = store_durability(self._configuration.settings.get("store", {}))
            socket = str(listening.path.absolute())
            host = HandlerHost(loop, socket, wall_time, self._bridge.ended, self._progressed, cgroup=cgroup)
            self._api = Api(self._bridge, host.classes, monotonic, wall(), store, durability)
            self._bridge.use(host, host.run_of)
            self._hear_signals(loop, host)
            with undisturbed():
                self._bridge.tell(restored_of(remembered))
                if remembered.refusal:
                    self._bridge.store_turned(False, remembered.refusal)
                self._bridge.declare(declarations)
            self._warn(declarations)
            self._open_monitors()
            for place, recording in enumerate(self._configuration.recordings, start=1):
                playback = Playback(printable(recording.name), recording.events(), monotonic, recording.begin)
                self._bridge.add(f"play {place}", playback)
            server = VarlinkServer(describe_service(), self._api.methods(), _limits(), self._api.streamed())
            await server.start(listening.socket)
            log.info("ready: %s, socket %s", self._counted(), listening.path)
            self._manager.ready(self._counted())
            await self._stopping.wait()
            log.info("stopping")
            self._manager.stopping(f"stopping, with {count_of(pipeline.dispatcher.running, 'run')} to end")
            self._servicing.close()
            await self._bridge.stop()  # meanwhile task servers and handlers still tell how their runs end
            self._api.tell_rest()
            await server.close()
            await host.close()
        except BaseException:
            store.close(clean=False)
            raise
        store.close()
        self._manager.close()

    def _progressed(self, instance_id: str, progress: int) -> None:
        self._bridge.tell(Progressed(at=monotonic(), instance_id=instance_id, progress=progress))

    def _warn(self, declarations: Declarations) -> None:
        """Tells of what is legal and will hardly be what was meant."""
        for doubt in declarations.doubts:
            log.warning("%s", doubt)
        known = {*SYSTEM_CONDITIONS, *(each.name for each in declarations.rules.conditions)}
        for task in self._bridge.pipeline.dispatcher.registrations:
            for name in sorted({each.name for each in task.conditions} - known):
                about = about_task(task.name, reason=name)
                log.warning(
                    "%s waits for %s, which is declared nowhere: it is never known", task.name, name, extra=about
                )

    def _counted(self) -> str:
        pipeline = self._bridge.pipeline
        rules, tasks = len(pipeline.rules.rules), len(pipeline.dispatcher.tasks)
        return f"{count_of(rules, 'rule')}, {count_of(tasks, 'task')}"

    def _hear_signals(self, loop: asyncio.AbstractEventLoop, host: HandlerHost) -> None:
        for ignored in (signal.SIGQUIT, signal.SIGINT):  # by a shell that started us with `&`: handlers inherit that
            signal.signal(ignored, signal.SIG_DFL)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGCHLD, host.reap_orphans)
        bear_bursts_of_signals()

    def _open_store(self, loop: asyncio.AbstractEventLoop, start: str) -> Store:
        """The store, which tells us what it has done from a thread of its own."""

        def soon(method: Callable[[Bridge], None]) -> None:
            loop.call_soon_threadsafe(lambda: method(self._bridge))

        heard = Heard(
            committed=lambda tokens: soon(lambda bridge: bridge.written(tokens)),
            turned=lambda accepts, why: soon(lambda bridge: bridge.store_turned(accepts, why)),
            damaged=lambda message: soon(lambda bridge: bridge.store_damaged(message)),
            told=lambda rows: soon(lambda bridge: bridge.telling.lines(rows)),
        )
        settings = self._configuration.settings.get("store", {})
        return Store(
            self._configuration.state,
            _BOOT_ID.read_text().strip(),
            start,
            store_limits(settings),
            store_durability(settings),
            heard,
        )

    def _open_monitors(self) -> None:
        """Opens what rules and tasks ask for; a monitor that cannot be opened is named, and the others go on."""
        self._servicing.look()
        for name in installed_monitors():
            interest = self._bridge.pipeline.interest(source_of(name))
            if name in self._bridge.monitors:
                continue
            self._bridge.failures.pop(name, None)
            if not may_be_asked(name, interest):
                continue
            try:
                live = live_source(name)
                if live.is_asked(interest):
                    settings = settings_of(name, live, self._configuration.settings)
                    self._bridge.add(name, open_installed(name, clock=monotonic, settings=settings))
                    for other in shadowed(name):
                        log.warning("%s: %s is installed under this name too, and not used", name, other)
            except DeviceError as error:
                self._bridge.failed(name, error)

    def _reload(self) -> None:
        """HUP: the files are read again, unless we stop."""
        if not self._stopping.is_set():
            self._manager.reloading()
            self._manager.reloaded(self._read_again())

    def _read_again(self) -> str:
        """Takes the files as they are now, or if anything is wrong with them, leaves all as it was; says which."""
        try:
            declarations = read_declarations_to_run(self._configuration.directories, _watched(self._configuration))
        except DeclarationError as error:
            self._api.reload_errors = _first(error.problems)
            for problem in self._api.reload_errors:
                log.error("%s", problem)
            log.error("not reloaded: the rules and tasks from before stay in force")
            return f"{self._counted()}, from before: the files hold errors now"
        self._api.reload_errors = ()
        begin_anew()
        self._bridge.declare(declarations)
        self._servicing.files = declarations.files
        self._warn(declarations)
        self._open_monitors()
        log.info("reloaded: %s", self._counted())
        return self._counted()


def _watched(configuration: Configuration) -> frozenset[str]:
    """The sources that there are monitors of; a recording may play any."""
    if configuration.recordings:
        return frozenset(SOURCES.names())
    return watched_sources()


def _folder_for_runs() -> Path | None:
    try:
        return folder_for_runs()
    except DeviceError as error:
        log.debug("runs get no control group: %s", error)
        return None


def _limits() -> ConnectionLimits:
    return ConnectionLimits(privileged=frozenset({0, os.geteuid()}))


def _first(problems: Sequence[object]) -> tuple[str, ...]:
    """As many problems as fit into a log and a status; a file of a megabyte can hold half a million."""
    shown = tuple(str(problem) for problem in problems[:MOST_PROBLEMS])
    left = len(problems) - len(shown)
    return (*shown, f"and {left} more: `hwbridge check` shows them all") if left else shown
