"""From a rule and an event to what is raised: its key and its details. Nothing here asks whether the rule may raise."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from bridge.errors import InvalidDetailsError, InvalidGuidError
from bridge.mapping.interest import Asker
from bridge.mapping.match import Search, searches
from bridge.mapping.rules import Rule
from bridge.model.details import checked_details, checked_key, details_of_fields
from bridge.model.durations import format_at
from bridge.model.events import SINCE, Event, Field, Fields, Origin
from bridge.model.guid import Guid
from bridge.model.triggers import Raised
from bridge.sources.udev import TRIGGER_PROPERTY

HOOK = TRIGGER_PROPERTY
"""What stands for the rule's name where a udev rule raised the trigger by `ENV{HWBRIDGE_TRIGGER}`."""


class Refusal(msgspec.Struct, frozen=True):
    """Something that asked for a trigger and gets none; the message is for the log."""

    at: int
    message: str


def told_by(asker: Asker, fields: Fields) -> Fields:
    """The fields that templates and details may use: with the groups of regular expressions, and `since` in seconds."""
    own: dict[str, Field] = {}
    for name, search in _searches(asker):
        own.update(search.groups(fields.get(name)))
    if SINCE in fields and SINCE in asker.asked_fields():
        own[SINCE] = format_at(int(fields[SINCE])).rstrip("0").rstrip(".")
    if not own and SINCE not in fields:
        return fields
    told = {**own, **fields, **own}  # first, as of many details the last are left out
    if SINCE not in own:
        told.pop(SINCE, None)
    return told


@lru_cache(maxsize=4096)
def _searches(asker: Asker) -> tuple[tuple[str, Search], ...]:
    return tuple((name, search) for name, test in asker.match for search in searches(test))


def key_of(rule: Rule, told: Fields) -> str:
    """The key that the rule raises for. Raises `InvalidDetailsError` for one that is too long."""
    return checked_key(rule.key.expand(told)) if rule.key.names else rule.key.texts[0]


def raised_of(rule: Rule, event: Event, told: Fields, key: str, at: int) -> Raised:
    """What the rule raises for this event. Raises `InvalidDetailsError` for details beyond the contract's limits."""
    if rule.details is None:
        details = details_of_fields(told)
    else:
        details = checked_details({name: template.expand(told) for name, template in rule.details})
    seen_at = event.at if event.at != at else None
    return Raised(
        at=at,
        trigger=rule.trigger,
        rule=rule.name,
        key=key,
        details=details,
        origin=event.origin,
        seen_at=seen_at,
    )


def refusal_of(rule: Rule, event: Event, error: InvalidDetailsError) -> Refusal:
    """What is told of a rule whose key or details cannot be."""
    owner, _ = rule.source.subject(event.fields)
    return Refusal(event.at, f"rule {rule.name!r}: {error}; the event was of {owner}")


def hooked_by(event: Event) -> Sequence[Raised | Refusal]:
    """The triggers that a udev rule named in `HWBRIDGE_TRIGGER`; state that was only found raises nothing."""
    if event.origin is Origin.START:
        return []
    hooked: list[Raised | Refusal] = []
    fields = {name: value for name, value in event.fields.items() if name != HOOK}
    device = str(fields.get("devpath", ""))
    for text in dict.fromkeys(str(event.fields[HOOK]).split()):  # two udev rules may name the same one
        try:
            trigger = Guid.parse(text)
        except InvalidGuidError as error:
            hooked.append(Refusal(event.at, f"{device}: {HOOK}: {error}"))
            continue
        details = details_of_fields(fields)
        hooked.append(Raised(at=event.at, trigger=trigger, rule=HOOK, key=device, details=details, origin=event.origin))
    return hooked
