"""`python -m tests.lab.beside`: who saw what, in the lab's guest, as the table in the README. It measures no speed.

It writes the table between two comments of the README; a test says when that is not what the lab has seen.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tests.lab.guest import PROJECT, GuestError, LabMissingError, run_in_guest, scenarios_command
from tests.lab.inside.beside import EVERYBODY, beside_others

README = PROJECT / "README.md"
BEGIN, END = "<!-- seen in the lab: python -m tests.lab.beside -->\n\n", "\n<!-- end -->\n"
GUEST_SECONDS = 600
SITUATIONS: Mapping[str, str] = MappingProxyType(
    {
        "in before they start": "they are in when all three start",
        "taken out, put in": "they are taken out, and put in",
        "taken out while all are stalled": "they are taken out while all three are stalled and a switch floods them",
        "four times during a run": "they are put in; while the handler runs they are taken out, put in and taken out",
        "contacts bounce": "they are put in, and the contacts bounce five times",
        "a device that comes later": "the jack itself comes later, then they are put in",
        "back as another node": "it goes, and comes back under another event number; they are put in",
        "taken out while none runs": "they are taken out between the end and the next start of all three",
    }
)
"""What is done with the headphones, by what the scenario calls it."""
THEN = "then"


def table_of(seen: Mapping[str, Any]) -> str:
    """The table of what the scenario `beside_others` has seen."""
    rows = [
        [text, *(shown(seen["noted"][situation][name]) for name in EVERYBODY)] for situation, text in SITUATIONS.items()
    ]
    lines = [["headphones", *EVERYBODY], ["---"] * 4, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(words: Sequence[str]) -> str:
    """What handlers were told, for people: at once, and what was told after that.

    >>> shown(["in", "out", "in", "then", "out"]), shown([])
    ('2 in, 1 out; then 1 out', 'nothing')
    """
    parts: list[Counter[str]] = [Counter()]
    for word in words:
        if word == THEN:
            parts.append(Counter())
        else:
            parts[-1][word] += 1
    told = [", ".join(f"{part[word]} {word}" for word in ("in", "out") if part[word]) for part in parts]
    return "; then ".join(told) or "nothing"


def main() -> int:
    """Boots a guest, and writes the table."""
    try:
        guest = run_in_guest(scenarios_command([beside_others.__name__]), timeout_seconds=GUEST_SECONDS)
    except (GuestError, LabMissingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    result = json.loads(guest.stdout)
    if result["failure"] is not None:
        sys.stderr.write(f"{result['failure']}\n{result['log']}\n")
        return 1
    text = README.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.stderr.write(f"the README has no {BEGIN.strip()}\n")
        return 1
    README.write_text(before + begin + table_of(result["seen"]) + end + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
