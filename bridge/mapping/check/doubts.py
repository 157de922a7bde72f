"""What is legal in a rule and surely wrong, as messages with the keys that they are about. Nothing here refuses a rule.

Each function is one such mistake and yields its doubts; `warnings.py` knows the files and their lines.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from bridge.mapping.check.endless import endless_part
from bridge.mapping.check.possible import ACTIONS, OneOf, can_pass, culprits, kinds_of, values_beside
from bridge.mapping.conditions import Condition, OnDevice
from bridge.mapping.match import Present
from bridge.mapping.ports import RegexFrame, SerialPort
from bridge.mapping.rules import Debounce, HoldFor, Rule, StartState
from bridge.mapping.system_levels import LEVELS
from bridge.model.checks import Checks
from bridge.sources.source import Source
from bridge.toml.lines import Path

Content = Mapping[str, Any]
"""A table as it is written."""


class Doubt(NamedTuple):
    """What is wrong, and the keys to it below the table of the rule, condition or task."""

    message: str
    keys: Path = ()


class Tests(NamedTuple):
    """One table of tests: what they are, how they are written, and where they stand."""

    source: Source
    checks: Checks
    content: Content
    keys: Path
    hears_repeats: bool

    def place(self, field: str) -> Path:
        """The keys to a field's test, or to the table where another one has it."""
        return (*self.keys, field) if field in self.content else self.keys


def tests_of_rule(rule: Rule, content: Content) -> Iterator[Tests]:
    """Every table of tests that a rule has."""
    source = rule.source
    yield Tests(source, rule.match, content["match"], ("match",), rule.filter is None)
    if rule.until:
        subject = tuple((name, test) for name, test in rule.match if source.identifies(name))
        yield Tests(source, (*subject, *rule.until), content["until"], ("until",), hears_repeats=False)
    for place, guard in enumerate(rule.guards):
        if isinstance(guard, OnDevice):
            written = content["while"][place]
            yield Tests(guard.source, guard.match, written, ("while", place), hears_repeats=False)


def tests_of_condition(condition: Condition, content: Content) -> Iterator[Tests]:
    """The tests that a condition has."""
    yield Tests(condition.source, condition.match, content["match"], ("match",), hears_repeats=False)


def alternation(tests: Tests) -> Iterator[Doubt]:
    """A glob with `|`, which parts alternatives in udev's rules, and here is a character like any other."""
    for name, value in tests.content.items():
        for keys, text in _globs(value, (*tests.keys, name)):
            if "|" in _IN_BRACKETS.sub("", text):
                listed = ", ".join(f'"{each}"' for each in text.split("|"))
                yield Doubt(f"| is a character like any other; for alternatives write a list: [{listed}]", keys)


_IN_BRACKETS = re.compile(r"\[[^\]]*\]")


