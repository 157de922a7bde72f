"""Windows' eight conditions, which of them are opposites, and which system triggers their edges raise. One table.

Other names of the source `system` that Windows has are moments, and raise whenever they come. Nothing here asks the
machine how it is, and nothing is raised that no task asks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from bridge.mapping.conditions import Condition
from bridge.mapping.match import Equals, Is, number_of
from bridge.model.conditions import SYSTEM_CONDITIONS
from bridge.model.details import details_of_fields
from bridge.model.events import SINCE, Event, Field, Fields, Origin
from bridge.model.system_triggers import SYSTEM_TRIGGERS, SystemTriggerType
from bridge.model.triggers import Raised
from bridge.sources.system import SYSTEM


class SystemLevel(msgspec.Struct, frozen=True):
    """A level of the machine; `opposite` is true while it is false; what it raises when it rises, and when it falls."""

    name: str
    opposite: str | None = None
    rises: SystemTriggerType | None = None
    falls: SystemTriggerType | None = None


LEVELS = (
    SystemLevel(
        "UserPresent", "UserNotPresent", rises=SystemTriggerType.USER_PRESENT, falls=SystemTriggerType.USER_AWAY
    ),
    SystemLevel("InternetAvailable", "InternetNotAvailable", rises=SystemTriggerType.INTERNET_AVAILABLE),
    SystemLevel("SessionConnected", "SessionDisconnected", rises=SystemTriggerType.SESSION_CONNECTED),
    SystemLevel("FreeNetworkAvailable"),
    SystemLevel("BackgroundWorkCostNotHigh"),
)

OPPOSITES = {each.name: each.opposite for each in LEVELS if each.opposite is not None}
OPPOSITES |= {opposite: name for name, opposite in OPPOSITES.items()}
"""For each condition that has one, the condition that is true exactly while it is false."""

CONDITIONS = tuple(Condition(name, SYSTEM, (("name", Is(name)), ("value", Equals(1)))) for name in SYSTEM_CONDITIONS)
"""The eight, as levels of the source `system`."""

_BY_NAME = {each.name: (each, True) for each in LEVELS}
_BY_NAME |= {each.opposite: (each, False) for each in LEVELS if each.opposite is not None}
_MOMENTS = {name: type_ for name, type_ in zip(SYSTEM_TRIGGERS, SystemTriggerType, strict=True) if name not in _BY_NAME}


def opposite_of(fields: Fields) -> Fields | None:
    """What an event also tells: of a condition's opposite the opposite; None where there is none.

    >>> opposite_of({"name": "InternetAvailable", "value": 0})
    {'name': 'InternetNotAvailable', 'value': 1}
    """
    opposite = OPPOSITES.get(str(fields.get("name")))
    value = number_of(fields.get("value"))
    return None if opposite is None or value is None else {**fields, "name": opposite, "value": int(not value)}


def names_behind(trigger: SystemTriggerType) -> frozenset[str]:
    """The names of the events that can raise a system trigger."""
    edges = (name for name, (level, _) in _BY_NAME.items() if trigger in (level.rises, level.falls))
    return frozenset({str(trigger), *edges})


@dataclass(slots=True)
class SystemTriggers:
    """Raises those system triggers that are `asked` for, from the events of the source `system`."""

    asked: frozenset[SystemTriggerType] = frozenset()
    _present: dict[str, bool] = field(default_factory=dict)
    """The levels as events tell them, asked for or not: whoever asks later knows what is an edge."""
    _clock: dict[str, Field] = field(default_factory=dict)
    """The zone and the offset in force, as far as events have told them."""

    def hear(self, event: Event) -> Sequence[Raised]:
        """What an event raises. State that was only found is no edge; nor is a level that is told again.

        What is repaired after a loss is an edge if the level was known and is another now.
        """
        name = str(event.fields.get("name"))
        trigger = self._edge(event, *_BY_NAME[name]) if name in _BY_NAME else _MOMENTS.get(name)
        if trigger is SystemTriggerType.TIME_ZONE_CHANGE and not self._turns_clock(event):
            return ()
        if trigger is None or trigger not in self.asked or event.origin is Origin.START:
            return ()
        told = {each: value for each, value in event.fields.items() if each not in {"name", SINCE}}
        if name in _BY_NAME:
            del told["value"]
        only = str(event.fields["task"]) if "task" in event.fields else None  # a package that was updated
        return [Raised(at=event.at, trigger=trigger, details=details_of_fields(told), origin=event.origin, task=only)]

    def _edge(self, event: Event, level: SystemLevel, means: bool) -> SystemTriggerType | None:
        value = number_of(event.fields.get("value"))
        if value is None:
            return None
        before, now = self._present.get(level.name), (value != 0) is means
        self._present[level.name] = now
        if before is now or (before is None and event.origin is Origin.RESYNC):
            return None
        return level.rises if now else level.falls

    def _turns_clock(self, event: Event) -> bool:
        """Whether zone or offset are others than before; what does not tell them is believed."""
        told = {name: event.fields[name] for name in ("zone", "offset") if name in event.fields}
        turns = not told or any(self._clock.get(name) != value for name, value in told.items())
        self._clock.update(told)
        return turns
