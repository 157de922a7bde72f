"""Makes the parts of the reference that the code knows: keys, fields, limits, help texts. The prose is written by hand.

    python docs/reference/make.py          writes them into the pages, between `<!-- made: NAME -->` and `<!-- end -->`
    python docs/reference/make.py --check  writes nothing; names the pages that are not up to date, and then fails

What a key means is said here, and in `said_of_tasks`. Which keys there are, and what holds without one, is asked of
the code.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import fields, is_dataclass
from io import StringIO
from pathlib import Path
from types import MappingProxyType

import msgspec
from public_python import public_errors, public_names
from said_of_settings import ABOUT, DURATIONS, SETTINGS
from said_of_tasks import (
    CANCELED,
    CONCURRENCY,
    CONDITIONS,
    DROPPED,
    RETRY_KEYS,
    RUN_KEYS,
    RUN_WITHOUT,
    SYSTEM_TRIGGERS,
    TASK_KEYS,
    TRIGGER_KEYS,
    Keys,
)

from bridge.cli import main
from bridge.cli.exit_codes import MEANINGS
from bridge.cli.verbs import NOT_YET as VERBS_NOT_YET
from bridge.cli.verbs import VERBS
from bridge.mapping.load.ports import LAYOUTS
from bridge.mapping.load.rules import load_rules
from bridge.mapping.ports import LONGEST_FRAME, InputOptions, KeyedText, SerialPort
from bridge.mapping.rules import Rule
from bridge.mapping.table import RuleTable
from bridge.model.conditions import SystemConditionType
from bridge.model.details import MOST_BYTES, MOST_NAMES
from bridge.model.durations import format_duration
from bridge.model.tasks import (
    CancellationReason,
    Concurrency,
    DropReason,
    Exec,
    Registration,
    Retry,
)
from bridge.model.windows_names import windows_name
from bridge.monitors.monitor import no_settings
from bridge.pipeline.load.tasks import load_tasks
from bridge.pipeline.load.triggers import NOT_ON_LINUX, SYSTEM
from bridge.recording.jsonl import LONGEST_LINE
from bridge.service.declarations import load_settings
from bridge.service.installed import installed_monitors, live_source, table_of, watched_sources
from bridge.sources import SOURCES
from bridge.sources.source import Source
from bridge.toml.document import SIZE_LIMIT, Problem, parse

PAGES = Path(__file__).parent
TRIGGER_NAME_KEYS: Keys = {
    "guid": ("GUID", "the trigger"),
    "allow": (
        "array of `user:NAME`, `group:NAME`",
        "who may raise it over the API, besides root and the daemon's user",
    ),
}
RULE_KEYS: Keys = {
    "name": ("text", "unique over all files, at most 256 characters; messages and replays call the rule by it"),
    "source": (", ".join(f"`{name}`" for name in SOURCES), "where the events come from"),
    "match": ("table: field = [test](#tests)", "the events that it is about: all tests hold"),
    "raise": ("name or GUID", "the trigger"),
    "details": ("table: name = [template](#templates)", "what the tasks are told"),
    "key": ("[template](#templates)", "the thing that it is about, so that three disks are three things"),
    "start_state": ("`ignore`, `always`, `boot`, `if-changed`", "whether state that is [found](#start_state) raises"),
    "while": ("array of [guards](#while)", "what else must hold when the event comes"),
    "edge": ("true, false", "[filter](#filters): raise when the match turns true for a subject"),
    "debounce": ("duration", "filter: raise when the level has held still for so long"),
    "hold_for": ("duration", "filter: raise when it was true for so long"),
    "quiet_for": ("duration", "filter: raise when nothing has matched for so long"),
    "count": ("integer, or table of `min`, `max`", "beside `quiet_for`: after how many matches"),
    "until": ("table: field = [test](#tests)", "what ends a level, beside the first three filters"),
    "holdoff": ("duration", "how long the rule is deaf after a raise"),
}


def key_of(source: Source) -> str:
    """The key of a source's raises, where a rule says none."""
    return f"`{source.default_key}`" if source.default_key else "empty"


