"""Tests over an event's fields, as values that others hand on. Nothing here knows a test, a source or a rule."""

from typing import Protocol

from bridge.model.events import Field, Fields


class Test(Protocol):
    """A question about one field."""

    def __call__(self, value: Field | None, /) -> bool:
        """Whether the test holds for this value; None where the event has no such field."""

    def exact(self) -> frozenset[Field] | None:
        """The only values that it can hold for, where they can be listed: what the rule table indexes by."""


Checks = tuple[tuple[str, Test], ...]
"""Fields, and for each the test that its value has to pass."""


def passes(checks: Checks, fields: Fields) -> bool:
    """Whether every test holds for these fields."""
    for name, test in checks:  # noqa: SIM110  # twice as fast as all() for a rule's one or two tests
        if not test(fields.get(name)):
            return False
    return True
