"""Who is logged in, whether somebody is there, and that the machine will sleep: a part of the live source `system`.

logind says it, over the system bus. Without one, utmp tells who is logged in and input devices whether somebody is
there, and nobody tells of sleep. It asks nothing of sessions, and does not say that the machine has slept.
"""

import logging
import select
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridge.errors import InvalidValueError
from bridge.mapping.interest import Interest
from bridge.mapping.system_levels import opposite_of
from bridge.model.durations import format_duration, parse_duration
from bridge.model.events import DeviceGone, Event, Fields, Origin
from bridge.monitors.bus import Bus, close_descriptors, why_no_bus
from bridge.monitors.bus_words import Answered, Told
from bridge.monitors.input_machine import Machine, ThisMachine
from bridge.monitors.monitor import Clock, LiveSource, MonitorReport, Settings
from bridge.monitors.session_bare import BareSessions
from bridge.monitors.session_logind import LogindSessions
from bridge.monitors.session_sleep import Sleep
from bridge.sources.sessions import NOTHING_KNOWN, Sessions, told_of
from bridge.sources.system import SYSTEM
from bridge.toml.schema import Table
from bridge.toml.values import text_as

SESSION_NAMES = frozenset({"SessionConnected", "SessionDisconnected"})
PRESENCE_NAMES = frozenset({"UserPresent", "UserNotPresent"})
SUSPEND = "Suspend"
NAMES = frozenset({*SESSION_NAMES, *PRESENCE_NAMES, SUSPEND})
"""What this part of the source tells. `UserAway` is no event: it is that `UserPresent` turns 0."""
SESSION_FILES = Path("/run/systemd/sessions")
"""Where logind, and elogind, write what they know of each session."""
AWAY_AFTER, LEAST_AWAY_AFTER, MOST_AWAY_AFTER = 240_000_000, 10_000_000, 86_400_000_000
HOLD_SLEEP, MOST_HOLD_SLEEP = 2_000_000, 30_000_000

