"""Mains, batteries, and what work in the background costs: the live source `system.power`. It decides none of them.

Uevents of power supplies wake it, the kernel's pressure triggers, and UPower where it runs; then it looks at everything
anew. Some adapters send no uevent: a machine with a battery is looked at once a minute, too, and no other is.
"""

import logging
import select
from collections.abc import Callable, Mapping, Sequence

import msgspec

from bridge.errors import DeviceError
from bridge.mapping.interest import Interest
from bridge.model.events import Event, Field, Origin
from bridge.monitors.bus import Bus, why_no_bus
from bridge.monitors.merged import Subscription
from bridge.monitors.monitor import Clock, LiveSource, MonitorReport, Settings
from bridge.monitors.power_machine import Machine, ThisMachine
from bridge.monitors.power_settings import PowerSettings, load_power_settings
from bridge.monitors.pressure import PressureWatch
from bridge.monitors.upower import UPower
from bridge.sources import power as words
from bridge.sources import work_cost
from bridge.sources.power import BATTERY, Power, PowerChanges, Supply, power_of
from bridge.sources.system import SYSTEM
from bridge.sources.work_cost import Cost, WorkCost

_log = logging.getLogger("bridge.monitors.power")

QUIET = 200_000
"""Microseconds: one change of a supply comes as three to five uevents, and is looked at when they are over."""
LONGEST = 1_000_000
"""Microseconds after the first of them at which it is looked at though more come."""
UNDER_PRESSURE = 10_000_000
"""Microseconds from look to look while there is pressure: the kernel does not tell when it goes."""
AT_MOST_EVERY = 100_000
"""Microseconds from look to look at pressure, however often we are read: it is with all else while a filter waits."""
TELLS = frozenset({words.CHANGE, work_cost.CHANGE, work_cost.NOT_HIGH})
_OF_COST = frozenset({work_cost.CHANGE, work_cost.NOT_HIGH})


def open_monitor(*, clock: Clock, settings: Settings) -> "PowerMonitor":
    """The monitor that `[power]` of hwbridge.toml asks for."""
    return PowerMonitor(clock=clock, settings=msgspec.convert(settings, PowerSettings), machine=ThisMachine())


def connect_upower() -> UPower | None:
    """A connection to where UPower may be, or None where there is no bus."""
    return UPower(Bus()) if why_no_bus() is None else None


