"""The source `evdev`: a key, a switch, an axis of an input device. Nothing here opens a device.

Names are the kernel's (Documentation/input/event-codes.rst), from the committed table in `bridge/model`.
"""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from bridge.errors import InvalidValueError
from bridge.model.codes import (
    LEVEL_TYPES,
    code_name,
    code_number,
    names_of,
    resolve_code,
    type_name,
    type_number,
)
from bridge.model.events import Event, Field, Fields, Origin
from bridge.sources.device_fields import is_hexadecimal, is_inherited, readable
from bridge.sources.source import Source, Subject

IDENTITY = ("device", "name", "phys", "uniq", "bustype", "vendor", "product")
LOWEST, HIGHEST = -(2**31), 2**31 - 1
"""The values that an input event can have: `__s32` in struct input_event, linux/input.h."""
AUTOREPEAT = 2
"""The value of a key that repeats by itself (event-codes.rst, EV_KEY)."""


class InputIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who an input device says it is; `bustype`, `vendor` and `product` are four hexadecimal digits.

    `device` is its node, `/dev/input/event3`. `inherited` are the `@NAME` fields that some rule asked for.
    """

    device: str
    name: str = ""
    phys: str = ""
    uniq: str = ""
    bustype: str = "0000"
    vendor: str = "0000"
    product: str = "0000"
    inherited: Mapping[str, str] | None = None

    def fields(self) -> dict[str, Field]:
        """The identity as fields of an event, those that are empty left out."""
        own = {name: readable(getattr(self, name)) for name in IDENTITY}
        more = {name: readable(value) for name, value in (self.inherited or {}).items()}
        return {name: value for name, value in (own | more).items() if value}


def fields_of_code(identity: Mapping[str, Field], event_type: int, code: int) -> dict[str, Field]:
    """All fields of an event but its value: made once for a device and code, copied for every event."""
    return {**identity, "type": type_name(event_type), "code": code_name(event_type, code)}


def event_of_value(of_code: Mapping[str, Field], value: int, *, at: int, origin: Origin = Origin.LIVE) -> Event:
    """The event that the code described by `fields_of_code` has this value.

    >>> jack = fields_of_code({"device": "/dev/input/event3"}, 5, 2)
    >>> event_of_value(jack, 1, at=104_000).fields["code"]
    'SW_HEADPHONE_INSERT'
    """
    return Event("evdev", at, {**of_code, "value": value}, origin)


def _subject(fields: Fields) -> Subject:
    return str(fields.get("device", "")), str(fields["code"])


def _checked(fields: dict[str, Field]) -> dict[str, Field]:
    """The fields with the canonical names of type and code; the code's name says the type where it is left out."""
    if "code" not in fields or "value" not in fields:
        raise InvalidValueError("an event of evdev has a code and a value")
    value = fields["value"]
    if isinstance(value, int) and not LOWEST <= value <= HIGHEST:
        raise InvalidValueError(f"value is {value}, which no input event can have: it has 32 bits")
    of_code, code = resolve_code(str(fields["code"]))
    if "type" in fields:
        number = type_number(str(fields["type"]))
        if of_code is not None and of_code != number:
            raise InvalidValueError(f"{code} is no code of {type_name(number)}")
    elif of_code is None:
        raise InvalidValueError(f"the code {code} does not say its type; give it")
    else:
        number = of_code
    return {**fields, "type": type_name(number), "code": code_name(number, code_number(number, code))}


def _levels(codes: Collection[Field]) -> Iterator[Fields]:
    unnamed = [code for code in codes if str(code).startswith("0x")]
    for number in sorted(LEVEL_TYPES):
        for code in (*names_of(number), *unnamed):
            yield {"type": type_name(number), "code": code}


_LEVEL_NAMES = frozenset(type_name(number) for number in LEVEL_TYPES)

EVDEV = Source(
    name="evdev",
    fields=frozenset({*IDENTITY, "type", "code", "value"}),
    integers=frozenset({"value"}),
    is_property=is_inherited,
    is_hexadecimal=lambda name: name in {"bustype", "vendor", "product"} or is_hexadecimal(name),
    default_key="{device}",
    subject=_subject,
    is_moment=lambda fields: fields.get("type") not in _LEVEL_NAMES,
    identifies=lambda name: name != "value",
    names_owner=lambda name: name in IDENTITY or is_inherited(name),
    checked=_checked,
    leaves=lambda fields: False,
    repeats=lambda fields: fields.get("value") == AUTOREPEAT and fields.get("type") == "EV_KEY",
    levels=_levels,
)
