"""Everything around the pipeline: a store that commits when it is told to, processes, a clock, a daemon that dies.

What a transaction decides is carried out once it is committed, as the service does it. It promises nothing.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from bridge.dispatch.decisions import Activate, Completed, Kill, Resumed
from bridge.mapping.table import RuleTable
from bridge.model.tasks import Instance, Registration
from bridge.pipeline.facts import Declared
from bridge.pipeline.pipeline import Fact, Pipeline
from tests.pure.contract import runs, timers
from tests.pure.contract.promises import Promises
from tests.pure.contract.store_model import STORE_OPS, StoreModel
from tests.pure.contract.story import told

NO_RULES = RuleTable()


@dataclass
class Pending:
    """A transaction that is not committed: a fact, or None for time that went on, and what it led to."""

    fact: Fact | None
    at: int
    outcomes: Sequence[object]

    def steps(self) -> Iterator[tuple[int, Sequence[object]]]:
        """What happened one after another while time went on: each decided first, then what is to be kept."""
        step: list[object] = []
        if self.fact is None:
            for each in self.outcomes:
                if step and isinstance(step[-1], STORE_OPS) and not isinstance(each, STORE_OPS):
                    yield max(told.at for told in step if hasattr(told, "at")), step
                    step = []
                step.append(each)
        yield self.at, step if self.fact is None else self.outcomes


@dataclass
class World:
    """A machine with a daemon; `files` are the tasks that its files say."""

    files: dict[str, Registration] = field(default_factory=dict)
    now: int = 5_000_000
    store: StoreModel = field(default_factory=StoreModel)
    promises: Promises = field(default_factory=Promises)
    processes: dict[str, Instance] = field(default_factory=dict)
    killed: set[str] = field(default_factory=set)
    pending: "deque[Pending]" = field(default_factory=deque)
    uncommitted: int = 0
    """How many transactions may wait for their commit."""
    is_broken: bool = False
    """Whether a promise did not hold."""
    outcomes: list[object] = field(default_factory=list)
    """All that was committed, but what is the store's."""
    story: list[str] = field(default_factory=list)
    ids: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """The daemon starts, with what was committed."""
        self.promises.books.began(self.now)
        self.pipeline = Pipeline(lambda: str(next(self.ids)))
        self._receive(self.store.restored(self.now))
        self._receive(self.declaration())
        self.go_on(self.now)

    def declaration(self) -> Declared:
        """What the files say."""
        return Declared(at=self.now, rules=NO_RULES, tasks=tuple(self.files.values()))

    def tell(self, fact: Fact) -> None:
        """A fact of this moment; what was due by now comes first."""
        self.go_on(fact.at)
        self._receive(fact)
        self.go_on(fact.at)

    def go_on(self, at: int, *, at_once: bool = False) -> None:
        """Time goes on, from deadline to deadline, or with somebody who looks only at the end."""
        stands = 0
        while not at_once and (due := self.pipeline.deadline) is not None and due <= at:
            moment = max(due, self.now)
            stands = 0 if moment > self.now else stands + 1
            assert stands < 3, f"the deadline {due} has come, and comes again at {self.now}"
            if moment > self.now:
                assert not self.pipeline.advance(moment - 1), "nothing happens before the deadline"
            self.now = moment
            self._advance(moment)
        self.now = max(at, self.now)
        self._advance(self.now)
        due = self.pipeline.deadline
        assert due is None or due > self.now, f"the deadline {due} stays in the past at {self.now}"

    def _advance(self, at: int) -> None:
        self._record(None, at, self.pipeline.advance(at))

    def _receive(self, fact: Fact) -> None:
        self._record(fact, fact.at, self.pipeline.receive(fact))

    def _record(self, fact: Fact | None, at: int, outcomes: Sequence[object]) -> None:
        self.pending.append(Pending(fact, at, list(outcomes)))
        if len(self.pending) > self.uncommitted:
            self.commit()

    def commit(self, transactions: int | None = None) -> None:
        """The oldest transactions are on disk, all where no number is given; then what they decided is done."""
        self.is_broken = True
        for _ in range(len(self.pending) if transactions is None else min(transactions, len(self.pending))):
            done = self.pending.popleft()
            if done.fact is None and not done.outcomes:
                self.promises.commit(None, done.at, ())
                continue
            self.story.append(f"{done.at / 1e6:.6f} {told(done.fact) if done.fact is not None else 'time goes on'}")
            self.story += [f"    {told(each)}" for each in done.outcomes]
            if isinstance(done.fact, Resumed):
                self.store.slept(done.fact.asleep)
            self.store.commit(done.outcomes)
            for at, outcomes in done.steps():
                self.promises.commit(done.fact, at, outcomes)
            for each in done.outcomes:
                self._carry_out(each)
            self.outcomes += [each for each in done.outcomes if not isinstance(each, STORE_OPS)]
        self.is_broken = False

    def _carry_out(self, decision: object) -> None:
        match decision:
            case Activate(instance=instance):
                self.processes[instance.instance_id] = instance
            case Kill(instance=instance) if instance.instance_id in self.processes:
                self.killed.add(instance.instance_id)
            case _:
                pass

    def complete(self, instance_id: str, *, succeeded: bool = True, again: bool = False) -> None:
        """A process that was started has ended."""
        del self.processes[instance_id]
        self.killed.discard(instance_id)
        self.tell(Completed(at=self.now, instance_id=instance_id, succeeded=succeeded, again=again))

    def die(self) -> None:
        """The daemon dies, with what is not committed and all processes."""
        self.story.append(f"--- the daemon dies at {self.now}; {len(self.pending)} transactions are lost")
        self.pending.clear()
        self.processes.clear()
        self.killed.clear()
        self.promises.books.died()

    def boot_again(self, now: int, later: int) -> None:
        """Another boot, of which the clock shows `now`, and `later` microseconds more for what was before."""
        self.story.append(f"--- the machine boots, at {now}; what was before is {later} later")
        self.now = now
        self.store.boot_again(now, later)
        self.promises.books.boot_again(now, later)

    def check(self) -> None:
        """What is true whenever everything is committed."""
        books = self.promises.books
        if self.pending:
            return
        self.is_broken = True
        owed = {number: (each.task, each.raised.key, each.merged) for number, each in self.store.owed.items()}
        assert owed == {number: (*each.place, len(each.raises)) for number, each in books.owed.items()}
        registered = {name for name, task in books.tasks.items() if not task.registration.from_file}
        assert registered == set(self.store.registrations), "what callers registered is kept"
        runs.check_nothing_waits_in_vain(books)
        for at, what in (*runs.expected(books), *timers.expected(books)):
            due = self.pipeline.deadline
            assert due is not None, f"{what} at {at}, and nobody waits for it"
            assert due <= at, f"{what} at {at}, and nobody looks before {due}"
        self.is_broken = False
