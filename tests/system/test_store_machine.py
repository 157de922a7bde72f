"""Any order of writes, stops, crashes and boots, against a model in memory: a start finds what was committed."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace
from stored import JACK, Stored, owed, raised, task

from bridge.dispatch.kept import Answered, Kept, TaskForgotten, TaskState
from bridge.mapping.memory import ForgottenThisBoot, LevelTurned, RaisedThisBoot
from bridge.store.values import Times

MINUTE = 60_000_000
TEXT = st.text(max_size=10)
DETAILS = st.dictionaries(TEXT, TEXT, max_size=3)
NUMBERS = st.integers(min_value=1, max_value=12)
NAMES = st.sampled_from(["jack", "radio", "lamp"])
PLACES = st.frozensets(st.integers(min_value=0, max_value=4))


@dataclass(frozen=True)
class Written:
    """A value, and what time it was when it was written."""

    value: Kept | TaskState
    times: Times
    boot: int


class StoreMachine(RuleBasedStateMachine):
    """One state directory over many starts."""

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.boot = self.starts = 1
        self.times = Times(now=10 * MINUTE, wall_offset=10**15)
        self.owed: dict[int, Written] = {}
        self.tasks: dict[str, Written] = {}
        self.true: set[tuple[str, tuple[str, str]]] = set()
        self.raised: set[tuple[str, str]] = set()
        self.claim: tuple[str, int] | None = None
        """The start that wrote last and its boot, unless it ended cleanly."""
        self.stored = self.started()

    def started(self) -> Stored:
        return Stored(self.directory, boot=f"boot {self.boot}", start=f"start-{self.starts}", times=self.times)

    def write(self, *outcomes: object) -> None:
        self.stored.write(*outcomes)
        self.claim = (f"start-{self.starts}", self.boot)

    @rule(
        number=NUMBERS,
        key=TEXT,
        details=DETAILS,
        ago=st.integers(min_value=0, max_value=MINUTE),
        due=st.none() | st.integers(min_value=0, max_value=10 * MINUTE),
        instance=st.none() | TEXT,
        batch=st.lists(DETAILS, max_size=3),
        forgotten=st.integers(min_value=0, max_value=3),
        latched=st.booleans(),
    )
    def keep(
        self,
        number: int,
        key: str,
        details: dict[str, str],
        ago: int,
        due: int | None,
        instance: str | None,
        batch: list[dict[str, str]],
        forgotten: int,
        latched: bool,
    ) -> None:
        kept = owed(
            number,
            raised=replace(raised(at=self.times.now - ago, key=key), details=details),
            due=self.times.now + due if due is not None else None,
            instance_id=instance,
            latched=latched,
            batch=tuple(batch),
            forgotten=forgotten,
        )
        self.write(kept)
        before = self.owed.get(number)
        all_of_it = (before.value.batch if before is not None else ()) + kept.batch  # type: ignore[union-attr]
        whole = replace(kept, batch=all_of_it[forgotten:], forgotten=0)
        self.owed[number] = Written(whole, self.times, self.boot)

    @rule(numbers=st.lists(NUMBERS, max_size=4, unique=True))
    def answer(self, numbers: list[int]) -> None:
        self.write(*(Answered(number=number) for number in numbers))
        for number in numbers:
            self.owed.pop(number, None)

    @rule(name=NAMES, spent=PLACES, in_boot=PLACES, due=st.dictionaries(st.integers(0, 3), st.integers(0, MINUTE)))
    def keep_task(self, name: str, spent: frozenset[int], in_boot: frozenset[int], due: dict[int, int]) -> None:
        later = {place: self.times.now + after for place, after in due.items()}
        kept = task(name, spent=spent, spent_in_boot=in_boot, due=later, failures=3, quarantined="so")
        self.write(kept)
        self.tasks[name] = Written(kept.state, self.times, self.boot)

    @rule(name=NAMES)
    def forget_task(self, name: str) -> None:
        self.write(TaskForgotten(name=name))
        self.tasks.pop(name, None)

    @rule(name=NAMES, true=st.booleans())
    def turn_level(self, name: str, true: bool) -> None:
        self.write(LevelTurned(name, JACK, true))
        (self.true.add if true else self.true.discard)((name, JACK))

    @rule(name=NAMES, key=TEXT, there=st.booleans())
    def raise_in_boot(self, name: str, key: str, there: bool) -> None:
        self.write(RaisedThisBoot(name, key) if there else ForgottenThisBoot(name, key))
        (self.raised.add if there else self.raised.discard)((name, key))

    @precondition(lambda self: self.owed)
    @rule()
    def rewrite(self) -> None:
        """What a pipeline says of all that it owes, in its present times."""
        found = self.expected_owed()
        self.stored.rewrite(*found)
        self.claim = (f"start-{self.starts}", self.boot)
        self.owed = {kept.number: Written(kept, self.times, self.boot) for kept in found}
        self.tasks = {}

    @rule(
        passed=st.integers(min_value=0, max_value=10 * MINUTE),
        wall_step=st.integers(min_value=-MINUTE, max_value=MINUTE),
        asleep=st.integers(min_value=0, max_value=MINUTE),
    )
    def time_passes(self, passed: int, wall_step: int, asleep: int) -> None:
        self.times = Times(
            now=self.times.now + passed,
            wall_offset=self.times.wall_offset + wall_step,
            asleep=self.times.asleep + asleep,
        )
        self.stored.times = self.times

    @rule()
    def restart(self) -> None:
        self.stored.close()
        if self.claim is not None and self.claim[0] == f"start-{self.starts}":
            self.claim = None
        self.start_again()

    @rule()
    def crash(self) -> None:
        """A copy of the files as they are is what a killed daemon leaves."""
        copy = Path(tempfile.mkdtemp()) / "state"
        shutil.copytree(self.directory, copy)
        self.stored.close()
        shutil.rmtree(self.directory)
        self.directory = copy
        self.start_again()

    @rule(ending=st.sampled_from(["restart", "crash"]), off=st.integers(min_value=-MINUTE, max_value=10 * MINUTE))
    def reboot(self, ending: str, off: int) -> None:
        self.boot += 1
        self.raised.clear()
        self.times = Times(now=MINUTE, wall_offset=self.times.wall + off - MINUTE)
        self.restart() if ending == "restart" else self.crash()

    def start_again(self) -> None:
        self.starts += 1
        self.stored = self.started()
        found = self.stored.read()

        assert found.damaged == ""
        assert found.unclean == ((self.claim[0],) if self.claim is not None and self.claim[1] == self.boot else ())
        assert found.restored.owed == self.expected_owed()
        began = -self.times.asleep
        assert found.restored.earlier_boot == {kept.number for kept in self.expected_owed() if kept.raised.at < began}
        assert {state.name: state for state in found.restored.tasks} == self.expected_tasks()
        assert found.memory.true == self.true
        assert found.memory.raised_this_boot == self.raised

    def expected_owed(self) -> tuple[Kept, ...]:
        return tuple(self.kept_now(self.owed[number]) for number in sorted(self.owed))

    def kept_now(self, written: Written) -> Kept:
        kept = written.value
        assert isinstance(kept, Kept)
        if written.boot == self.boot:
            slept = self.times.asleep - written.times.asleep
            due = kept.due - slept if kept.due is not None else None
            return replace(kept, raised=replace(kept.raised, at=kept.raised.at - slept), due=due)
        moved = written.times.wall_offset - self.times.wall_offset
        at = min(-1 - self.times.asleep, kept.raised.at + moved, self.times.now)
        left = kept.due + moved - self.times.now if kept.due is not None else None
        due = self.times.now + max(0, min(5 * MINUTE, left)) if left is not None else None
        return replace(kept, raised=replace(kept.raised, at=at), due=due)

    def expected_tasks(self) -> dict[str, TaskState]:
        return {name: self.state_now(written) for name, written in self.tasks.items()}

    def state_now(self, written: Written) -> TaskState:
        state = written.value
        assert isinstance(state, TaskState)
        if written.boot == self.boot:
            slept = self.times.asleep - written.times.asleep
            return replace(state, due={place: due - slept for place, due in state.due.items()})
        moved = written.times.wall_offset - self.times.wall_offset
        due = {place: due + moved for place, due in state.due.items()}
        return replace(state, due=due, spent_in_boot=frozenset(), failures=0, quarantined="")

    def teardown(self) -> None:
        self.stored.close()
        shutil.rmtree(self.directory)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=60, stateful_step_count=30)
