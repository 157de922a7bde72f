"""The manual page hwbridge(1), in the macros of man(7)."""

import re
from collections.abc import Iterator, Sequence

from spoken import Option, Verb, Word

from bridge import __version__
from bridge.cli.exit_codes import MEANINGS
from bridge.model.sockets import VARIABLE
from bridge.service.places import Places, system_places, user_places

_HOME = "/home/NAME"
_DESCRIPTION = """
Events of hardware (udev, input devices, serial ports) raise triggers, as rules files say, and triggers run the tasks
that are registered for them, in tasks files or over the API. `hwbridge run` is the daemon; the other verbs talk to it,
or need none.

Verbs that read print tables for people; colours come only on a terminal, and not where NO_COLOR is set. With `--json`
they print one object a line.

A trigger is a GUID, with or without braces, or a name that a rules file gives to one. A duration is a number and one of
us, ms, s, m, h, d.
"""
_ENVIRONMENT = {
    VARIABLE: "Where the daemon is reached, where no option says it. Handlers find it set.",
    "HWBRIDGE_INSTANCE_ID": "Which run a handler is; `hwbridge progress` needs it.",
    "XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR": "Where the files of a user's daemon are.",
    "NO_COLOR": "If it is set and not empty, nothing is coloured.",
    "COLUMNS": "How wide tables are on a terminal.",
}
_EXAMPLES = {
    "Run a user's daemon with these rules and tasks:": "hwbridge run --user --rules rules --tasks tasks",
    "Raise a trigger from a script, and wait for what it leads to:": (
        "hwbridge raise audio-jack.connected --data jack=desk --wait"
    ),
    "Wait for a trigger in a script, at most half a minute:": (
        "hwbridge wait door.opened --timeout 30s || echo nobody came"
    ),
    "See why a recorded device did not raise anything:": "hwbridge explain recorded.jsonl --rules rules",
    "Follow what happens, as JSON, from the beginning of what is kept:": "hwbridge monitor --since 0 --json",
}


def page(verbs: Sequence[Verb]) -> str:
    """The whole page."""
    return "".join(f"{line}\n" for line in _page(verbs))


def _page(verbs: Sequence[Verb]) -> Iterator[str]:
    yield '.\\" Made by packaging/from_parsers/make.py from what --help knows.'
    yield f'.TH HWBRIDGE 1 "" "hwbridge {__version__}" "User Commands"'
    yield ".SH NAME"
    yield "hwbridge \\- hardware events run the tasks registered for them"
    yield ".SH SYNOPSIS"
    yield from (".B hwbridge", ".I VERB", ".RI [ ARGUMENT ...]", ".br", ".B hwbridge \\-\\-help", ".br")
    yield from (".B hwbridge", ".I VERB", ".B \\-\\-help", ".br", ".B hwbridge \\-\\-version")
    yield ".SH DESCRIPTION"
    for place, paragraph in enumerate(_DESCRIPTION.strip().split("\n\n")):
        yield from ([".PP"] if place else [])
        yield _marked(paragraph)
    yield ".SH VERBS"
    for verb in verbs:
        yield from _verb(verb)
    yield ".SH FILES"
    yield "Of root's daemon, and with \\fB\\-\\-system\\fR:"
    yield from _places(system_places())
    yield ".PP"
    yield "Of everybody else's, and with \\fB\\-\\-user\\fR:"
    yield from _places(user_places({"HOME": _HOME, "XDG_RUNTIME_DIR": "/run/user/UID"}, 0))
    yield ".SH ENVIRONMENT"
    for name, meaning in _ENVIRONMENT.items():
        yield from (".TP", f".B {_plain(name)}", _marked(meaning))
    yield ".SH EXIT STATUS"
    for code, meaning in MEANINGS.items():
        yield from (".TP", f".B {code}", _marked(meaning))
    yield ".SH EXAMPLES"
    for place, (what, command) in enumerate(_EXAMPLES.items()):
        yield from ([".PP"] if place else [])
        yield from (_plain(what), ".PP", ".RS 4", ".nf", _plain(command), ".fi", ".RE")
    yield ".SH SEE ALSO"
    yield from (".BR udev (7),", ".BR udevadm (8),", ".BR systemd.unit (5)")


def _verb(verb: Verb) -> Iterator[str]:
    yield f'.SS "hwbridge {verb.name}'  # the rest of the line
    yield f"\\&{_plain(verb.summary[0].upper() + verb.summary[1:])}."
    yield ".PP"
    yield f".B hwbridge {verb.name}"
    for option in verb.options[1:]:
        yield f"[\\fB{_plain(option.names[-1])}\\fR{_value(option)}]{'...' if option.repeats else ''}"
    for word in verb.words:
        yield _word(word)
    for word in verb.words:
        yield from (".TP", f".I {_plain(word.value)}", f"\\&{_plain(word.help)}")
    for option in verb.options[1:]:
        yield from (".TP", f"\\fB{_plain(option.names[-1])}\\fR{_value(option)}", f"\\&{_plain(option.help)}")


def _value(option: Option) -> str:
    return f" \\fI{_plain(option.value)}\\fR" if option.value else ""


def _word(word: Word) -> str:
    shown = f"\\fI{_plain(word.value)}\\fR{'...' if word.repeats else ''}"
    return f"[{shown}]" if word.optional else shown


def _places(places: Places) -> Iterator[str]:
    named = {
        "configuration": [places.config],
        "rules": places.rules,
        "tasks": places.tasks,
        "what outlives a restart": [places.state],
        "the socket": [places.socket],
    }
    for what, paths in named.items():
        shown = ", ".join(str(path).replace(_HOME, "~") for path in paths)
        yield from (".TP", f".I {_plain(shown)}", _plain(what))


def _marked(text: str) -> str:
    """The text, with what stands between backticks in bold."""
    return re.sub("`([^`]*)`", r"\\fB\1\\fR", _plain(text))


def _plain(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("'", "\\(aq")
    return f"\\&{text}" if text.startswith(".") else text
