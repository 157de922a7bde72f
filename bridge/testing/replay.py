"""The replay driver: the pipeline on a virtual clock, which stands where the last event or timer put it.

It starts no program: what becomes of a run is for the host that it is given.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol, runtime_checkable

from bridge.dispatch.decisions import Activate, Cancel, Completed, Kill
from bridge.dispatch.dispatcher import Dispatcher
from bridge.dispatch.kept import Restored
from bridge.hosts.host import Ended, Host
from bridge.hosts.inline import Handler, InlineHost
from bridge.mapping.explain.reasons import Explain
from bridge.mapping.memory import Memory
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event
from bridge.model.tasks import CancellationReason, Registration
from bridge.pipeline.facts import CancelRun, Declared
from bridge.pipeline.pipeline import Fact, Outcome, Pipeline


@dataclass(frozen=True, slots=True)
class Overdue:
    """A run has taken longer than its `run_limit` on a real clock, where that of the replay stands still."""

    instance_id: str


MakeHost = Callable[[Callable[[Ended | Overdue], None]], Host]
"""From whom to tell of ended runs to a host."""


@runtime_checkable
class AwaitedHost(Host, Protocol):
    """A host whose runs take time, for which that of the replay stands still."""

    def wait_for_first(self) -> None:
        """Returns when of the runs that are not over the one started first is, and has been told; or none was left."""


class Replay:
    """A pipeline whose time is that of the events; instance ids count 1, 2, 3.

    `now` is that time, in microseconds, and `begin` what it is at first: periods count from it. Every outcome is
    yielded when the host has been told of it. `wait_until` is called before time goes on to a later one, and may keep
    it waiting. `explain` is told why rules do not raise.
    """

    def __init__(
        self,
        rules: RuleTable,
        tasks: Sequence[Registration] = (),
        make_host: MakeHost | None = None,
        memory: Memory | None = None,
        wait_until: Callable[[int], None] | None = None,
        explain: Explain | None = None,
        begin: int = 0,
    ) -> None:
        self._ids = count(1)
        self._host = (make_host or inline_host({}))(self._ended)
        self._wait_for_first = self._host.wait_for_first if isinstance(self._host, AwaitedHost) else None
        self._wait_until = wait_until
        self._explain = explain
        self._over: deque[Ended | Overdue] = deque()
        self.now = begin
        started = list(self.start(rules, tasks, memory))
        assert not any(isinstance(each, Activate) for each in started), "nothing is owed, so nothing starts"

    def start(
        self,
        rules: RuleTable,
        tasks: Sequence[Registration] = (),
        memory: Memory | None = None,
        restored: Restored | None = None,
    ) -> Iterator[Outcome]:
        """Starts as the daemon does, and knows nothing but what was kept; time and the numbers of runs go on."""
        self._pipeline = Pipeline(lambda: str(next(self._ids)), memory, self._explain)
        outcomes = [*self._pipeline.receive(restored)] if restored is not None else []
        outcomes += self._pipeline.receive(Declared(at=self.now, rules=rules, tasks=tuple(tasks)))
        yield from self._settle(outcomes)
        yield from self.advance(self.now)  # what was missed

    @property
    def dispatcher(self) -> Dispatcher:
        """The tasks and their runs, to be looked at."""
        return self._pipeline.dispatcher

    def events(self, events: Iterable[Event | DeviceGone], until: int | None = None) -> Iterator[Outcome]:
        """Everything that these events lead to, in order; `until` microseconds, where given, is the end of time.

        After the last event filters run out, or with `until` everything that is due by then happens.
        """
        for event in events:
            if until is not None and event.at > until:
                break
            # What `tell` does, without a generator for each of the many events that lead to nothing.
            if self._pipeline.is_due(event.at):
                yield from self.advance(event.at)
            elif event.at > self.now:
                self._go_on(event.at)
            outcomes = self._pipeline.receive(event)
            if outcomes:
                yield from self._settle(outcomes)
        yield from self.run_out() if until is None else self.advance(until)

    def tell(self, fact: Fact) -> Iterator[Outcome]:
        """What a fact leads to. A timer that is due at an instant comes before an event of that instant."""
        yield from self.advance(fact.at)
        outcomes = self._pipeline.receive(fact)
        if outcomes:
            yield from self._settle(outcomes)

    def advance(self, at: int) -> Iterator[Outcome]:
        """Lets time go on until then."""
        while self._pipeline.is_due(at) and (due := self._pipeline.deadline) is not None:
            self._go_on(due)
            yield from self._settle(self._pipeline.advance(due))
        self._go_on(at)

    def _go_on(self, at: int) -> None:
        if at > self.now:
            if self._wait_until is not None:
                self._wait_until(at)
            self.now = at

    def run_out(self) -> Iterator[Outcome]:
        """Lets time go on until no filter of a rule waits for anything, nor a watcher for one more device.

        What else is due until then happens, and nothing that is due later: a trigger of time would never be done.
        """
        while (due := self._pipeline.filters_deadline) is not None:
            yield from self.advance(due)

    def settle(self) -> Iterator[Outcome]:
        """What the runs lead to that have ended since the last fact."""
        yield from self._settle(())

    def _settle(self, outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
        """The outcomes, and those of the runs that they start and that are over at once."""
        while True:
            for outcome in outcomes:
                self._carry_out(outcome)
                yield outcome
            if self._wait_for_first is not None and not self._over:
                self._wait_for_first()
            if not self._over:
                return
            outcomes = self._take(self._over.popleft())

    def _take(self, told: Ended | Overdue) -> Sequence[Outcome]:
        """What a run leads to that is over, or must be canceled."""
        if isinstance(told, Overdue):
            reason = CancellationReason.ExecutionTimeExceeded
            return self._pipeline.receive(CancelRun(at=self.now, instance_id=told.instance_id, reason=reason))
        completed = Completed(
            at=self.now,
            instance_id=told.instance_id,
            succeeded=told.succeeded,
            again=told.again,
            detail=told.detail,
            output=told.output,
            suspended=told.suspended,
            throttled=told.throttled,
        )
        return self._pipeline.receive(completed)

    def _carry_out(self, outcome: Outcome) -> None:
        match outcome:
            case Activate(instance=instance):
                self._host.start(instance)
            case Cancel(instance=instance):
                self._host.cancel(instance.instance_id, outcome.reason)
            case Kill(instance=instance):
                self._host.kill(instance.instance_id)

    def _ended(self, told: Ended | Overdue) -> None:
        self._over.append(told)


def inline_host(handlers: Mapping[str, Handler]) -> MakeHost:
    """The host that calls these functions for the runs of the tasks that they are named after; others succeed."""
    return lambda ended: InlineHost(handlers, ended)
