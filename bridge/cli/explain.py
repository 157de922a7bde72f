"""`hwbridge explain`: why recorded events raised what they did, and why rules did not raise. It starts no program.

Rules decide as in `replay`, by the same code, which here also tells what it saw when it decided that a rule does not
raise.
"""

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from bridge.cli.errors import show_error
from bridge.cli.explanations import Group, Verdict, json_of_group, json_of_summary, text_of_group, text_of_summaries
from bridge.cli.places import add_file_options, add_whose_options, directories_of, path, places_of
from bridge.errors import InvalidValueError, RecordingError
from bridge.mapping.explain.reasons import Withheld
from bridge.mapping.explain.tally import Tally
from bridge.mapping.raising import Refusal
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.service.declarations import read_declarations
from bridge.service.recordings import RecordingFile, merged, open_recording
from bridge.testing.replay import Replay
from bridge.toml.values import NOT_THERE_YET, nearest_or_all


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `explain`."""
    parser.add_argument("files", metavar="FILE", type=path, nargs="+", help="a recording; several are merged by time")
    add_file_options(parser)
    add_whose_options(parser)
    parser.add_argument("--rule", metavar="NAME", action="append", help="explain this rule only; may be given again")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Prints what came of each rule at each event, then what came of it on the whole."""
    declarations = read_declarations(directories_of(arguments, places_of(arguments)))
    rules = _asked_for(declarations.rules, arguments.rule)
    tally = Tally(rules)
    with ExitStack() as opened:
        recordings = [opened.enter_context(_open(file)) for file in arguments.files]
        for group in _groups(rules, merged(recordings)):
            for verdict in group.verdicts:
                _count(tally, verdict)
            for line in json_of_group(group) if arguments.json else text_of_group(group):
                print(line)
    for line in map(json_of_summary, tally.summaries()) if arguments.json else text_of_summaries(tally.summaries()):
        print(line)
    return 0


def _open(file: Path) -> RecordingFile:
    try:
        return open_recording(file)
    except RecordingError as error:
        if os.path.lexists(file):
            raise
        raise RecordingError(
            str(file), 1, f"there is no such recording; to explain a task is {NOT_THERE_YET}"
        ) from error


def _asked_for(rules: RuleTable, names: Sequence[str] | None) -> RuleTable:
    """The rules of these names, or all: no rule raises otherwise because others are there."""
    if names is None:
        return rules
    known = [rule.name for rule in rules.rules]
    for name in names:
        if name not in known:
            raise InvalidValueError(f"no rule has the name {name!r}{nearest_or_all(name, known)}")
    return RuleTable([rule for rule in rules.rules if rule.name in names], rules.names, rules.conditions, rules.devices)


def _groups(rules: RuleTable, events: Iterable[Event | DeviceGone]) -> Iterator[Group]:
    """What the rules decide, event by event; what is decided when timers are due stands by itself."""
    told: list[Withheld] = []
    places = {rule.name: place for rule, place in rules.places.items()}

    def decided(outcomes: Iterable[Outcome]) -> list[Verdict]:
        verdicts: list[Verdict] = [*_raised(outcomes), *told]
        told.clear()
        return sorted(verdicts, key=lambda verdict: (verdict.at, places.get(_rule(verdict), len(places))))

    replay = Replay(rules, explain=told.append)
    for event in events:
        yield from _timers(decided(replay.advance(event.at)))
        verdicts = decided(replay.tell(event))
        if verdicts:
            yield Group(event.at, event, verdicts)
    yield from _timers(decided(replay.run_out()))


def _timers(verdicts: Sequence[Verdict]) -> Iterator[Group]:
    for at, due in groupby(verdicts, key=lambda verdict: verdict.at):
        yield Group(at, None, list(due))


def _raised(outcomes: Iterable[Outcome]) -> Iterator[Raised]:
    for outcome in outcomes:
        match outcome:
            case Raised():
                yield outcome
            case Refusal(message=message):
                show_error(f"hwbridge: {message}")


def _rule(verdict: Verdict) -> str:
    return verdict.rule.name if isinstance(verdict, Withheld) else verdict.rule or ""


def _count(tally: Tally, verdict: Verdict) -> None:
    if isinstance(verdict, Raised):
        tally.raised(verdict)
    else:
        tally.withheld(verdict)
