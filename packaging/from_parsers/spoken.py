"""What can be said on the command line, as the parsers know it. Nothing is written here.

What can stand for a value, the parsers do not know; it is said here once, for each value.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from bridge.cli.command import parser_of
from bridge.cli.verbs import VERBS
from bridge.service.installed import installed_monitors


class Kind(Enum):
    """What can be offered for a value."""

    TASK = "tasks"
    TRIGGER = "triggers"
    GROUP = "groups"
    INSTANCE = "instances"
    SOURCE = "sources"
    FILE = "files"
    DIRECTORY = "directories"
    TASK_OR_FILE = "tasks or files"
    ANYTHING = "anything"


OFFERED = (Kind.TASK, Kind.TRIGGER, Kind.GROUP, Kind.INSTANCE)
"""What the daemon knows: `hwbridge complete KIND` prints it."""
SOURCES = tuple(sorted(name for name, each in installed_monitors().items() if each.value.startswith("bridge.")))
_KINDS = {
    "name": Kind.TASK,
    "task": Kind.TASK,
    "trigger": Kind.TRIGGER,
    "instance": Kind.INSTANCE,
    "group": Kind.GROUP,
    "source": Kind.SOURCE,
    "what": Kind.TASK_OR_FILE,
    "paths": Kind.FILE,
    "files": Kind.FILE,
    "file": Kind.FILE,
    "socket": Kind.FILE,
    "config": Kind.FILE,
    "play": Kind.FILE,
    "expect": Kind.FILE,
    "rules": Kind.DIRECTORY,
    "tasks": Kind.DIRECTORY,
    "state": Kind.DIRECTORY,
    **dict.fromkeys(("data", "key", "timeout", "limit", "since", "progress", "rule", "event"), Kind.ANYTHING),
    **dict.fromkeys(("from_at", "to_at", "until_at", "speed", "count", "quiet", "span"), Kind.ANYTHING),
}
"""By the name that a value has in the parsed arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option; `value` is how its value is called, "" where it takes none."""

    names: Sequence[str]
    value: str
    kind: Kind
    repeats: bool
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """An argument that is no option."""

    value: str
    kind: Kind
    optional: bool
    repeats: bool
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb, with what can be said behind it."""

    name: str
    summary: str
    options: Sequence[Option]
    words: Sequence[Word]


def spoken_verbs() -> list[Verb]:
    """All of them."""
    parser = parser_of(*VERBS)
    (choices,) = [each.choices for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    return [
        Verb(
            name=name,
            summary=VERBS[name],
            options=list(_options(verb)),
            words=[_word(verb, each) for each in verb._actions if not each.option_strings],
        )
        for name, verb in choices.items()
    ]


def _options(verb: argparse.ArgumentParser) -> Iterator[Option]:
    for action in verb._actions:
        if action.option_strings and action.help != argparse.SUPPRESS:
            takes = action.nargs != 0
            yield Option(
                names=action.option_strings,
                value=str(action.metavar or action.dest.upper()) if takes else "",
                kind=_kind(action) if takes else Kind.ANYTHING,
                repeats=isinstance(action, argparse._AppendAction),
                help=_help(verb, action),
            )


def _word(verb: argparse.ArgumentParser, action: argparse.Action) -> Word:
    return Word(
        value=str(action.metavar or action.dest.upper()),
        kind=_kind(action),
        optional=action.nargs in ("*", "?"),
        repeats=action.nargs in ("*", "+"),
        help=_help(verb, action),
    )


def _kind(action: argparse.Action) -> Kind:
    if action.dest not in _KINDS:
        raise SystemExit(f"{action.dest} ({action.metavar}): what can stand for it? say it in {__file__}")
    return _KINDS[action.dest]


def _help(verb: argparse.ArgumentParser, action: argparse.Action) -> str:
    return " ".join(verb._get_formatter()._expand_help(action).split())
