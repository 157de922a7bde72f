"""`hwbridge explain FILE...`: why recorded events raised what they did, and why rules did not raise. It asks no daemon.

Rules decide as in `replay`, by the same code, which here also tells what it saw when it decided that a rule does not
raise.
"""

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from bridge.cli.explanations import Group, Verdict, json_of_group, json_of_summary, text_of_group, text_of_summaries
from bridge.cli.places import directories_of, places_of
from bridge.cli.verdicts import Verdicts, timers
from bridge.errors import InvalidValueError, RecordingError
from bridge.mapping.explain.tally import Tally
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event
from bridge.model.triggers import Raised
from bridge.service.declarations import read_declarations
from bridge.service.recordings import STANDARD_INPUT, RecordingFile, merged, open_recording
from bridge.testing.replay import Replay
from bridge.toml.values import nearest_or_all


def explain_recordings(arguments: argparse.Namespace, files: Sequence[Path]) -> int:
    """Prints what came of each rule at each event, then what came of it on the whole."""
    declarations = read_declarations(directories_of(arguments, places_of(arguments)))
    rules = asked_for(declarations.rules, arguments.rule)
    tally = Tally(rules)
    with ExitStack() as opened:
        recordings = [opened.enter_context(_open(file)) for file in files]
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
        if file == STANDARD_INPUT or os.path.lexists(file):
            raise
        raise RecordingError(str(file), 1, "there is no such recording; a task is explained by --task NAME") from error


def asked_for(rules: RuleTable, names: Sequence[str] | None) -> RuleTable:
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
    verdicts = Verdicts(rules)
    replay = Replay(rules, explain=verdicts.withheld)
    for event in events:
        yield from timers(verdicts.of(replay.advance(event.at)))
        found = verdicts.of(replay.tell(event))
        if found:
            yield Group(event.at, event, found)
    yield from timers(verdicts.of(replay.run_out()))


def _count(tally: Tally, verdict: Verdict) -> None:
    if isinstance(verdict, Raised):
        tally.raised(verdict)
    else:
        tally.withheld(verdict)
