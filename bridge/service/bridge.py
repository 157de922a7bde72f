"""The pipeline wired to what does its will: monitors tell it, hosts run for it, one timer wakes it.

It decides nothing, and it does not know where rules came from or who asked over the API.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from bridge.dispatch.decisions import Activate, Cancel, Completed, Dropped, Finished, Kill
from bridge.errors import DeviceError
from bridge.hosts.host import Ended, Host
from bridge.mapping.mapper import LevelTurned, RaisedThisBoot
from bridge.mapping.raising import Refusal
from bridge.model.events import DeviceGone, Event
from bridge.model.tasks import InstanceState
from bridge.model.text import printable
from bridge.model.triggers import Raised
from bridge.monitors.monitor import Clock, Monitor, TimedMonitor
from bridge.pipeline.pipeline import Declared, Fact, Outcome, Pipeline, Stopping
from bridge.recording.jsonl import line_of_event
from bridge.service.declarations import Declarations

log = logging.getLogger("bridge")


class Bridge:
    """One pipeline and all that it drives. Facts are taken one after another, in the order in which they came."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        pipeline: Pipeline,
        remember: Callable[[LevelTurned | RaisedThisBoot], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._pipeline = pipeline
        self._remember = remember
        self._host: Host | None = None
        self._monitors: dict[str, Monitor] = {}
        self._timed: dict[str, TimedMonitor] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: int | None = None
        self._facts: deque[Fact] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self.events = 0
        self.raised = 0

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline, to be asked; facts go through `tell`."""
        return self._pipeline

    @property
    def monitors(self) -> dict[str, Monitor]:
        """The monitors by name: that of their source, or of a recording."""
        return dict(self._monitors)

    def use(self, host: Host) -> None:
        """Runs handlers with this host from now on."""
        self._host = host

    def declare(self, declarations: Declarations) -> None:
        """These rules and tasks hold from now on; every monitor is told what they ask for."""
        self.tell(Declared(at=self._clock(), rules=declarations.rules, tasks=declarations.tasks))
        for name, monitor in self._monitors.items():
            try:
                self._tell_all(monitor.watch(self._pipeline.rules.interest(name)))
            except DeviceError as error:
                log.error("%s: %s; it watches what it watched before", name, error)

    def add(self, name: str, monitor: Monitor) -> None:
        """Listens to one more monitor. One that cannot watch is closed, and its `DeviceError` is the caller's."""
        try:
            found = monitor.watch(self._pipeline.rules.interest(name))
        except DeviceError:
            monitor.close()
            raise
        self._monitors[name] = monitor
        if isinstance(monitor, TimedMonitor):
            self._timed[name] = monitor
        self._loop.add_reader(monitor.fileno(), self._read, name, monitor)
        self._tell_all(found)

    def _read(self, name: str, monitor: Monitor) -> None:
        """One monitor has something; while a filter waits, all are read, as what they have may be older."""
        waits = self._pipeline.filters_deadline is not None
        self._tell_all(self._read_all() if waits else self._events_of(name, monitor))

    def _read_all(self) -> list[Event | DeviceGone]:
        """What all monitors have, by the times at which it happened."""
        events = [event for name, monitor in self.monitors.items() for event in self._events_of(name, monitor)]
        return sorted(events, key=lambda event: event.at)

    def _events_of(self, name: str, monitor: Monitor) -> Sequence[Event | DeviceGone]:
        try:
            return monitor.read()
        except DeviceError as error:
            log.error("%s: %s; it is not listened to any more", name, error)
            self._close(name)
            return ()

    def _close(self, name: str) -> None:
        monitor = self._monitors.pop(name)
        self._timed.pop(name, None)
        self._loop.remove_reader(monitor.fileno())
        monitor.close()

    def _tell_all(self, events: Sequence[Event | DeviceGone]) -> None:
        self.events += len(events)
        if log.isEnabledFor(logging.DEBUG):
            for event in events:
                log.debug("event%s %s", " (replayed)" if event.replayed else "", line_of_event(event))
        for event in events:
            self._facts.append(event)
        self._work()

    def tell(self, fact: Fact) -> None:
        """Takes a fact, and does what the pipeline decides."""
        self._facts.append(fact)
        self._work()

    def ended(self, ended: Ended) -> None:
        """A host says that a run is over."""
        self.tell(
            Completed(
                at=self._clock(),
                instance_id=ended.instance_id,
                succeeded=ended.succeeded,
                detail=ended.detail,
                output=ended.output,
            )
        )

    def _work(self) -> None:
        while self._facts:
            fact = self._facts.popleft()
            if isinstance(fact, Event | DeviceGone):  # a timer that was due before it, or when it came, comes first
                self._advance(fact.at)
            for outcome in self._pipeline.receive(fact):
                self._carry_out(outcome)
        self._set_timer()
        if self._pipeline.dispatcher.running:
            self._idle.clear()
        else:
            self._idle.set()

    def _due(self) -> None:
        """The timer: hears what came until now, which may undo what is due, then lets the pipeline do what is due."""
        self._timer = self._timer_at = None
        self._tell_all(self._read_all())
        self._advance(self._clock())
        self._work()

    def _advance(self, at: int) -> None:
        if self._pipeline.is_due(at):
            for outcome in self._pipeline.advance(at):
                self._carry_out(outcome)

    def _set_timer(self) -> None:
        deadlines = [self._pipeline.deadline, *(monitor.deadline() for monitor in self._timed.values())]
        at = min((at for at in deadlines if at is not None), default=None)
        if at is not None and self._timer_at is not None and self._timer_at <= at:
            return  # it comes too early and is set again then: cheaper than to put it off with every event
        if self._timer is not None:
            self._timer.cancel()
        # The loop's clock is the monotonic one in seconds; a microsecond more, so that it is not a moment too early.
        self._timer = self._loop.call_at((at + 1) / 1_000_000, self._due) if at is not None else None
        self._timer_at = at

    def _carry_out(self, outcome: Outcome) -> None:
        match outcome:
            case Raised():
                self.raised += 1
                log.debug("raised %s by %s, key %r", outcome.trigger, _rule(outcome), outcome.key)
            case Activate(instance=instance):
                log.info(
                    "activated %s %s by %s %s",
                    instance.task.name,
                    instance.instance_id,
                    instance.raised.trigger,
                    _rule(instance.raised),
                )
                self._running_host().start(instance)
            case Cancel(instance=instance):
                log.info("canceled %s %s %s", instance.task.name, instance.instance_id, outcome.reason.name)
                self._running_host().cancel(instance.instance_id, outcome.reason)
            case Kill(instance=instance):
                log.warning("killed %s %s: it did not end when canceled", instance.task.name, instance.instance_id)
                self._running_host().kill(instance.instance_id)
            case Finished():
                _log_finished(outcome)
            case Dropped():
                log.warning("dropped %s key %s: %s", outcome.task, printable(outcome.key), outcome.reason)
            case Refusal():
                log.warning("%s", printable(outcome.message))
            case RaisedThisBoot() | LevelTurned():
                self._remember(outcome)

    def _running_host(self) -> Host:
        assert self._host is not None, "a host is set before anything can be raised"
        return self._host

    async def stop(self) -> None:
        """Listens to nothing any more, cancels every run and waits until all are over."""
        for name in list(self._monitors):
            self._close(name)
        self.tell(Stopping(at=self._clock()))
        await self._idle.wait()
        if self._timer is not None:
            self._timer.cancel()


def _rule(raised: Raised) -> str:
    return raised.rule or "the API"


def _log_finished(finished: Finished) -> None:
    instance = finished.instance
    level = logging.DEBUG if finished.state is InstanceState.SUCCEEDED else logging.WARNING
    last = finished.output.rstrip().rpartition("\n")[2]
    log.log(
        level,
        "completed %s %s %s%s%s",
        instance.task.name,
        instance.instance_id,
        finished.state,
        f": {printable(finished.detail)}" if finished.detail and finished.state is not InstanceState.SUCCEEDED else "",
        f"; last printed: {printable(last[-200:])}" if last else "",
    )
