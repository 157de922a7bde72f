"""The pipeline wired to what does its will: monitors tell it, hosts run for it, one timer wakes it.

It decides nothing, and it does not know where rules came from or who asked over the API.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from bridge.dispatch.decisions import Activate, Cancel, Completed, Kill, Resumed, Started, StoreTurned
from bridge.errors import DeviceError
from bridge.hosts.host import Ended, Host
from bridge.mapping.interest import Interest
from bridge.mapping.raising import Refusal
from bridge.model.events import DeviceGone, Event
from bridge.model.text import printable
from bridge.model.triggers import Raised
from bridge.monitors.monitor import Clock, Monitor, TimedMonitor
from bridge.pipeline.facts import Declared, Stopping, UnregisterTask
from bridge.pipeline.pipeline import Fact, Outcome, Pipeline
from bridge.recording.jsonl import line_of_event
from bridge.service.declarations import Declarations
from bridge.service.installed import source_of
from bridge.service.log_fields import about, about_task
from bridge.service.log_lines import log_decision, who_raised
from bridge.service.outbox import Outbox, Then
from bridge.service.owners import taken_over
from bridge.service.sleep import Sleep
from bridge.service.telling import Telling
from bridge.store.store import Store

PATIENCE_SECONDS = 1.0
"""How long the store has to find room for what is under way, before who waits for it is refused."""

log = logging.getLogger("bridge")


class Bridge:
    """One pipeline and all that it drives. Facts are taken one after another, in the order in which they came."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        pipeline: Pipeline,
        store: Store | None = None,
        open_monitors: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._pipeline = pipeline
        self.telling = Telling(store, pipeline.dispatcher.runs)
        """Who wants to know what happens."""
        self._outbox = Outbox(store, self._carry_out, self.telling)
        self._sleep = Sleep(loop, due=self._due, turned=self._work)
        self._open_monitors = open_monitors
        self._host: Host | None = None
        self.run_of: Callable[[int], str | None] = lambda pid: None
        self._interests: dict[str, Interest] = {}
        self._monitors: dict[str, Monitor] = {}
        self._timed: dict[str, TimedMonitor] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: int | None = None
        self._facts: deque[Fact] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self.failures: dict[str, str] = {}
        """The monitors that are asked for and not there, by name, and why."""
        self.refusal = ""
        """Why nothing new is accepted, where it is so."""
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

    def use(self, host: Host, run_of: Callable[[int], str | None] = lambda pid: None) -> None:
        """Runs handlers with this host from now on; `run_of` knows which run a process is of."""
        self._host = host
        self.run_of = run_of

    def written(self, tokens: Sequence[object]) -> None:
        """The store has written what these tokens stand for."""
        self._outbox.written(tokens)

    def store_turned(self, accepts: bool, why: str) -> None:
        """The store takes new raises from now on, or does not, and why."""
        self.refusal = why
        if accepts:
            log.warning("the store is writable again: new raises are accepted")
        else:
            log.error("%s: new raises are refused, what was accepted is kept", why)
            self._loop.call_later(PATIENCE_SECONDS, self._refuse_who_waits)
        self.tell(StoreTurned(at=self._clock(), accepts=accepts))

    def _refuse_who_waits(self) -> None:
        if self.refusal:
            self._outbox.refuse(self.refusal)

    def store_damaged(self, message: str) -> None:
        """The store had to set its file aside: it is told all that is owed once more."""
        log.error("%s", message)
        self._outbox.rewrite(self._pipeline.dispatcher.owed())

    def declare(self, declarations: Declarations) -> None:
        """These rules, and these tasks of files, hold from now on; every monitor is told what they ask for."""
        for name in list(taken_over(self._pipeline.dispatcher.registrations, declarations.tasks)):
            told = "%s: a file has this name now, the task that a user registered under it is there no more"
            log.warning(told, name, extra=about_task(name))
            self.tell(UnregisterTask(at=self._clock(), name=name, cancel_task=False))
        self.tell(Declared(at=self._clock(), rules=declarations.rules, tasks=declarations.tasks))
        self.watch()

    def watch(self) -> None:
        """Tells every monitor what rules and tasks ask for by now, and new tasks what monitors know."""
        for name, monitor in self.monitors.items():
            self._watch(name, monitor)

    def ask_monitors(self) -> None:
        """As `watch`, after a task has changed: only where something else is asked for now; opens what is new."""
        for name, monitor in self.monitors.items():
            if self._pipeline.interest(source_of(name)) != self._interests.get(name):
                self._watch(name, monitor)
        self._open_monitors()

    def _watch(self, name: str, monitor: Monitor) -> None:
        try:
            interest = self._pipeline.interest(source_of(name))
            found = monitor.watch(interest)
            self._interests[name] = interest
            self._tell_all(found)
            for event in monitor.snapshot():
                self._put(self._pipeline.found(event))
        except DeviceError as error:
            log.error("%s: %s; it watches what it watched before", name, error)
        self._work()

    def add(self, name: str, monitor: Monitor) -> None:
        """Listens to one more monitor. One that cannot watch is closed, and its `DeviceError` is the caller's."""
        self._interests[name] = self._pipeline.interest(source_of(name))
        try:
            found = monitor.watch(self._interests[name])
        except DeviceError:
            monitor.close()
            raise
        self._monitors[name] = monitor
        self.failures.pop(name, None)
        if isinstance(monitor, TimedMonitor):
            self._timed[name] = monitor
        self._loop.add_reader(monitor.fileno(), self._read, name, monitor)
        self._tell_all(found)

    def _read(self, name: str, monitor: Monitor) -> None:
        """One monitor has something; while a filter waits, all are read, as what they have may be older."""
        waits = self._pipeline.filters_deadline is not None
        self._tell_all(self._read_all() if waits else self._asked(name, monitor.read))

    def _read_all(self) -> list[Event | DeviceGone]:
        """What all monitors have, by the times at which it happened."""
        events = [event for name, monitor in self.monitors.items() for event in self._asked(name, monitor.read)]
        return sorted(events, key=lambda event: event.at)

    def _asked(self, name: str, ask: Callable[[], Sequence[Event | DeviceGone]]) -> Sequence[Event | DeviceGone]:
        try:
            return ask()
        except DeviceError as error:
            self.failed(name, error, "; it is not listened to any more")
            self._close(name)
            return ()

    def failed(self, name: str, error: DeviceError, more: str = "") -> None:
        """Names a monitor that is not there, and why: in the log, and in `failures` until it is added."""
        log.error("%s: %s%s", name, error, more)
        self.failures[name] = str(error)

    def _close(self, name: str) -> None:
        monitor = self._monitors.pop(name)
        self._timed.pop(name, None)
        self._loop.remove_reader(monitor.fileno())
        monitor.close()

    def _tell_all(self, events: Sequence[Event | DeviceGone]) -> None:
        self._note(events)
        self._facts.extend(events)
        self._work()

    def _note(self, events: Sequence[Event | DeviceGone]) -> None:
        """Counts and logs events, and tells those who watch them."""
        self.events += len(events)
        if log.isEnabledFor(logging.DEBUG):
            for event in events:
                log.debug("event%s %s", " (replayed)" if event.replayed else "", line_of_event(event))
        self.telling.events(events)

    def when_done(self, then: Then) -> None:
        """Calls `then` when all that was decided up to now is written down and carried out."""
        self._outbox.put((), then=then)

    def tell(self, fact: Fact, *, flush: bool = False, then: Then | None = None) -> None:
        """Takes a fact, and does what the pipeline decides; `then` is called when that is written down.

        With `flush` it is on the disk by then, where the store is that durable.
        """
        if self._facts:
            self._work()  # what came before comes first
        self._receive(fact, flush=flush, then=then)
        self._work()

    def ended(self, ended: Ended) -> None:
        """A host says that a run is over."""
        self.tell(
            Completed(
                at=self._clock(),
                instance_id=ended.instance_id,
                succeeded=ended.succeeded,
                again=ended.again,
                detail=ended.detail,
                output=ended.output,
                suspended=ended.suspended,
                throttled=ended.throttled,
            )
        )

    def _work(self) -> None:
        self._notice_sleep()
        while self._facts:
            fact = self._facts.popleft()
            self._advance(fact.at)  # a timer that was due before it, or when it came, comes first
            self._receive(fact)
        self._set_timer()
        self._sleep.set(self._pipeline.dispatcher.wake)
        self._look_whether_idle()

    def _receive(self, fact: Fact, *, flush: bool = False, then: Then | None = None) -> None:
        outcomes = self._pipeline.receive(fact)
        if outcomes or then is not None:
            self._put(outcomes, flush=flush, then=then)

    def _put(self, outcomes: Sequence[Outcome], *, flush: bool = False, then: Then | None = None) -> None:
        """Has what was decided carried out; what was seen late is no reason to cancel a run before it is started."""
        for outcome in outcomes:
            if isinstance(outcome, Activate):
                self._started(outcome)
        self._outbox.put(outcomes, flush=flush, then=then)

    def _started(self, activate: Activate) -> None:
        self._pipeline.receive(Started(at=self._clock(), instance_id=activate.instance.instance_id))

    def _notice_sleep(self) -> None:
        """Tells the pipeline that the machine slept, by the clock that went on meanwhile."""
        slept = self._sleep.slept()
        if slept:
            log.info("resumed after %d s of sleep", slept // 1_000_000)
            self._receive(Resumed(at=self._clock(), asleep=slept))
            self._facts.extend(self._resynced())

    def _resynced(self) -> list[Event | DeviceGone]:
        """What all monitors find to be otherwise after sleep, by the times at which it happened."""
        found = [fact for name, monitor in self.monitors.items() for fact in self._asked(name, monitor.resync)]
        self._note(found)
        return sorted(found, key=lambda fact: fact.at)

    def _look_whether_idle(self) -> None:
        if self._pipeline.dispatcher.running:
            self._idle.clear()
        else:
            self._idle.set()

    def _due(self) -> None:
        """The timer: hears what came until now, which may undo what is due, then lets the pipeline do what is due."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timer_at = None
        self._tell_all(self._read_all())
        self._advance(self._clock())
        self._work()

    def _advance(self, at: int) -> None:
        while self._pipeline.is_due(at):
            due = self._pipeline.deadline
            assert due is not None, "something is due"
            self._put(self._pipeline.advance(due))  # instant by instant: a run that begins late has its whole limit

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
                log.debug("raised %s by %s, key %r", outcome.trigger, who_raised(outcome), outcome.key)
            case Activate(instance=instance):
                self._started(outcome)
                self._running_host().start(instance)  # before it is logged: that may be slow, and the handler waits
                log.info(
                    "activated %s %s by %s %s",
                    instance.task.name,
                    instance.instance_id,
                    instance.raised.trigger,
                    who_raised(instance.raised),
                    extra=about(instance),
                )
            case Cancel(instance=instance):
                reason = outcome.reason.name
                fields = about(instance, reason)
                log.info("canceled %s %s %s", instance.task.name, instance.instance_id, reason, extra=fields)
                self._running_host().cancel(instance.instance_id, outcome.reason)
            case Kill(instance=instance):
                log.warning(
                    "killed %s %s: it did not end when canceled",
                    instance.task.name,
                    instance.instance_id,
                    extra=about(instance),
                )
                self._running_host().kill(instance.instance_id)
            case Refusal():
                log.warning("%s", printable(outcome.message))
            case _:
                log_decision(outcome)

    def _running_host(self) -> Host:
        assert self._host is not None, "a host is set before anything can be raised"
        return self._host

    async def stop(self) -> None:
        """Listens to nothing any more, cancels every run and waits until all are over."""
        for name in list(self._monitors):
            self._close(name)
        self._open_monitors = lambda: None
        self.tell(Stopping(at=self._clock()))
        for instance in self._outbox.abandon():
            self.ended(Ended(instance_id=instance.instance_id, succeeded=False, detail="not started: the daemon stops"))
        await self._idle.wait()
        await self._written()
        if self._timer is not None:
            self._timer.cancel()
        self._sleep.close()

    async def _written(self) -> None:
        """Waits until the ends of runs are written down and told, unless the disk is full."""
        written = self._loop.create_future()
        self.when_done(lambda _: written.set_result(None) if not written.done() else None)
        with suppress(TimeoutError):
            await asyncio.wait_for(written, PATIENCE_SECONDS)
