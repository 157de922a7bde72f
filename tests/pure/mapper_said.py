"""What a mapper tells tasks, as a few words: the notation of the tests of conditions, triggers and watchers."""

from collections.abc import Iterable, Sequence

from bridge.mapping.mapper import Mapped, Mapper
from bridge.mapping.memory import ForgottenThisBoot, RaisedThisBoot
from bridge.mapping.needs import NO_NEEDS, TaskNeeds
from bridge.model.conditions import ConditionLost, ConditionMet, ConditionUnknown
from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.model.triggers import Raised
from tests.pure.said import events_of, table_of

SECOND = 1_000_000


def mapper_for(needs: TaskNeeds = NO_NEEDS, rules: str = "") -> Mapper:
    """A mapper that was told of rules, and then of tasks, at 0."""
    mapper = Mapper()
    mapper.replace(table_of(rules))
    mapper.serve(needs, 0)
    return mapper


def words(mapped: Iterable[Mapped]) -> list[str]:
    """What is told of conditions, and what is raised by which rule; for tasks alone, by what."""
    said = []
    for each in mapped:
        match each:
            case ConditionMet(name=name):
                said.append(f"met {name}")
            case ConditionLost(name=name):
                said.append(f"lost {name}")
            case ConditionUnknown(name=name):
                said.append(f"unknown {name}")
            case Raised(trigger=trigger, rule=rule, task=task):
                said.append(f"raised {rule or trigger}" + (f" {task}" if task else ""))
            case RaisedThisBoot(key=key):
                said.append(f"remember {key}")
            case ForgottenThisBoot(key=key):
                said.append(f"forget {key}")
    return said


def hear(mapper: Mapper, script: str) -> list[str]:
    """What the events of a script lead to, in the notation of `said`."""
    return words(mapped for event in events_of(script) for mapped in receive(mapper, event))


def receive(mapper: Mapper, event: Event | DeviceGone) -> Sequence[Mapped]:
    """What one event leads to, or a device that goes."""
    return mapper.receive(event) if isinstance(event, Event) else mapper.gone(event)


def system(name: str, value: int | None = None, origin: Origin = Origin.LIVE, at: int = 0, **details: Field) -> Event:
    """An event of the machine as a whole."""
    return Event("system", at, {"name": name, **({} if value is None else {"value": value}), **details}, origin)