SERIAL_KEYS: Keys = {
    "name": ("text", "unique over all files; events and rules call the port by it"),
    "port": ("absolute path", "where it is"),
    "match": ("table: field of [udev](events.md#udev) = [test](rules.md#tests)", "or how it is known, wherever it is"),
    "baudrate": ("integer", "bits a second"),
    "bytesize": ("5 to 8", "bits of data in a character"),
    "parity": ("`none`, `even`, `odd`, `mark`, `space`, or `N`, `E`, `O`, `M`, `S`", "the bit for checking"),
    "stopbits": ("1, 1.5, 2", "how long the line rests after a character"),
    "xonxoff": ("true, false", "the characters XON and XOFF hold up what is sent"),
    "rtscts": ("true, false", "the lines RTS and CTS do"),
    "dtr": ("true, false", "the line DTR while the port is open"),
    "rts": ("true, false", "the line RTS while the port is open"),
    "hupcl": ("true, false", "whether DTR and RTS fall when the port is closed, which resets many a board"),
    "exclusive": ("true, false", "whether nobody else may open the port meanwhile"),
    "frame": ("`line`, or [a table](#frames)", "how what comes in is cut into events"),
    "max_frame": ("integer", f"bytes that a line or frame can have, at most {LONGEST_FRAME}"),
    "encoding": ("name of an encoding", "that of lines, of `reply` and of a delimiter"),
    "reply": ("text, or bytes as in `0x06`", "what is sent for every line or frame"),
}
INPUT_KEYS: Keys = {
    "match": ("table: field of [evdev](events.md#evdev) = [test](rules.md#tests)", "the devices"),
    "grab": ("true, false", "whether nobody else gets their events"),
    "text": ("[a table](#keys-that-spell-text)", "their keys spell lines of a serial port"),
}
TEXT_KEYS: Keys = {
    "port": ("text", "the port's name in the events"),
    "layout": (", ".join(f"`{name}`" for name in LAYOUTS), "the keyboard that it takes itself for"),
    "end": ("name of a key", "the key that ends a line"),
}
SAID_OTHERWISE = {
    "details": "all fields of the event",
    "key": ", ".join(f"{source.name}: {key_of(source)}" for source in SOURCES.values()),
    "allow": "nobody else",
    "recurrence": "`always`",
    "one_shot": "false",
    "kinds": "all three",
    "conditions": "nothing",
    "cancel_on": "nothing",
    "retry": "not",
    "group": "none",
    "env": "none more",
    "while": "nothing",
    "debounce": "no filter",
    "hold_for": "no filter",
    "quiet_for": "no filter",
    "count": "any number",
    "until": "the match itself",
    "holdoff": "never",
    "user": "the daemon's user",
    **dict.fromkeys(("dtr", "rts", "hupcl"), "as the driver does it"),
    "frame": "`line`",
    "parity": "`none`",
    "reply": "nothing",
    "text": "none",
}


def rule_problems(text: str) -> list[Problem]:
    """What is wrong in a rules file."""
    return load_rules([parse("", text.encode())])[1]


def task_problems(text: str) -> list[Problem]:
    """What is wrong in a tasks file."""
    return load_tasks([parse("", text.encode())], RuleTable())[1]


def known_keys(problems: Callable[[str], list[Problem]], text: str) -> list[str]:
    """The keys that a table has, as the message about an unknown one lists them; `text` holds that one, `?`."""
    (listed,) = [each.message for each in problems(text) if "known here: " in each.message]
    return listed.partition("known here: ")[2].split(", ")


