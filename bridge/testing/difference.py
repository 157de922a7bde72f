"""The difference of two texts as a unified diff, line by line and as long as they like. It opens and prints nothing.

It holds what differs and a little around it, never two texts whole, and the time that it takes grows with their length
alone: how lines are to be paired is looked for among the next few hundred only, or thousands where all of them differ.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import islice
from typing import Literal, NamedTuple

CONTEXT = 3
"""Equal lines around what differs, as diff(1) has them."""
_FEW, _MANY = 500, 16_000
"""Lines of each text to be compared at once: at first, and as long as no two of them are equal."""
_LONGEST_HUNK = 10_000


class Edit(NamedTuple):
    """A line of both texts, of the first one only, or of the second one only."""

    kind: Literal[" ", "-", "+"]
    line: str


def unified_diff(wanted: Iterable[str], found: Iterable[str], wanted_name: str, found_name: str) -> Iterator[str]:
    r"""The lines of the diff, none where all are equal; every line has its line feed, but the last of a text may not.

    >>> list(unified_diff(["a\n", "b\n"], ["a\n", "c\n"], "x.expected", "replayed"))
    ['--- x.expected\n', '+++ replayed\n', '@@ -1,2 +1,2 @@\n', ' a\n', '-b\n', '+c\n']
    """
    head = [f"--- {wanted_name}\n", f"+++ {found_name}\n"]
    for hunk in _hunks(edits(wanted, found)):
        yield from head
        yield from hunk
        head = []


def edits(wanted: Iterable[str], found: Iterable[str]) -> Iterator[Edit]:
    """What makes `found` of `wanted`.

    >>> [kind + line for kind, line in edits("ab", "bc")]
    ['-a', ' b', '+c']
    """
    wanted, found = iter(wanted), iter(found)
    first: list[str] = []
    second: list[str] = []
    few = _FEW
    while True:
        first += islice(wanted, max(few - len(first), 0))
        second += islice(found, max(few - len(second), 0))
        if not first and not second:
            return
        is_cut = len(first) >= few or len(second) >= few
        if first and second and is_cut and few < _MANY and set(first).isdisjoint(second):
            few = min(2 * few, _MANY)
            continue
        equal = _equal_at_first(first, second)
        yield from (Edit(" ", line) for line in first[:equal])
        del first[:equal], second[:equal]
        if not equal:
            yield from _paired(first, second)
            few = _FEW


def _equal_at_first(first: list[str], second: list[str]) -> int:
    """How many lines are equal before the first that differ."""
    pairs = zip(first, second, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def _paired(first: list[str], second: list[str]) -> Iterator[Edit]:
    """The edits up to the last pair of equal lines, or all where there is none; what they are of leaves the lists."""
    blocks = SequenceMatcher(None, first, second).get_matching_blocks()
    place = other = 0
    for start, other_start, size in blocks[:-1] or blocks:  # the last one is no pair, but where both texts end
        yield from (Edit("-", line) for line in first[place:start])
        yield from (Edit("+", line) for line in second[other:other_start])
        yield from (Edit(" ", line) for line in first[start : start + size])
        place, other = start + size, other_start + size
    del first[:place], second[:other]


def _hunks(all_edits: Iterable[Edit]) -> Iterator[Iterator[str]]:
    """The lines of each hunk, as diff(1) writes them: what differs, and equal lines around it."""
    line = other_line = 0
    begin = other_begin = 0
    before: deque[Edit] = deque(maxlen=CONTEXT)
    hunk: list[Edit] = []
    equal_at_last = 0
    for edit in all_edits:
        if edit.kind == " " and not hunk:
            before.append(edit)
        else:
            if not hunk:
                begin, other_begin = line - len(before), other_line - len(before)
                hunk += before
            hunk.append(edit)
            equal_at_last = equal_at_last + 1 if edit.kind == " " else 0
            if equal_at_last > 2 * CONTEXT or (len(hunk) >= _LONGEST_HUNK and not equal_at_last):
                yield _lines(begin, other_begin, _without_tail(hunk, equal_at_last))
                before = deque(hunk[len(hunk) - equal_at_last :], maxlen=CONTEXT)
                hunk, equal_at_last = [], 0
        line += edit.kind != "+"
        other_line += edit.kind != "-"
    if hunk:
        yield _lines(begin, other_begin, _without_tail(hunk, equal_at_last))


def _without_tail(hunk: list[Edit], equal_at_last: int) -> list[Edit]:
    return hunk[: len(hunk) - max(equal_at_last - CONTEXT, 0)]


def _lines(begin: int, other_begin: int, hunk: list[Edit]) -> Iterator[str]:
    first = _range(begin, sum(edit.kind != "+" for edit in hunk))
    second = _range(other_begin, sum(edit.kind != "-" for edit in hunk))
    yield f"@@ -{first} +{second} @@\n"
    yield from (f"{kind}{line}" for kind, line in hunk)


def _range(before: int, count: int) -> str:
    """The lines from the one behind `before` on, as diff(1) counts them: of none, the one before is named."""
    if count == 1:
        return f"{before + 1}"
    return f"{before + 1 if count else before},{count}"
