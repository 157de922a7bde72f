"""What rules and tasks together ask of a source's monitor, and which levels are looked at. Nothing here is remembered.

Levels are looked at in whatever is heard, so that a task that is registered later knows how they are; a monitor is
asked only for those that some rule or task waits for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from bridge.mapping.conditions import Condition, OnDevice
from bridge.mapping.interest import Asker, Interest
from bridge.mapping.mains import POWER
from bridge.mapping.match import AnyOf, Is
from bridge.mapping.needs import NO_NEEDS, TaskNeeds
from bridge.mapping.ports import InputOptions, SerialPort
from bridge.mapping.system_levels import CONDITIONS, OPPOSITES, names_behind
from bridge.mapping.table import RuleTable
from bridge.sources import SOURCES
from bridge.sources.evdev import EVDEV
from bridge.sources.serial import SERIAL
from bridge.sources.system import SYSTEM
from bridge.sources.udev import UDEV


def interest_of(source: str, table: RuleTable, needs: TaskNeeds = NO_NEEDS, watchers: Sequence[Asker] = ()) -> Interest:
    """All that asks for events of this source: the rules, what tasks need, and what files say of its devices."""
    interest = Interest(source, _askers(source, table, needs, watchers))
    match source:
        case SERIAL.name:
            return replace(interest, ports=tuple(each for each in table.devices.ports if _asks_for(interest, each)))
        case EVDEV.name:
            typed = interest_of(SERIAL.name, table, needs)
            return replace(interest, inputs=tuple(_heard(each, typed) for each in table.devices.inputs), typed=typed)
        case _:
            return interest


def _asks_for(serial: Interest, port: SerialPort) -> bool:
    return serial.may_ask("port", port.name)


def _heard(options: InputOptions, serial: Interest) -> InputOptions:
    """The options, without `text` where nobody asks for what is typed."""
    text = options.text
    if text is None or (serial.asks() if text.port is None else serial.may_ask("port", text.port)):
        return options
    return replace(options, text=None)


def _askers(source: str, table: RuleTable, needs: TaskNeeds, watchers: Sequence[Asker]) -> tuple[Asker, ...]:
    askers = dict.fromkeys((*table.interest(source).askers, *_waited_for(source, table, needs)))
    if source == UDEV.name:
        askers.update(dict.fromkeys(watchers))
    if source == SYSTEM.name:
        asked = {each.name for each in askers if isinstance(each, Condition)}
        askers.update(dict.fromkeys(each for each in CONDITIONS if OPPOSITES.get(each.name) in asked))
        names = sorted(name for trigger in needs.system_triggers for name in names_behind(trigger))
        if names:
            askers[Condition("system triggers", SYSTEM, (("name", AnyOf(tuple(map(Is, names)))),))] = None
    return tuple(askers)


def fields_of(table: RuleTable, levels: Iterable[Condition | OnDevice]) -> Mapping[str, frozenset[str]]:
    """For each source the fields that rules and these levels ask for."""
    fields: dict[str, set[str]] = {name: set() for name in SOURCES}
    for asker in (*table.rules, *levels):
        fields[asker.source.name].update(asker.asked_fields())
    return {name: frozenset(asked) for name, asked in fields.items()}


def levels_of(table: RuleTable) -> Sequence[Condition | OnDevice]:
    """Every level that a rule or a task may wait for: conditions, asked for or not, and the inline guards of rules."""
    own = {condition.name for condition in table.conditions}
    systems = [each for each in CONDITIONS if each.name not in own]
    inline = (guard for rule in table.rules for guard in rule.guards if isinstance(guard, OnDevice))
    return [*table.conditions, *systems, *dict.fromkeys(inline)]


def _waited_for(source: str, table: RuleTable, needs: TaskNeeds) -> Iterator[Asker]:
    by_name = {each.name: each for each in (*CONDITIONS, *table.conditions, POWER)}
    for name in sorted(needs.conditions & by_name.keys()):
        if by_name[name].source.name == source:
            yield by_name[name]
