"""The replay driver: the pipeline on a virtual clock. No program is started; a run is over at once."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count

from bridge.dispatch.decisions import Activate, Completed
from bridge.hosts.host import Ended
from bridge.hosts.inline import Handler, InlineHost
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event
from bridge.model.tasks import Registration
from bridge.pipeline.pipeline import Declared, Outcome, Pipeline


class Replay:
    """A pipeline whose time is that of the events; instance ids count 1, 2, 3.

    `handlers` are called for the runs of the tasks that they are named after; any other run succeeds.
    """

    def __init__(
        self, rules: RuleTable, tasks: Sequence[Registration] = (), handlers: Mapping[str, Handler] | None = None
    ) -> None:
        ids = count(1)
        self._host = InlineHost(handlers or {}, self._ended)
        self._now = 0
        self._over: deque[Completed] = deque()
        self._pipeline = Pipeline(lambda: str(next(ids)))
        self._pipeline.receive(Declared(at=0, rules=rules, tasks=tuple(tasks)))

    def events(self, events: Iterable[Event | DeviceGone], until: int | None = None) -> Iterator[Outcome]:
        """Everything that these events lead to, in order; `until` microseconds, where given, is the end of time.

        A timer that is due at an instant comes before an event of that instant.
        """
        for event in events:
            if until is not None and event.at > until:
                break
            yield from self._run_out(event.at)
            yield from self._settle(self._pipeline.receive(event))
        yield from self._run_out(until)

    def _run_out(self, until: int | None) -> Iterator[Outcome]:
        while (due := self._pipeline.deadline) is not None and (until is None or due <= until):
            yield from self._settle(self._pipeline.advance(due))

    def _settle(self, outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
        """The outcomes, and those of the runs that they start and that are over at once."""
        while True:
            for outcome in outcomes:
                yield outcome
                if isinstance(outcome, Activate):
                    self._now = outcome.at
                    self._host.start(outcome.instance)
            if not self._over:
                return
            outcomes = self._pipeline.receive(self._over.popleft())

    def _ended(self, ended: Ended) -> None:
        self._over.append(
            Completed(at=self._now, instance_id=ended.instance_id, succeeded=ended.succeeded, detail=ended.detail)
        )
