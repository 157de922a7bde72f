"""Which events there can be: for each source its kinds of events, and for each kind the values that a field can have.

It is for telling that nothing can ever pass some tests. Only what is sure counts: a field that a kind does not name can
have any value or none, and where an expression may match, it may match. Nothing here refuses a rule.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations

import msgspec

from bridge.mapping.match import number_of
from bridge.model.checks import Checks, Test
from bridge.model.codes import code_name, type_names, type_number
from bridge.model.conditions import SYSTEM_CONDITIONS
from bridge.model.events import Field
from bridge.sources import device, evdev, network, serial, system
from bridge.sources.source import Source

ACTIONS = ("add", "remove", "change", "move", "online", "offline", "bind", "unbind")
"""Everything that can happen to a device: the kernel's kobject_actions, lib/kobject_uevent.c."""
_CODES = 0x300
"""More codes than any type has: KEY_CNT, linux/input-event-codes.h."""


class OneOf(msgspec.Struct, frozen=True):
    """One of these values; None where the field may be absent."""

    values: tuple[Field | None, ...]

    def __call__(self, test: Test) -> bool:
        """Whether the test can hold."""
        return any(map(test, self.values))


class Name(msgspec.Struct, frozen=True):
    """One of very many names."""

    names: frozenset[str]

    def __call__(self, test: Test) -> bool:
        """Whether the test can hold."""
        exact = test.exact()
        return any(map(test, self.names)) if exact is None else not self.names.isdisjoint(exact)


class Number(msgspec.Struct, frozen=True):
    """An integer from `lowest` to `highest`."""

    lowest: int
    highest: int

    def __call__(self, test: Test) -> bool:
        """Whether the test can hold; one that lists no values may."""
        exact = test.exact()
        numbers = [number for value in exact or () if (number := number_of(value)) is not None]
        return exact is None or any(self.lowest <= number <= self.highest for number in numbers)


class Text(msgspec.Struct, frozen=True):
    """A text that is all of what `pattern` matches, in small letters where case does not count."""

    pattern: re.Pattern[str]

    def __call__(self, test: Test) -> bool:
        """Whether the test can hold; one that lists no values may, and a number may have zeros before it."""
        exact = test.exact()
        if exact is None:
            return True
        spelt = (f"{value:0{width}}" if isinstance(value, int) else value for value in exact for width in (1, 2, 4))
        return any(map(self.pattern.fullmatch, spelt))


Domain = OneOf | Name | Number | Text
Kind = Mapping[str, Domain]
"""Of one kind of events, what each field can be."""

_ABSENT = OneOf((None,))
_SWITCH = OneOf((0, 1))
_FOUR_DIGITS = Text(re.compile("[0-9a-f]{4}"))
_BYTES = Text(re.compile("(?:[0-9a-f]{2})*"))
_NOT_EMPTY = Text(re.compile(".+", re.DOTALL))
_INTERFACE = Text(re.compile("(?!lo$).+"))  # the loopback interface has no levels


def kinds_of(source: Source, checks: Checks) -> Iterator[Kind]:
    """The kinds of events in which each of the tests can hold."""
    for kind in _KINDS.get(source.name, _of_plugin)(dict(checks)):
        if all(kind[name](test) for name, test in checks if name in kind):
            yield kind


def can_pass(source: Source, checks: Checks) -> bool:
    """Whether there may be an event that passes these tests; False where it is sure that there is none."""
    return next(kinds_of(source, checks), None) is not None


def culprits(source: Source, checks: Checks) -> Checks:
    """Of tests that nothing can pass the fewest that nothing can pass; of equals the first."""
    groups = (group for size in range(1, len(checks)) for group in combinations(checks, size))
    return next((group for group in groups if not can_pass(source, group)), checks)


def values_beside(source: Source, field: str, checks: Checks) -> Sequence[Field]:
    """The values that a field can have where these tests hold; none if there are too many to list."""
    domains = [kind.get(field) for kind in kinds_of(source, checks)]
    listed = [domain.values for domain in domains if isinstance(domain, OneOf)]
    if len(listed) < len(domains):
        return []
    return [value for value in dict.fromkeys(value for values in listed for value in values) if value is not None]