_log = logging.getLogger("bridge.monitors.session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where the monitor looks: at the machine that we run on, or at what a test makes up."""

    address: str | None = None
    files: Path = SESSION_FILES
    machine: Machine = field(default_factory=ThisMachine)


def open_monitor(*, clock: Clock, settings: Settings) -> "SessionMonitor":
    """The monitor of this machine, with the settings `away_after` and `hold_sleep`, in microseconds."""
    return SessionMonitor(clock=clock, settings=settings, surroundings=Surroundings())


class SessionMonitor:
    """A `TimedMonitor`. What there is at the start is told when logind has answered: by a later `read`, as `start`."""

    def __init__(self, *, clock: Clock, settings: Settings, surroundings: Surroundings) -> None:
        """Watches nothing yet."""
        self._clock = clock
        self._away_after = int(str(settings.get("away_after", AWAY_AFTER)))
        self._hold_sleep = int(str(settings.get("hold_sleep", HOLD_SLEEP)))
        self._surroundings = surroundings
        self._epoll = select.epoll()
        self._asked: frozenset[str] = frozenset()
        self._bus: Bus | None = None
        self._logind: LogindSessions | None = None
        self._sleep: Sleep | None = None
        self._bare: BareSessions | None = None
        self._told: Sessions = NOTHING_KNOWN
        self._lost = 0
        self._no_logind = ""

    def fileno(self) -> int:
        """An epoll over the bus, or over what is watched without one."""
        return self._epoll.fileno()

    def watch(self, interest: Interest) -> Sequence[Event | DeviceGone]:
        """Watches what `interest` asks for, and nothing where it asks for nothing of this.

        Tells what is known of names that were not asked for before; what is not is told as soon as it is. Where there
        was no bus it is looked for once more.
        """
        asked = frozenset(name for name in NAMES if interest.may_ask("name", name))
        if asked == self._asked:
            self._open()
            return []
        found = [*self.read()] if asked else []
        new = asked - self._asked
        self._asked = asked
        self._close_what_nobody_asks_for()
        self._open()
        self._ask_bare()
        self._open_sleep()
        known = [*self._events(told_of(NOTHING_KNOWN, self._told), Origin.START, new)]
        return [*found, *known, *self._news(Origin.START)]

    def read(self) -> Sequence[Event | DeviceGone]:
        """What has come. What is found when logind was away has the origin `resync`."""
        found: list[Event] = []
        for told in self._bus.read() if self._bus is not None else ():
            found += self._hear(told)
        if self._logind is not None:
            self._logind.read_files()
        if self._sleep is not None:
            self._sleep.read()
        if self._bare is not None and self._bare.read({descriptor for descriptor, _ in self._epoll.poll(0)}):
            _log.warning("what was written to utmp was lost, the kernel's queue was full: sessions are looked at again")
            return [*found, *self._news(Origin.RESYNC)]
        return [*found, *self._news(Origin.LIVE)]

    def snapshot(self) -> Sequence[Event]:
        """All sessions, and whether somebody is there, as far as is known."""
        return [*self._events(told_of(NOTHING_KNOWN, self._told), Origin.START, self._asked)]

    def resync(self) -> Sequence[Event | DeviceGone]:
        """What has come, and what is otherwise; what logind is asked for comes later, as `read` tells it."""
        found = [*self.read()]
        self._open()
        if self._logind is not None:
            self._logind.look()
        if self._bare is not None:
            self._bare.look()
        return [*found, *self._news(Origin.RESYNC)]

    def deadline(self) -> int | None:
        """When sleep is put off no longer, or nobody has been there for long enough."""
        parts = (self._sleep, self._bare)
        return min((at for part in parts if part is not None and (at := part.deadline()) is not None), default=None)

    def report(self) -> MonitorReport:
        """Who tells it, what cannot be told and why, and how often logind, or its bus, was away."""
        parts = (self._logind, self._bare)
        return MonitorReport(
            devices=self._bare.devices if self._bare is not None else self._logind_there(),
            refused=tuple(self._refused()),
            lost=self._lost + sum(part.lost for part in parts if part is not None),
        )

    def close(self) -> None:
        """Ends it all, with the thread of the bus."""
        self._asked = frozenset()
        self._close_what_nobody_asks_for()
        self._epoll.close()

    def _logind_there(self) -> tuple[str, ...]:
        return ("logind",) if self._logind is not None and self._logind.is_there else ()

    def _refused(self) -> Iterator[str]:
        yield from self._sleep.refused if self._sleep is not None else ()
        if self._logind is not None:
            yield from self._logind.refused
            if not self._logind.is_there and self._bare is None:
                yield self._logind.away
        yield from self._bare.refused if self._bare is not None else ()
        if self._bare is not None and SUSPEND in self._asked:
            yield f"Suspend is not told: {self._no_logind}"

    def _open(self) -> None:
        """Connects to the bus, if there is one by now."""
        if self._bus is not None or not self._asked:
            return
        why = why_no_bus(self._surroundings.address)
        if why is not None:
            self._do_without(why)
            return
        self._bus = Bus(self._surroundings.address)
        self._epoll.register(self._bus.fileno(), select.EPOLLIN)
        self._logind = LogindSessions(self._bus, self._epoll, self._surroundings.files)
        self._open_sleep()

    def _open_sleep(self) -> None:
        if SUSPEND in self._asked and self._sleep is None and self._bus is not None:
            is_there = self._logind is not None and bool(self._logind.is_there)
            self._sleep = Sleep(self._bus, self._clock, self._hold_sleep, is_there=is_there)
        elif SUSPEND not in self._asked and self._sleep is not None:
            self._sleep.close()
            self._sleep = None

    def _close_what_nobody_asks_for(self) -> None:
        if self._asked:
            return
        if self._sleep is not None:
            self._sleep.close()
        for part in (self._bare, self._logind):
            if part is not None:
                part.close()
                self._lost += part.lost
        if self._bus is not None:
            self._epoll.unregister(self._bus.fileno())
            self._bus.close()
        self._sleep = self._bare = self._logind = self._bus = None
        self._told = NOTHING_KNOWN

    def _hear(self, told: Told) -> Iterator[Event]:
        """Takes one thing of the bus."""
        assert self._logind is not None, "who has a bus has this"
        self._logind.hear(told)
        if isinstance(told, Answered) and (self._sleep is None or not self._sleep.take(told)):
            close_descriptors(told)
        if self._sleep is not None and self._sleep.hear(told):
            yield Event(SYSTEM.name, self._clock(), {"name": SUSPEND})
        if self._logind.is_there and self._bare is not None:
            _log.info("logind is there by now: it tells of sessions, and not utmp and input devices")
            self._lost += self._bare.lost
            self._bare.close()
            self._bare = None
            self._told = Sessions(None, self._told.is_present)  # the same sessions have other names with logind
        elif self._logind.is_there is False and self._logind.now is NOTHING_KNOWN:
            self._do_without(self._logind.why_not)
        if self._logind.is_repaired:
            self._logind.is_repaired = False
            yield from self._news(Origin.RESYNC)
        else:
            yield from self._news(Origin.LIVE)

    def _do_without(self, why: str) -> None:
        self._no_logind = why
        if self._bare is not None:
            return
        _log.warning("%s: utmp tells who is logged in, input devices whether somebody is there, nobody of sleep", why)
        self._bare = BareSessions(self._epoll, self._clock, self._surroundings.machine, self._away_after)
        self._ask_bare()

    def _ask_bare(self) -> None:
        if self._bare is not None:
            asked = self._asked
            self._bare.ask(sessions=bool(asked & SESSION_NAMES), presence=bool(asked & PRESENCE_NAMES))

    def _news(self, origin: Origin) -> Iterator[Event]:
        """What is otherwise than was told. Whatever is known for the first time was there at the start."""
        if self._bare is not None:
            now = self._bare.now
        else:
            now = self._logind.now if self._logind is not None else NOTHING_KNOWN
        before, self._told = self._told, _overlaid(self._told, now)
        for fields in told_of(before, now):
            known = before.is_present if fields["name"] == "UserPresent" else before.sessions
            yield from self._events([fields], Origin.START if known is None else origin, self._asked)

    def _events(self, told: Iterable[Fields], origin: Origin, asked: frozenset[str]) -> Iterator[Event]:
        """What is told, and its opposites, as far as somebody asks for them by name."""
        for fields in told:
            for each in (fields, opposite_of(fields)):
                if each is not None and each["name"] in asked:
                    yield Event(SYSTEM.name, self._clock(), SYSTEM.checked(dict(each)), origin)


def _overlaid(before: Sessions, now: Sessions) -> Sessions:
    """How it is `now`; what is not known now is as it was."""
    return Sessions(
        now.sessions if now.sessions is not None else before.sessions,
        now.is_present if now.is_present is not None else before.is_present,
    )


def _between(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        microseconds = parse_duration(text)
        if not least <= microseconds <= most:
            limits = f"from {format_duration(least)} to {format_duration(most)}"
            raise InvalidValueError(f"{text!r} is out of range: {limits}")
        return microseconds

    return convert


def _load_settings(table: Table) -> Settings:
    away_after, hold_sleep = _between(LEAST_AWAY_AFTER, MOST_AWAY_AFTER), _between(0, MOST_HOLD_SLEEP)
    settings = {
        "away_after": table.read("away_after", text_as(away_after), default=AWAY_AFTER),
        "hold_sleep": table.read("hold_sleep", text_as(hold_sleep), default=HOLD_SLEEP),
    }
    table.finish()
    return settings


LIVE = LiveSource(source=SYSTEM, open=open_monitor, settings=_load_settings, tells=NAMES)
