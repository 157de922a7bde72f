"""From `conditions` to what a task waits for, with every error in it. Nothing here knows whether a condition holds."""

from collections.abc import Collection, Mapping

from bridge.errors import InvalidValueError
from bridge.mapping.system_levels import LEVELS
from bridge.model.conditions import Named
from bridge.model.system_triggers import SYSTEM_TRIGGERS
from bridge.toml.schema import Table
from bridge.toml.values import boolean, describe, nearest_or_all, text

KEY = "conditions"
_LEVEL_OF = {level.opposite: level.name for level in LEVELS if level.opposite is not None}
"""For those of Windows' conditions that hold exactly while another one does not, that other one."""


def load_conditions(table: Table, known: Collection[str] | None) -> tuple[Named, ...]:
    """The conditions of a task; `known` are the names that there are, None where that does not matter."""
    conditions: list[Named] = []
    places: dict[Named, int] = {}
    for index, value in enumerate(table.read_all(KEY, lambda each: each)):
        try:
            condition = _load_condition(value, known)
            _check_against(condition, places)
        except InvalidValueError as error:
            table.problem(str(error), KEY, index)
        else:
            conditions.append(condition)
            places[_meaning(condition)] = index
    return tuple(conditions)


def load_cancel_on_condition_loss(table: Table) -> bool:
    """Whether a run ends when a condition is lost."""
    cancels = table.read("cancel_on_condition_loss", boolean, default=False)
    if cancels and not table.content.get(KEY):
        table.problem("means nothing without conditions: there is none to lose", "cancel_on_condition_loss")
    return cancels


def _load_condition(value: object, known: Collection[str] | None) -> Named:
    match value:
        case str():
            return Named(_known(value, known))
        case {"not": name, **others} if not others:
            return Named(_known(text(name), known), wanted=False)
        case _:
            raise InvalidValueError(f"expected the name of a condition or {{ not = name }}, found {describe(value)}")


def _known(name: str, known: Collection[str] | None) -> str:
    if known is None or name in known:
        return name
    if name in SYSTEM_TRIGGERS:
        meant = nearest_or_all(name, known)
        raise InvalidValueError(f"{name} is a trigger: it happens, and is not true for a while{meant}")
    raise InvalidValueError(f"no condition has the name {name!r}{nearest_or_all(name, known)}")


def _meaning(condition: Named) -> Named:
    """The same condition, in one spelling."""
    if condition.name in _LEVEL_OF:
        return Named(_LEVEL_OF[condition.name], not condition.wanted)
    return condition


def _check_against(condition: Named, places: Mapping[Named, int]) -> None:
    meaning = _meaning(condition)
    if meaning in places:
        raise InvalidValueError(f"says the same as {KEY}[{places[meaning] + 1}]")
    opposite = places.get(Named(meaning.name, not meaning.wanted))
    if opposite is not None:
        raise InvalidValueError(f"can never hold together with {KEY}[{opposite + 1}]: the task would wait for ever")