def _of_udev(_: Mapping[str, Test]) -> Iterator[Kind]:
    ids = dict.fromkeys(("attr.idVendor", "attr.idProduct", "@attr.idVendor", "@attr.idProduct"), _FOUR_DIGITS)
    for action in ACTIONS:
        same = OneOf((action,))
        yield {"action": same, "ACTION": OneOf((action, None)), "synthetic": OneOf(("1", None)), **ids}


def _of_evdev(tests: Mapping[str, Test]) -> Iterator[Kind]:
    ids = dict.fromkeys(("bustype", "vendor", "product"), _FOUR_DIGITS)
    texts = dict.fromkeys(("device", "name", "phys", "uniq"), _NOT_EMPTY)
    few: Mapping[str, Domain] = {"EV_KEY": OneOf((0, 1, evdev.AUTOREPEAT)), "EV_SW": _SWITCH}
    unnamed = _unnamed(tests, "code")
    for type_ in (*type_names(), *_unnamed(tests, "type")):
        yield {
            **texts,
            **ids,
            "type": OneOf((type_,)),
            "code": Name(_codes(type_).union(unnamed) if unnamed else _codes(type_)),
            "value": few.get(type_, Number(evdev.LOWEST, evdev.HIGHEST)),
        }


@cache
def _codes(of_type: str) -> frozenset[str]:
    return frozenset(code_name(type_number(of_type), number) for number in range(_CODES))


def _unnamed(tests: Mapping[str, Test], field: str) -> list[str]:
    """The types or codes without a name that a test lists: what the kernel calls none of ours, it may yet have."""
    exact = tests[field].exact() if field in tests else None
    return [str(value) for value in exact or () if str(value).startswith("0x")]


def _of_serial(_: Mapping[str, Test]) -> Iterator[Kind]:
    nothing = dict.fromkeys(("state", "line", "frame", "signal", "value"), _ABSENT)
    for told in (
        {"state": OneOf(serial.STATES)},
        {"line": Text(re.compile(r"[^\r\n]*"))},
        {"frame": _BYTES},
        {"signal": OneOf(serial.SIGNALS), "value": _SWITCH},
    ):
        yield {"port": _NOT_EMPTY, **nothing, **told}


def _of_network(_: Mapping[str, Test]) -> Iterator[Kind]:
    details = {name for names in network.DETAILS.values() for name in names}
    for kind, own in network.DETAILS.items():
        interface = _ABSENT if kind in network.OF_MACHINE else _INTERFACE
        others = dict.fromkeys(details.difference(own), _ABSENT)
        yield {"kind": OneOf((kind,)), "interface": interface, "value": _SWITCH, **others}


def _of_device(_: Mapping[str, Test]) -> Iterator[Kind]:
    for state in device.STATES:
        yield {"id": _NOT_EMPTY, "state": OneOf((state,)), "vendor": _FOUR_DIGITS, "product": _FOUR_DIGITS}


def _of_system(_: Mapping[str, Test]) -> Iterator[Kind]:
    details = {name for names in system.DETAILS.values() for name in names}
    for name in system.NAMES:
        own = system.DETAILS.get(name, ())
        others = dict.fromkeys(details.difference(own), _ABSENT)
        numbers = {detail: Number(*limits) for detail, limits in system.RANGES.items() if detail in own}
        value: Domain = _SWITCH if name in SYSTEM_CONDITIONS else _ABSENT
        if name in system.MOMENTS_WITH_VALUE:
            value = Number(*system.MOMENTS_WITH_VALUE[name])
        yield {"name": OneOf((name,)), "value": value, **others, **numbers}


def _of_plugin(_: Mapping[str, Test]) -> Iterator[Kind]:
    yield {}  # nothing is sure


_KINDS: Mapping[str, Callable[[Mapping[str, Test]], Iterator[Kind]]] = {
    "udev": _of_udev,
    "evdev": _of_evdev,
    "serial": _of_serial,
    "network": _of_network,
    "device": _of_device,
    "system": _of_system,
}
"""For each source its kinds; a kind is given the tests, as codes without a name are too many to go through."""