def key_table(
    keys: Keys,
    problems: Callable[[str], list[Problem]],
    text: str,
    defaults: type = object,
    said: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A table of the keys that can be used, and behind it those that cannot be used yet.

    What holds without a key is `said`, or the same in all tables, or a field's default in `defaults`.
    """
    known = known_keys(problems, text)
    if unknown := keys.keys() - set(known):
        raise SystemExit(f"the code knows no key {', '.join(sorted(unknown))}")
    missing = {each.key.rpartition(".")[2] for each in problems(text) if each.message == "missing"}
    values = defaults_of(defaults)
    rows = [
        (f"`{key}`", value, "must be there" if key in missing else said.get(key) or without(key, values), meaning)
        for key, (value, meaning) in keys.items()
    ]
    later = [f"`{key}`" for key in known if key not in keys]
    return table(("key", "value", "without it", "meaning"), rows) + (
        f"\nNot there yet: {', '.join(later)}.\n" if later else ""
    )


def defaults_of(kind: type) -> dict[str, object]:
    """What the fields of a value are, where nothing is said of them."""
    if issubclass(kind, msgspec.Struct):
        return {field.name: field.default for field in msgspec.structs.fields(kind)}
    return {field.name: field.default for field in fields(kind)} if is_dataclass(kind) else {}


def without(key: str, values: Mapping[str, object]) -> str:
    """What holds where a key is left out."""
    if key in SAID_OTHERWISE:
        return SAID_OTHERWISE[key]
    match values.get(key):
        case bool(value):
            return str(value).lower()
        case int(value):
            return format_duration(value) if key in {"run_limit", "cancel_grace", "backoff"} else str(value)
        case str(value):
            return f"`{value}`"
        case _:
            return "must be there"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def settings_tables() -> str:
    """The tables of hwbridge.toml."""
    read = {table_of(each) for each in installed_monitors() if live_source(each).settings is not no_settings}
    if unsaid := read - SETTINGS.keys():
        raise SystemExit(f"nothing is said of the tables {', '.join(sorted(unsaid))}")
    return table(("table", "about"), ((f"[`[{name}]`](#{name})", ABOUT[name]) for name in SETTINGS))


def settings_table(name: str) -> str:
    """The keys of a table of hwbridge.toml."""

    def problems(text: str) -> list[Problem]:
        return load_settings(parse("", text.encode()))[1]

    values = load_settings(parse("", f"[{name}]".encode()))[0][name]
    keys = {key: (value, meaning) for key, (value, _, meaning) in SETTINGS[name].items()}
    shown = {key: said or _shown(key, values[key]) for key, (_, said, _) in SETTINGS[name].items()}
    return key_table(keys, problems, f'[{name}]\n"?" = 1', said=shown)


def _shown(key: str, value: object) -> str:
    """What holds without a setting."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return format_duration(value) if key in DURATIONS else str(value)
        case _:
            return f"`{value}`"


def source_fields() -> str:
    """The fixed fields of every source."""
    rows = []
    for source in SOURCES.values():
        in_order = sorted(source.fields)
        rows.append((f"`{source.name}`", " ".join(f"`{name}`" for name in in_order), key_of(source)))
    head = ("source", "fields", "key of a raise, unless the rule says another")
    watched = watched_sources()
    later = ", ".join(f"`{name}`" for name in SOURCES if name not in watched)
    return table(head, rows) + (f"\nCan be replayed and tested, but not watched yet: {later}.\n" if later else "")


def help_text(verb: str) -> str:
    """What `hwbridge VERB --help` prints, on a terminal of 80 columns."""
    os.environ["COLUMNS"] = "80"
    with redirect_stdout(StringIO()) as printed:
        main([*verb.split(), "--help"])
    return f"```console\n$ hwbridge {verb + ' ' if verb else ''}--help\n{printed.getvalue()}```\n"


def limits() -> str:
    """Limits of files and recordings, in bytes."""
    return table(
        ("what", "at most"),
        (
            ("a rules or tasks file", f"{SIZE_LIMIT} bytes"),
            ("a line of a recording", f"{LONGEST_LINE} bytes"),
            ("details of a raise", f"{MOST_NAMES} names, {MOST_BYTES} bytes in all"),
        ),
    )


def made() -> dict[str, str]:
    """Every part by its name."""
    return {
        "trigger names": key_table(TRIGGER_NAME_KEYS, rule_problems, '[triggers.x]\n"?" = 1'),
        "rule keys": key_table(RULE_KEYS, rule_problems, '[[rule]]\n"?" = 1', Rule),
        "serial keys": key_table(
            SERIAL_KEYS,
            rule_problems,
            '[[serial]]\n"?" = 1',
            SerialPort,
            {"port": "there is `match`", "match": "there is `port`"},
        ),
        "input keys": key_table(INPUT_KEYS, rule_problems, '[[input]]\n"?" = 1', InputOptions),
        "text keys": key_table(
            TEXT_KEYS,
            rule_problems,
            '[[input]]\nmatch = { name = "x" }\ntext = { "?" = 1 }',
            KeyedText,
            {"port": "the device's own name"},
        ),
        "task keys": key_table(TASK_KEYS, task_problems, '[[task]]\n"?" = 1', Registration),
        "trigger keys": key_table(
            TRIGGER_KEYS,
            task_problems,
            '[[task]]\nname = "x"\nrun = { exec = ["x"] }\ntriggers = [{ "?" = 1 }]',
            said=dict.fromkeys(TRIGGER_KEYS.keys() - SAID_OTHERWISE.keys(), "one of these is there"),
        ),
        "system triggers": table(("name", "when"), ((f"`{each}`", SYSTEM_TRIGGERS[each]) for each in SYSTEM.values())),
        "not on linux": "".join(f"- `{each}`: {why}\n" for each, why in NOT_ON_LINUX.items()),
        "conditions": table(
            ("name", "holds while"), ((f"`{windows_name(each)}`", CONDITIONS[each]) for each in SystemConditionType)
        ),
        "retry keys": key_table(
            RETRY_KEYS,
            task_problems,
            '[[task]]\nname = "x"\nrun = { exec = ["x"] }\ntriggers = [{ application = true }]\nretry = { "?" = 1 }',
            Retry,
        ),
        "run keys": key_table(
            RUN_KEYS, task_problems, '[[task]]\nname = "x"\ntriggers = []\nrun = { "?" = 1 }', Exec, RUN_WITHOUT
        ),
        "concurrency": table(("word", "meaning"), ((f"`{word}`", CONCURRENCY[word]) for word in Concurrency)),
        "canceled": table(
            ("number", "reason", "when"),
            ((str(int(each)), f"`{each.name}`", CANCELED.get(each, "not there yet")) for each in CancellationReason),
        ),
        "dropped": table(("reason", "when"), ((f"`{each}`", DROPPED[each]) for each in DropReason)),
        "source fields": source_fields(),
        "settings tables": settings_tables(),
        **{f"settings {name}": settings_table(name) for name in SETTINGS},
        "limits": limits(),
        "python names": public_names(),
        "python errors": public_errors(),
        "help": help_text(""),
        "exit codes": table(("code", "meaning"), ((str(code), meaning) for code, meaning in MEANINGS.items())),
        "verbs not yet": "Not there yet: " + ", ".join(f"`{verb}`" for verb in sorted(VERBS_NOT_YET)) + ".\n",
        **{f"help {verb}": help_text(verb) for verb in VERBS},
    }


def pages() -> dict[Path, str]:
    """Every page with its parts made anew."""
    parts = made()
    unused = dict(parts)

    def replace(found: re.Match[str]) -> str:
        return f"{found[1]}\n{unused.pop(found[2], None) or parts[found[2]]}\n{found[3]}"

    new = {page: _MADE.sub(replace, page.read_text()) for page in sorted(PAGES.glob("*.md"))}
    if unused:
        raise SystemExit(f"no page shows {', '.join(unused)}")
    return new


_MADE = re.compile(r"(<!-- made: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)

if __name__ == "__main__":
    old = {page: text for page, text in pages().items() if page.read_text() != text}
    if sys.argv[1:] == ["--check"]:
        sys.exit("".join(f"{page.name} is old: python docs/reference/make.py\n" for page in old) or 0)
    for page, text in old.items():
        page.write_text(text)
