"""Levels: which rules are true for which subjects. Nothing here raises a trigger.

A rule is true for a subject while the subject's latest event matches; a device that goes makes it false
(design.md, "Events").
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bridge.mapping.rules import Rule
from bridge.sources.source import Subject

_NONE: frozenset[Rule] = frozenset()


@dataclass(slots=True)
class Levels:
    """The rules that are true now, by source, owner and the rest of the subject."""

    _true: dict[tuple[str, str], dict[str, set[Rule]]] = field(default_factory=dict)

    def true_for(self, source: str, subject: Subject) -> frozenset[Rule] | set[Rule]:
        """The rules that are true for a subject."""
        owner = self._true.get((source, subject[0]))
        return owner.get(subject[1], _NONE) if owner else _NONE

    def turn(self, source: str, subject: Subject, rule: Rule, *, true: bool) -> None:
        """Makes a rule true or false for a subject."""
        if true:
            self._true.setdefault((source, subject[0]), {}).setdefault(subject[1], set()).add(rule)
            return
        owner = self._true.get((source, subject[0]), {})
        owner.get(subject[1], set()).discard(rule)
        if not owner.get(subject[1], True):
            del owner[subject[1]]
        if not owner:
            self._true.pop((source, subject[0]), None)

    def all_true(self) -> Iterator[tuple[Subject, Rule]]:
        """Every rule that is true, with the subject that it is true for."""
        for (_, owner), rests in self._true.items():
            for rest, rules in rests.items():
                for rule in rules:
                    yield (owner, rest), rule

    def leave(self, source: str, owner: str) -> Iterator[tuple[Subject, Rule]]:
        """Forgets an owner that went; yields what was true for it."""
        for rest, rules in self._true.pop((source, owner), {}).items():
            for rule in rules:
                yield (owner, rest), rule

    def follow(self, successors: dict[Rule, Rule]) -> None:
        """Takes over what was true for rules that new ones replace; what has no successor is forgotten."""
        for owner in list(self._true):
            kept = {
                rest: {successors[rule] for rule in rules if rule in successors}
                for rest, rules in self._true[owner].items()
            }
            self._true[owner] = {rest: rules for rest, rules in kept.items() if rules}
            if not self._true[owner]:
                del self._true[owner]
