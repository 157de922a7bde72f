"""Writes bridge/model/code_table.py, the input event codes of Linux, from the kernel's own headers.

It refuses headers that disagree on a number, and leaves out what is no code: limits, counts and ranges.

    python packaging/make-code-table.py /usr/include/linux/input-event-codes.h /usr/include/linux/input.h \
        packaging/input-event-codes-since-6.1.h > bridge/model/code_table.py
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from textwrap import fill

TYPE_OF_PREFIX = {
    "SYN": "EV_SYN",
    "KEY": "EV_KEY",
    "BTN": "EV_KEY",
    "REL": "EV_REL",
    "ABS": "EV_ABS",
    "MSC": "EV_MSC",
    "SW": "EV_SW",
    "LED": "EV_LED",
    "SND": "EV_SND",
    "REP": "EV_REP",
    "FF": "EV_FF",
    "FF_STATUS": "EV_FF_STATUS",
}
NO_CODES = {"KEY_MIN_INTERESTING", "FF_MAX_EFFECTS", "EV_VERSION"} | {
    f"FF_{kind}_{end}" for kind in ("EFFECT", "WAVEFORM") for end in ("MIN", "MAX")
}
"""Names among the codes that name a range or a version."""

_DEFINE = re.compile(r"#define\s+((EV|FF_STATUS|[A-Z]+)_\w+)\s+(\w+)\s*(?:/\*.*)?")

HEAD = '''"""The input event types and codes of Linux: names and numbers, as data. Nothing here is to be edited.

Written by packaging/make-code-table.py from linux/input-event-codes.h and linux/input.h.
bridge/model/codes.py reads it.
"""
'''


def defines(headers: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The numbers that the headers' texts give to names, and the names they give to other names.

    >>> defines(["#define KEY_COFFEE 152", "#define KEY_SCREENLOCK KEY_COFFEE", "#define KEY_CNT (KEY_MAX+1)"])
    ({'KEY_COFFEE': '152'}, {'KEY_SCREENLOCK': 'KEY_COFFEE'})
    """
    numbers: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for line in "\n".join(headers).splitlines():
        found = _DEFINE.fullmatch(line.strip())
        if found is None:
            continue
        name, prefix, value = found.groups()
        if prefix not in TYPE_OF_PREFIX and prefix != "EV":
            continue
        # by prefix: KEY_BRIGHTNESS_MAX and KEY_BRIGHTNESS_MIN are keys
        if name in NO_CODES or name in (f"{prefix}_MAX", f"{prefix}_CNT"):
            continue
        known = numbers if value[0].isdigit() else aliases
        if known.setdefault(name, value) != value:
            raise SystemExit(f"{name} is {known[name]} in one place and {value} in another")
    return numbers, aliases


def type_of(name: str) -> str:
    """The type whose code `name` is.

    >>> type_of("BTN_LEFT"), type_of("FF_STATUS_PLAYING"), type_of("FF_RUMBLE")
    ('EV_KEY', 'EV_FF_STATUS', 'EV_FF')
    """
    return TYPE_OF_PREFIX["FF_STATUS" if name.startswith("FF_STATUS_") else name.partition("_")[0]]


def table(headers: Iterable[str]) -> str:
    """The text of code_table.py."""
    numbers, aliases = defines(headers)
    types = {name: number for name, number in numbers.items() if name.startswith("EV_")}
    codes: dict[str, dict[int, str]] = {name: {} for name in types}
    for name, number in numbers.items():
        if name in types:
            continue
        of_type = codes[type_of(name)]
        # Two names of one number: the first names the range that begins there (BTN_MOUSE), the second
        # the button (BTN_LEFT), which is the one that libevdev, and so evemu, prints.
        if (range_name := of_type.get(int(number, 0))) is not None:
            aliases[range_name] = name
        of_type[int(number, 0)] = name
    blocks = [f"\nTYPES = {_block(types.items())}", "\nCODES = {"]
    for name, of_type in codes.items():
        if of_type:
            in_order = [(of_type[number], numbers[of_type[number]]) for number in sorted(of_type)]
            blocks.append(f'    "{name}": {_block(in_order)},')
    blocks += [
        "}",
        f"\nALIASES = {_block(sorted(aliases.items()))}",
        '"""Each name, and the one it stands for."""\n',
    ]
    return HEAD + "\n".join(blocks)


def _block(pairs: Iterable[tuple[str, str]]) -> str:
    """A Python string of `NAME NUMBER` pairs, wrapped between pairs, not within them."""
    joined = fill(" ".join(f"{name}~{value}" for name, value in pairs), 110, break_long_words=False)
    return f'"""\n{joined.replace("~", " ")}\n"""'


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(f"usage: {sys.argv[0]} HEADER... > bridge/model/code_table.py")
    sys.stdout.write(table([Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]]))