class PowerMonitor:
    """A `TimedMonitor`: what it tells is always what a look at everything shows; uevents only say when to look."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: PowerSettings,
        machine: Machine,
        connect: Callable[[], UPower | None] = connect_upower,
    ) -> None:
        """Watches nothing yet. `clock` gives CLOCK_MONOTONIC in microseconds; `connect` finds UPower."""
        self._clock = clock
        self._settings = settings
        self._machine = machine
        self._connect = connect
        self._epoll = select.epoll()
        self._asked: frozenset[str] = frozenset()
        self._uevents: Subscription | None = None
        self._upower: UPower | None = None
        self._upower_was_heard = False
        self._pressure: PressureWatch | None = None
        self._supplies: Mapping[str, Supply] = {}
        self._power = Power()
        self._changes = PowerChanges(step=settings.capacity_step)
        self._work_cost = WorkCost(low=settings.low, thresholds=settings.pressure)
        self._cost: Cost | None = None
        self._first_heard: int | None = None
        self._last_heard = 0
        self._looked = self._looked_at_cost = 0
        self._puts_off_cost = False
        self._refused: str | None = None
        self._lost = 0

    def fileno(self) -> int:
        """An epoll over the uevents, the pressure triggers and the bus."""
        return self._epoll.fileno()

    def watch(self, interest: Interest) -> Sequence[Event]:
        """Watches what `interest` asks for, and tells how it is of what was not asked for before."""
        before, self._asked = self._asked, frozenset(name for name in TELLS if interest.may_ask("name", name))
        if not self._asked:
            self._stop()
            return []
        self._subscribe()
        changed = [each for each in self._look(Origin.LIVE) if each.fields["name"] in before]
        if self._power == Power() and self._settings.upower and self._upower is None:
            self._ask_upower()
        return [*changed, *(each for each in self._present() if each.fields["name"] not in before)]

    def read(self) -> Sequence[Event]:
        """What a look shows to be otherwise, when uevents are over or it is time; after a loss at once."""
        now = self._clock()
        if self._hear_uevents(now):
            told = self._look(Origin.RESYNC)
            _log.warning("events of power supplies were lost, the kernel's queue was full: a look told %d", len(told))
            return told
        if self._upower is not None and self._upower.read():
            self._hear(now)
        is_due = any(at is not None and at <= now for at in (self._settled(), self._next_poll()))
        if is_due:
            return self._look(self._origin())
        self._puts_off_cost = self._pressure is not None and now < self._looked_at_cost + AT_MOST_EVERY
        return [] if self._puts_off_cost else self._look_at_cost(Origin.LIVE, now)

    def snapshot(self) -> Sequence[Event]:
        """How power is and what work costs, as far as it is asked for."""
        return self._present()

    def resync(self) -> Sequence[Event]:
        """What a look at everything shows to be otherwise."""
        if not self._asked:
            return []
        if self._upower is not None:
            self._upower.look()
        self._hear_uevents(self._clock())
        return self._look(Origin.RESYNC)

    def deadline(self) -> int | None:
        """When uevents are over, the next look of those from time to time, or at the pressure: it may have gone."""
        of_pressure = self._looked_at_cost + UNDER_PRESSURE if self._work_cost.is_under_pressure else None
        put_off = self._looked_at_cost + AT_MOST_EVERY if self._puts_off_cost else None
        of_all = self._settled() or put_off  # a look at everything is one at the pressure, too
        deadlines = [at for at in (of_all, self._next_poll(), of_pressure) if at is not None]
        return min(deadlines, default=None)

    def report(self) -> MonitorReport:
        """The supplies that count, what work costs, what cannot be watched and why, and how often events were lost."""
        refused = () if self._refused is None else (self._refused,)
        devices = [f"{name}: {supply}" for name, supply in self._supplies.items()]
        if self._upower is not None and (known := str(self._upower.power)):
            devices.append(f"UPower: {known}")
        if self._cost is not None:
            why = self._work_cost.reasons()
            devices.append(f"background work costs {int(self._cost)}" + (f": {why}" if why else ""))
        return MonitorReport(
            devices=tuple(devices),
            refused=refused + (self._pressure.refused if self._pressure is not None else ()),
            lost=self._lost,
        )

    def close(self) -> None:
        """Closes every descriptor, and the connection to the bus."""
        self._stop()
        self._epoll.close()

    def _subscribe(self) -> None:
        """Opens what is asked for and not open yet, and closes what is not asked for."""
        if self._uevents is None:
            try:
                self._uevents = self._machine.subscribe()
            except DeviceError as error:
                self._refused = str(error)
            else:
                self._refused = None
                self._epoll.register(self._uevents.fileno(), select.EPOLLIN)
        if not self._asked & _OF_COST:
            self._stop_pressure()
        elif self._pressure is None:
            self._pressure = PressureWatch(self._machine, self._settings.pressure, self._epoll)

    def _ask_upower(self) -> None:
        self._upower, self._upower_was_heard = self._connect(), False
        if self._upower is not None:
            self._epoll.register(self._upower.fileno(), select.EPOLLIN)

    def _stop(self) -> None:
        for open_one in (self._uevents, self._upower):
            if open_one is not None:
                self._epoll.unregister(open_one.fileno())
                open_one.close()
        self._uevents = self._upower = self._first_heard = None
        self._supplies = {}
        self._stop_pressure()

    def _stop_pressure(self) -> None:
        if self._pressure is not None:
            self._pressure.close()
        self._pressure = self._cost = None
        self._puts_off_cost = False
        self._work_cost = WorkCost(low=self._settings.low, thresholds=self._settings.pressure)

    def _hear_uevents(self, now: int) -> bool:
        """Takes what has come; whether some was lost."""
        if self._uevents is None:
            return False
        heard, is_lost = self._uevents.read()
        if heard:
            self._hear(now)
        self._lost += is_lost
        return is_lost

    def _hear(self, now: int) -> None:
        """Something may be otherwise, and more of it may come."""
        self._last_heard = now
        self._first_heard = now if self._first_heard is None else self._first_heard

    def _origin(self) -> Origin:
        """Of what is found now: UPower says how it is some time after it was asked."""
        is_first = self._upower is not None and not self._upower_was_heard and self._upower.power != Power()
        return Origin.START if is_first else Origin.LIVE

    def _settled(self) -> int | None:
        """When the uevents that have come are over."""
        if self._first_heard is None:
            return None
        return min(self._last_heard + QUIET, self._first_heard + LONGEST)

    def _next_poll(self) -> int | None:
        """When to look though nothing wakes us; None where nothing can change unheard."""
        if self._settings.poll is None:
            return None
        has_battery = any(supply.type == BATTERY for supply in self._supplies.values())
        is_unheard = self._pressure is not None and not self._pressure.has_all
        return self._looked + self._settings.poll if has_battery or is_unheard else None

    def _look(self, origin: Origin) -> list[Event]:
        """Looks at everything; tells what is otherwise than was told."""
        at = self._looked = self._clock()
        self._first_heard = None
        self._supplies = self._machine.supplies()
        more = self._upower.power if self._upower is not None else Power()
        self._upower_was_heard |= more != Power()
        self._power = power_of(self._supplies.values()).or_else(more)
        turns = self._changes.turns(self._power)
        told = [_event(at, words.CHANGE, origin, self._power.details)] if turns else []
        return self._asked_for([*told, *self._look_at_cost(origin, at)])

    def _look_at_cost(self, origin: Origin, at: int) -> list[Event]:
        if self._pressure is None:
            return []
        self._looked_at_cost, self._puts_off_cost = at, False
        before, self._cost = self._cost, self._work_cost.look(self._power, self._pressure.averages())
        if before is None or before is self._cost:
            return []
        was_high = before is Cost.HIGH
        told = [_level(at, origin, self._cost)] if (self._cost is Cost.HIGH) is not was_high else []
        return self._asked_for([*told, _event(at, work_cost.CHANGE, origin, {"value": int(self._cost)})])

    def _present(self) -> list[Event]:
        """How everything is that is asked for."""
        if not self._asked:
            return []
        at, details = self._clock(), self._power.details
        told = [_event(at, words.CHANGE, Origin.START, details)] if details else []
        if self._cost is not None:
            told.append(_level(at, Origin.START, self._cost))
            told.append(_event(at, work_cost.CHANGE, Origin.START, {"value": int(self._cost)}))
        return self._asked_for(told)

    def _asked_for(self, told: Sequence[Event]) -> list[Event]:
        """Those that somebody asks for; the level first where it is found or lost, and last where it is won.

        So a task that the change triggers, and that waits for the level, runs once, or not where it has just gone.
        """
        return sorted((each for each in told if each.fields["name"] in self._asked), key=_place)


def _place(event: Event) -> int:
    if event.fields["name"] != work_cost.NOT_HIGH:
        return 0
    return 1 if event.fields["value"] and event.origin is not Origin.START else -1


def _level(at: int, origin: Origin, cost: Cost) -> Event:
    return _event(at, work_cost.NOT_HIGH, origin, {"value": int(cost is not Cost.HIGH)})


def _event(at: int, name: str, origin: Origin, fields: Mapping[str, Field]) -> Event:
    return Event(SYSTEM.name, at, {"name": name, **fields}, origin)


LIVE = LiveSource(source=SYSTEM, open=open_monitor, settings=load_power_settings, tells=TELLS)
