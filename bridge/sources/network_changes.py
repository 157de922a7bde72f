"""The levels of the network as they were told last, and what another look changes of them. Nothing here looks.

An interface that is there no more is told once, with the value 0, and forgotten, so that a machine whose interfaces
have ever new names does not remember them all.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from bridge.model.events import Fields, Origin
from bridge.sources.network_state import Levels, gone, rank
from bridge.sources.source import Subject


@dataclass(frozen=True, slots=True)
class Change:
    """A level that is another now; `before` is None where it was not known."""

    fields: Fields
    before: Fields | None
    origin: Origin

    def turns(self) -> bool:
        """Whether its value is another, and not only a detail; what was not there had 0."""
        return self.fields["value"] != (0 if self.before is None else self.before["value"])


@dataclass(slots=True)
class Told:
    """What was told: the levels of some kinds."""

    levels: dict[Subject, Fields] = field(default_factory=dict)
    _kinds: frozenset[str] = frozenset()
    """The kinds that are known. What is first known of a kind was found, and what comes later happened."""

    def turn(self, levels: Levels, kinds: Collection[str], origin: Origin) -> list[Change]:
        """What the levels of these kinds, all of them, change of what was told; other kinds stay as they were."""
        before = {subject: fields for subject, fields in self.levels.items() if subject[1] in kinds}
        now = {subject: fields for subject, fields in levels.items() if subject[1] in kinds}
        new = dict(now)
        new |= {subject: gone(fields) for subject, fields in before.items() if subject not in now}
        changes = [
            Change(new[subject], before.get(subject), origin if subject[1] in self._kinds else Origin.START)
            for subject in sorted(new, key=rank)
            if new[subject] != before.get(subject)
        ]
        others = {subject: fields for subject, fields in self.levels.items() if subject[1] not in kinds}
        self.levels = others | now
        self._kinds |= frozenset(kinds)
        return changes

    def keep(self, kinds: Collection[str]) -> None:
        """Forgets the levels of all other kinds: what is known of them later was found then."""
        self.levels = {subject: fields for subject, fields in self.levels.items() if subject[1] in kinds}
        self._kinds &= frozenset(kinds)
