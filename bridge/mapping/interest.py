"""What the rules of one source ask for, so that a monitor opens and lets pass nothing else. No event is matched."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bridge.mapping.rules import Rule
from bridge.model.events import Fields


@dataclass(frozen=True, slots=True)
class Interest:
    """The rules of the source named `source`, seen by its monitor."""

    source: str
    rules: tuple[Rule, ...]

    def asks(self) -> bool:
        """Whether there is any rule of this source."""
        return bool(self.rules)

    @property
    def attributes(self) -> frozenset[str]:
        """The sysfs attributes of the device itself that rules name, as `attr.NAME`."""
        return frozenset(name for name in self._asked() if name.startswith("attr."))

    @property
    def inherited(self) -> frozenset[str]:
        """The fields `@NAME` and `@attr.NAME` that rules name."""
        return frozenset(name for name in self._asked() if name.startswith("@"))

    def _asked(self) -> Iterable[str]:
        return frozenset().union(*(rule.asked_fields() for rule in self.rules))

    def pinned(self, field: str) -> frozenset[str] | None:
        """The exact values of a field that the rules ask for; None where some rule leaves it open."""
        values: set[str] = set()
        for rule in self.rules:
            listed = [test.exact() for name, test in rule.match if name == field]
            if not listed or listed[0] is None:
                return None
            values.update(str(value) for value in listed[0])
        return frozenset(values)

    def possible(self, fields: Fields, known: Collection[str]) -> bool:
        """Whether some rule may match an event of which the fields in `known` are these.

        A known field that `fields` does not have counts as absent.
        """
        return any(_may_match(rule, fields, known) for rule in self.rules)

    def narrowed(self, fields: Fields, known: Collection[str]) -> "Interest":
        """The interest of those rules that may match such an event: what a device is asked for, once it is known."""
        return Interest(self.source, tuple(rule for rule in self.rules if _may_match(rule, fields, known)))


def _may_match(rule: Rule, fields: Fields, known: Collection[str]) -> bool:
    return all(test(fields.get(name)) for name, test in rule.match if name in known)
