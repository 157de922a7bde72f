"""What a failed test shows: what happened, which rules raised nothing and what came closest, which tasks did not run.

It is bounded, however much happened. It plays the journal once more to ask why, and changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from bridge.mapping.explain.reasons import Withheld
from bridge.mapping.explain.tally import Summary, Tally
from bridge.mapping.table import RuleTable
from bridge.model.durations import format_at
from bridge.model.text import count_of, printable
from bridge.model.triggers import Raised
from bridge.pipeline.facts import Declared
from bridge.pipeline.pipeline import Outcome
from bridge.testing.idle import held_up, never_ran
from bridge.testing.journal import Journal, Restarted
from bridge.testing.replay import Replay
from bridge.testing.told import Told

MOST_LINES = 40
"""Of what happened, and of the rules, as many are shown."""
LONGEST_LINE = 300


def explanation_of(told: Told, rules: RuleTable, journal: Journal, replay: Replay) -> str:
    """The text, about the end of `replay`."""
    now, tasks, levels = replay.now, replay.dispatcher.tasks, replay.dispatcher.levels
    names = {each.guid: each.name for each in rules.names.values()}
    return "\n".join(
        _cut(line)
        for line in (
            *_section(f"what happened until {format_at(now)}:", _last(told.lines) or ["nothing"]),
            *_section("refused:", _last(told.refused)),
            *_section("rules:", _rules(journal, rules, now)),
            *_section("tasks that did not run:", _first(list(never_ran(tasks, told, names, levels, now)), "task")),
            *_section(
                "tasks that ran, and are held up:", _first(list(held_up(tasks, told, names, levels, now)), "task")
            ),
        )
    )


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield title
        yield from (f"  {line}" for line in lines)


def _rules(journal: Journal, rules: RuleTable, now: int) -> Sequence[str]:
    """Those that raised nothing first: it is them that a test misses."""
    if not rules.rules:
        return ["none is declared: hwbridge.replay(rules=...) declares some"]
    summaries = sorted(_tally(journal, now).summaries(), key=lambda each: each.raised > 0)
    lines = [f"{each.rule.name}: {each}{_otherwise(each)}" for each in summaries]
    lost = f"(asked of the last {count_of(len(journal.facts), 'event')}; there were {journal.lost} before)"
    return [*_first(lines, "rule"), *([lost] if journal.lost else [])]


def _otherwise(summary: Summary) -> str:
    """Of a rule that has raised, what came closest to one more raise."""
    if not summary.raised or summary.closest is None:
        return ""
    return f"; otherwise closest at {format_at(summary.closest.at)}: {summary.closest.reason}"


def _tally(journal: Journal, now: int) -> Tally:
    """What came of the rules that are in force at the end."""
    rules = journal.rules
    tally = Tally(rules)

    def withheld(each: Withheld) -> None:
        tally.withheld(each)

    def take(outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Raised):
                tally.raised(outcome)

    replay = Replay(rules, explain=withheld)
    for fact in journal.facts:
        take(replay.advance(fact.at))
        if isinstance(fact, Restarted):
            take(replay.start(fact.rules, memory=fact.memory))
            continue
        if isinstance(fact, Declared):
            if fact.rules is not rules:
                rules = fact.rules
                tally = Tally(rules)
            fact = msgspec.structs.replace(fact, tasks=())  # rules do not hear of them
        take(replay.tell(fact))
    take(replay.advance(now))
    return tally


def _last(lines: Sequence[str]) -> Sequence[str]:
    before = len(lines) - MOST_LINES
    return [f"... {count_of(before, 'line')} before", *lines[-MOST_LINES:]] if before > 0 else lines


def _first(lines: Sequence[str], what: str) -> Sequence[str]:
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"... and {count_of(more, f'more {what}')}"] if more > 0 else lines


def _cut(line: str) -> str:
    line = printable(line)
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."