def _globs(value: object, keys: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            yield keys, value
        case list():
            for place, each in enumerate(value):
                yield from _globs(each, (*keys, place))
        case {"not": inner}:
            yield from _globs(inner, (*keys, "not"))


def endless(tests: Tests) -> Iterator[Doubt]:
    """A regex of which some text has no end."""
    for name, value in tests.content.items():
        for keys, text in _regexes(value, (*tests.keys, name)):
            yield from _endless(text, keys)


def endless_frame(port: SerialPort) -> Iterator[Doubt]:
    """The same in a frame."""
    if isinstance(port.frame, RegexFrame):
        yield from _endless(port.frame.pattern.pattern.decode(), ("frame", "regex"))


def _endless(regex: str, keys: Path) -> Iterator[Doubt]:
    part = endless_part(regex)
    if part is not None:
        yield Doubt(f"{part} repeats what is repeated already, and a text that does not fit may take for ever", keys)


def _regexes(value: object, keys: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case {"regex": str(text)}:
            yield (*keys, "regex"), text
        case list():
            for place, each in enumerate(value):
                yield from _regexes(each, (*keys, place))
        case {"not": inner}:
            yield from _regexes(inner, (*keys, "not"))


def path_in_sys(tests: Tests) -> Iterator[Doubt]:
    """A devpath as a path in the file system."""
    devpath = tests.content.get("devpath")
    if isinstance(devpath, str) and devpath.startswith("/sys/"):
        yield Doubt(
            f'a devpath is below /sys, and does not say so: "{devpath.removeprefix("/sys")}"', (*tests.keys, "devpath")
        )


def impossible(tests: Tests) -> Iterator[Doubt]:
    """Tests that no event of the source can pass together."""
    if can_pass(tests.source, tests.checks):
        return
    guilty = culprits(tests.source, tests.checks)
    *others, (last, _) = guilty
    values = values_beside(tests.source, last, tuple(others))
    meant = f"; {last} is one of {', '.join(map(str, values))}" if values else ""
    shown = " and ".join(f"{name} = {test}" for name, test in guilty)
    yield Doubt(f"no event of {tests.source.name} can have {shown}{meant}", tests.place(last))


def untold(source: Source, checks: Checks, told: Collection[str]) -> Iterator[Doubt]:
    """Names of which the monitors of a source tell none, where these are `told`."""
    test = dict(checks).get("name")
    names = sorted(map(str, test.exact() or ())) if test is not None else []
    if test is None or not names or not can_pass(source, (("name", test),)) or not set(told).isdisjoint(names):
        return
    levels = [f"; it is the trigger that {meant} raises" for name in names for meant in _LEVELS_OF.get(name, ())]
    yield Doubt(f"nothing here tells of name = {test}{''.join(levels[:1])}", ("match", "name"))


_LEVELS_OF = {
    str(trigger): [f"{level.name} = {value}"]
    for level in LEVELS
    for trigger, value in ((level.rises, 1), (level.falls, 0))
    if trigger is not None
}
"""For each system trigger that is the edge of a level, that level and its value."""


def autorepeat(tests: Tests) -> Iterator[Doubt]:
    """Only autorepeat passes, which neither a filter nor a level hears."""
    test = dict(tests.checks).get("value")
    if tests.hears_repeats or test is None or tests.source.name != "evdev":
        return
    kinds = list(kinds_of(tests.source, tests.checks))
    if kinds and all(kind["type"] == OneOf(("EV_KEY",)) for kind in kinds) and not any(map(test, (0, 1))):
        yield Doubt("autorepeat (value = 2) is all that passes, and it is no change of a level", tests.place("value"))


def pinned_level(rule: Rule, content: Content) -> Iterator[Doubt]:
    """A filter on levels, of what tells what happened and not how it is."""
    if not rule.has_level:
        return
    key = next(key for key in ("edge", "debounce", "hold_for", "start_state") if content.get(key))
    left = _leaving(rule.source, rule.match)
    if left is not None and isinstance(rule.filter, Debounce | HoldFor):
        yield Doubt(f"{left} is of a device that goes, and takes its level with it: it cannot stay so", (key,))
        return
    action = _pinned_action(rule.source, rule.match)
    if action is not None:
        yield Doubt(f"{action} {_NO_LEVEL}", (key,))


def pinned_guard(rule: Rule, _: Content) -> Iterator[Doubt]:
    """An inline guard that looks at what happened last."""
    for place, guard in enumerate(rule.guards):
        action = _pinned_action(guard.source, guard.match) if isinstance(guard, OnDevice) else None
        if action is not None:
            yield Doubt(f"{action} {_NO_LEVEL}", ("while", place))


def pinned_condition(condition: Condition, _: Content) -> Iterator[Doubt]:
    """A condition that is true until the next event of a device, or not even that long."""
    left = _leaving(condition.source, condition.match)
    action = _pinned_action(condition.source, condition.match)
    if left is not None:
        yield Doubt(f"{left} is of a device that goes, and takes its level with it: it is never true", ("match",))
    elif action is not None:
        yield Doubt(f"{action} {_NO_LEVEL}", ("match",))


_NO_LEVEL = "tells what happened, not how the device is: the next event of the device ends it; leave action out"


def _pinned_action(source: Source, checks: Checks) -> str | None:
    for name, test in checks:
        if source.name == "udev" and name in {"action", "ACTION"} and sum(map(test, ACTIONS)) == 1:
            return f"{name} = {test}"
    return None


def _leaving(source: Source, checks: Checks) -> str | None:
    """The test that only the last event of a device can pass."""
    for name, test in checks:
        exact = test.exact()
        if not source.lasting and exact and all(source.leaves({name: value}) for value in exact):
            return f"{name} = {test}"
    return None


def never_turns_true(rule: Rule, _: Content) -> Iterator[Doubt]:
    """What ends the level holds whenever the level begins."""
    if rule.until and set(rule.until) <= set(rule.match):
        yield Doubt("holds whenever match does, so the rule never turns true", ("until",))


def absent_in_templates(rule: Rule, _: Content) -> Iterator[Doubt]:
    """A template over a field that no event has which matches."""
    templates = [(("key",), rule.key), *((("details", name), template) for name, template in rule.details or ())]
    if not can_pass(rule.source, rule.match):
        return
    for keys, template in templates:
        for name in dict.fromkeys(template.names):
            if not can_pass(rule.source, (*rule.match, (name, Present()))):
                yield Doubt(f"{{{name}}} is always empty: no event that matches has a {name}", keys)


def never_found(rule: Rule, _: Content) -> Iterator[Doubt]:
    """State that is found, of a device that is said to have done something else than to come."""
    if rule.source.name != "udev" or rule.start_state is StartState.IGNORE:
        return
    for name, test in rule.match:
        if name in {"action", "ACTION"} and not test("add") and any(map(test, ACTIONS)):
            yield Doubt(f"devices that are found have action = 'add', and {name} is {test}", ("start_state",))


def twin_adapters(port: SerialPort) -> Iterator[Doubt]:
    """A port that is known by nothing but its kind, of which two may be plugged in."""
    if port.match and all(_OF_A_KIND.fullmatch(name) for name, _ in port.match):
        message = (
            "fits every device of its kind, and of two the first by its place is opened; "
            "ID_SERIAL_SHORT or ID_PATH tells them apart"
        )
        yield Doubt(message, ("match",))


_OF_A_KIND = re.compile(
    r"@?(ID_(USB_)?(VENDOR|MODEL|REVISION)(_ID|_ENC|_FROM_DATABASE)?|ID_BUS|ID_(USB_)?(TYPE|DRIVER|CLASS_FROM_DATABASE)"
    r"|attr\.(idVendor|idProduct|bcdDevice|manufacturer|product)|PRODUCT|DRIVER|SUBSYSTEM|MAJOR)"
    r"|subsystem|devtype|driver"
)
"""What two devices of one kind have in common."""

OF_TESTS: tuple[Callable[[Tests], Iterator[Doubt]], ...] = (
    alternation,
    endless,
    path_in_sys,
    impossible,
    autorepeat,
)
OF_RULES: tuple[Callable[[Rule, Content], Iterator[Doubt]], ...] = (
    pinned_level,
    pinned_guard,
    never_turns_true,
    absent_in_templates,
    never_found,
)
OF_PORTS: tuple[Callable[[SerialPort], Iterator[Doubt]], ...] = (twin_adapters, endless_frame)
OF_CONDITIONS: tuple[Callable[[Condition, Content], Iterator[Doubt]], ...] = (pinned_condition,)
