"""What becomes of the activations that one raise has led to, from what is decided about them. It decides nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge.dispatch.decisions import Dropped, Finished
from bridge.dispatch.kept import Answered, Kept
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome


@dataclass(slots=True)
class Activation:
    """One of them. It `is_over` when no run of it goes on and none will come.

    `ending` is the end of its last run, or why it gets none.
    """

    task: str
    key: str
    instance_id: str | None = None
    """The run of it that goes on."""
    ending: Finished | Dropped | None = None
    is_answered: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.is_answered and self.instance_id is None


class Following:
    """All activations that one raise has led to, or has joined; `take` what is decided, from that raise on."""

    def __init__(self, raised: Raised) -> None:
        self._raised = raised
        self._has_begun = False
        self._activations: dict[int, Activation] = {}

    @property
    def raised(self) -> Raised:
        """The raise."""
        return self._raised

    @property
    def subjects(self) -> set[int | str]:
        """What decisions it has an interest in: numbers of activations, and ids of runs."""
        runs = (activation.instance_id for activation in self._activations.values())
        return {*self._activations, *(run for run in runs if run is not None)}

    @property
    def activations(self) -> list[Activation]:
        """In the order in which they came."""
        return list(self._activations.values())

    @property
    def is_over(self) -> bool:
        """Whether the raise was taken, and nothing more comes of it."""
        return self._has_begun and all(activation.is_over for activation in self._activations.values())

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """What one fact has led to. What comes before the raise is of no interest."""
        if not self._has_begun:
            if not any(outcome is self._raised for outcome in outcomes):
                return
            self._has_begun = True
            self._find(outcomes)
        for outcome in outcomes:
            self._take(outcome)
        for outcome in outcomes:
            if isinstance(outcome, Answered) and outcome.number in self._activations:
                self._answered(outcome.number, outcomes)

    def _find(self, outcomes: Sequence[Outcome]) -> None:
        """The activations that have the raise as their newest, and those that it would have led to."""
        for outcome in outcomes:
            match outcome:
                case Kept(number=number, raised=raised) if raised is self._raised:
                    self._activations[number] = Activation(outcome.task, raised.key)
                case Dropped(number=int(number), raised=raised) if raised is self._raised:
                    self._activations.setdefault(number, Activation(outcome.task, outcome.key)).is_answered = True
                case _:
                    pass

    def _take(self, outcome: Outcome) -> None:
        match outcome:
            case Kept(number=number) if number in self._activations:
                activation = self._activations[number]
                activation.instance_id, activation.ending, activation.is_answered = outcome.instance_id, None, False
            case Finished(instance=instance):
                for activation in self._activations.values():
                    if activation.instance_id == instance.instance_id:
                        activation.instance_id = None
                        activation.ending = outcome
            case Dropped(number=int(number)) if number in self._activations:
                self._activations[number].ending = outcome
            case _:
                pass

    def _answered(self, number: int, outcomes: Sequence[Outcome]) -> None:
        """It is not owed any more; where it has not ended, it has become one with another of its task and key."""
        activation = self._activations[number]
        is_one_with = _same(activation, outcomes) if activation.ending is None and not activation.instance_id else None
        if is_one_with is None:
            activation.is_answered = True
            return
        del self._activations[number]
        self._activations.setdefault(is_one_with.number, activation).instance_id = is_one_with.instance_id


def _same(activation: Activation, outcomes: Sequence[Outcome]) -> Kept | None:
    """What else of its task and key is owed now."""
    for outcome in outcomes:
        if isinstance(outcome, Kept) and (outcome.task, outcome.raised.key) == (activation.task, activation.key):
            return outcome
    return None


class Followers:
    """Everybody who follows a raise; each is asked only about what he has an interest in, however many there are."""

    def __init__(self) -> None:
        self._new: dict[int, Following] = {}
        """By the identity of raises that are about to be taken."""
        self._by_subject: dict[int | str, set[Following]] = {}
        self._over: dict[Following, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._over)

    def add(self, following: Following, over: Callable[[], None]) -> None:
        """One more, before his raise is taken; `over` is called once when nothing more comes of it."""
        self._new[id(following.raised)] = following
        self._over[following] = over

    def remove(self, following: Following) -> None:
        """One less; a second time nothing happens."""
        if self._over.pop(following, None) is not None:
            self._new.pop(id(following.raised), None)
            self._forget(following, following.subjects)

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """What one fact has led to."""
        concerned: dict[Following, None] = {}
        for outcome in outcomes:
            match outcome:
                case Raised() if (new := self._new.pop(id(outcome), None)) is not None:
                    concerned[new] = None
                case Kept(number=subject) | Answered(number=subject) | Dropped(number=int(subject)):
                    concerned |= dict.fromkeys(self._by_subject.get(subject, ()))
                case Finished(instance=instance):
                    concerned |= dict.fromkeys(self._by_subject.get(instance.instance_id, ()))
                case _:
                    pass
        for following in concerned:
            self._tell(following, outcomes)

    def _tell(self, following: Following, outcomes: Sequence[Outcome]) -> None:
        before = following.subjects
        following.take(outcomes)
        after = following.subjects
        self._forget(following, before - after)
        for subject in after - before:
            self._by_subject.setdefault(subject, set()).add(following)
        if following.is_over:
            over = self._over[following]
            self.remove(following)
            over()

    def _forget(self, following: Following, subjects: set[int | str]) -> None:
        for subject in subjects:
            those = self._by_subject.get(subject, set())
            those.discard(following)
            if not those:
                self._by_subject.pop(subject, None)
