"""What the killed daemon's handlers said, held against what its callers were answered. It starts and kills nothing.

A handler appends its lines to one file, so the file has them in the order in which they were written, whoever wrote.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any


class Kind(Enum):
    """What a run answers."""

    EACH = auto()
    """One raise."""
    MERGED = auto()
    """As many raises as it says, the newest of which it names."""
    LISTED = auto()
    """All the raises that it lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledTask:
    """A task under load. `ends`: its runs come to their ends, as only the daemon's death cuts them short."""

    name: str
    trigger: str
    concurrency: str
    kind: Kind
    max_running: int = 1
    seconds: str = "0.004"
    child: str = ""
    """What else lives as long as its handler: "", "group" (a child) or "session" (one that bears none of our marks)."""
    ends: bool = True


@dataclass(slots=True)
class Given:
    """What one caller raised, by the numbers it gave: `accepted` were answered so, `unknown` were not answered."""

    accepted: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)

    def certain(self, after: int, last: int) -> int:
        """How many were accepted of those with a number in (after, last]."""
        return sum(after < number <= last for number in self.accepted)

    def possible(self, after: int, last: int) -> int:
        """How many may have been."""
        return self.certain(after, last) + sum(after < number <= last for number in self.unknown)


@dataclass(frozen=True, slots=True)
class Line:
    """A handler's line: its run began (`start`), ended (`end`), or began while another one was there (`overlap`)."""

    word: str
    told: Mapping[str, Any]

    @property
    def life(self) -> str:
        """Which daemon started the run."""
        return str(self.told["instance_id"]).rpartition("-")[0]

    @property
    def numbers(self) -> list[int]:
        """The raises that the run names."""
        batch = self.told.get("batch") or [self.told["details"]]
        return [int(details["n"]) for details in batch]

    def __str__(self) -> str:
        told = self.told
        marks = f"merged {told['merged']}{' redelivered' if told['redelivered'] else ''}"
        return f"{self.word} {told['task']} {told['key']} {told['instance_id']} {self.numbers} {marks}"


def read_lines(path: Path) -> list[Line]:
    """All that was said. A line of which the death of its handler has left a part only is as if not written."""
    return [line for text in path.read_text().splitlines() if (line := _line(text)) is not None]


def _line(text: str) -> Line | None:
    word, _, told = text.partition(" ")
    try:
        return Line(word, json.loads(told))
    except ValueError:
        return None


def faults(tasks: Sequence[KilledTask], given: Mapping[tuple[str, str], Given], lines: Sequence[Line]) -> list[str]:
    """What was promised and not kept; `given` is what was raised, by trigger and key."""
    found = [f"two at once: {line}" for line in lines if line.word == "overlap"]
    found += _of_former_lives(lines)
    for task in tasks:
        own = [line for line in lines if line.told["task"] == task.name]
        if task.ends:
            found += _beyond(task, own)
        for (trigger, key), raised in given.items():
            if trigger == task.trigger:
                starts = [line for line in own if line.word == "start" and line.told["key"] == key]
                check = _merged if task.kind is Kind.MERGED else _numbered
                found += [f"{task.name} {key}: {fault}" for fault in check(task, raised, starts)]
    return found


def _of_former_lives(lines: Sequence[Line]) -> Iterator[str]:
    """Lines of runs whose daemon was dead when a later one had started runs."""
    lives: list[str] = []
    for line in lines:
        if line.life not in lives:
            lives.append(line.life)
        elif line.life != lives[-1]:
            yield f"not dead when the next daemon started runs: {line}"


def _beyond(task: KilledTask, lines: Sequence[Line]) -> Iterator[str]:
    """Runs beyond `max_running`; those of a dead daemon do not count."""
    life, running = "", set[str]()
    for line in lines:
        if line.life != life:
            life, running = line.life, set()
        if line.word == "end":
            running.discard(line.told["instance_id"])
        elif line.word == "start":
            running.add(line.told["instance_id"])
            if len(running) > task.max_running:
                yield f"{len(running)} at once: {line}"


def _numbered(task: KilledTask, given: Given, starts: Sequence[Line]) -> Iterator[str]:
    """Where every raise is named: each accepted one ran, and again only in a later life and redelivered."""
    known = {*given.accepted, *given.unknown}
    seen: dict[int, str] = {}
    newest = 0
    for line in starts:
        numbers = line.numbers
        if line.told["merged"] != len(numbers) or sorted(set(numbers)) != numbers:
            yield f"not the raises that it answers: {line}"
        for number in numbers:
            if number not in known:
                yield f"{number} was never raised: {line}"
            elif number in seen and not line.told["redelivered"]:
                yield f"{number} again, and not redelivered: {line}"
            elif number in seen and seen[number] == line.life:
                yield f"{number} again in one life: {line}"
            elif number not in seen and number < newest and task.concurrency != "parallel":
                yield f"{number} out of its turn: {line}"
            seen[number] = line.life
            newest = max(newest, number)
    yield from (f"{number} was accepted and never ran" for number in given.accepted if number not in seen)


def _merged(task: KilledTask, given: Given, starts: Sequence[Line]) -> Iterator[str]:
    """Where runs name their newest raise: together they answer every accepted one, each run those after the last.

    One that is redelivered may instead answer what the last one did, and what came since.
    """
    newest, merged = 0, 0
    for line in starts:
        (number,) = line.numbers
        certain, possible = given.certain(newest, number), given.possible(newest, number)
        if not task.ends:  # runs between may have been canceled before they could say anything
            certain = min(certain, 1)
        told = line.told["merged"]
        is_next = number > newest and certain <= told <= possible
        is_last_again = line.told["redelivered"] and number >= newest and certain <= told - merged <= possible
        if not is_next and not is_last_again:
            yield f"after {newest} (merged {merged}) come {certain} to {possible}: {line}"
        newest, merged = number, told
    left = given.certain(newest, max(given.accepted, default=0))
    if left:
        yield f"{left} accepted after {newest} never ran"


def counted(lines: Sequence[Line]) -> Counter[str]:
    """How many runs began, and how many of them were redelivered."""
    starts = [line for line in lines if line.word == "start"]
    return Counter(runs=len(starts), redelivered=sum(line.told["redelivered"] for line in starts))
