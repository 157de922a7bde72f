"""`hwbridge check`: every error in rules and tasks files, in one go, and what is surely wrong. It changes nothing."""

import argparse
import json
from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from bridge.cli.errors import show_error
from bridge.cli.places import add_file_options, add_whose_options, directories_of, path, places_of
from bridge.errors import DeclarationError
from bridge.mapping.check.warnings import Written, warnings_of
from bridge.mapping.table import RuleTable
from bridge.model.text import count_of
from bridge.pipeline.load.doubts import doubts_of_tasks
from bridge.pipeline.load.tasks import TABLES as TASK_TABLES
from bridge.service.declarations import check_declarations, counted, read_rules, read_tasks
from bridge.service.files import read_given
from bridge.service.installed import monitors_of, told_by, use_plugins, watched_sources
from bridge.sources.system import SYSTEM
from bridge.toml.document import Document, Problem


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    parser.add_argument(
        "paths", metavar="PATH", type=path, nargs="*", help="a file or directory; without any, the usual places"
    )
    add_file_options(parser)
    add_whose_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for each error and warning")


def run(arguments: argparse.Namespace) -> int:
    """Prints every error on stderr and returns 1, or says what was found to be right, and warns of what is not."""
    use_plugins()
    directories = directories_of(arguments, places_of(arguments))
    rules = read_rules(directories)
    if arguments.paths:
        rules, tasks, naming = _parted(read_given(arguments.paths), rules)
    else:
        tasks, naming = read_tasks(directories), []
    try:
        declarations = check_declarations(rules, tasks, naming)
    except DeclarationError as error:
        for problem in error.problems:
            if arguments.json:
                print(_record("error", problem))
            else:
                show_error(str(problem))
        return 1
    written = Written(
        rules=declarations.rules,
        tasks=declarations.tasks,
        rule_files=rules,
        task_files=tasks,
        naming=naming,
        watched=watched_sources(),
        told=_told_of_machine(declarations.rules),
    )
    doubts = doubts_of_tasks(declarations.tasks, tasks, written.watched)
    order = {document.file: place for place, document in enumerate((*rules, *tasks))}
    warnings = sorted([*warnings_of(written), *doubts], key=lambda warning: (order[warning.file], warning.line))
    for warning in warnings:
        if arguments.json:
            print(_record("warning", warning))
        else:
            show_error(_shown(warning))
    if arguments.json:
        return 0
    more = f", {count_of(len(warnings), 'warning')}" if warnings else ""
    print(f"{counted(declarations)}: no errors{more}")
    return 0


def _told_of_machine(rules: RuleTable) -> Mapping[str, Collection[str]]:
    """The names that the parts of `system` tell, where some rule needs to know: to load them all takes a while."""
    sources = {*(rule.source.name for rule in rules.rules), *(condition.source.name for condition in rules.conditions)}
    if SYSTEM.name not in sources:
        return {}
    return {SYSTEM.name: frozenset().union(*map(told_by, monitors_of(SYSTEM.name)))}


def _parted(
    given: Sequence[Document], usual_rules: Sequence[Document]
) -> tuple[list[Document], list[Document], list[Document]]:
    """Of the files that were named, by what is in them, those of rules and those of tasks; and files that give names.

    What a trigger's name means may stand in a file that was not named: names in the usual rules files hold too.
    """
    tasks = [document for document in given if document.tables.keys() & TASK_TABLES]
    rules = [document for document in given if document not in tasks]
    files = {document.file for document in given}
    return rules, tasks, [document for document in usual_rules if document.file not in files]


def _record(severity: str, problem: object) -> str:
    """An error or a warning as a JSON object."""
    assert isinstance(problem, Problem)
    place = {"severity": severity, "file": problem.file, "line": problem.line}
    return json.dumps({**place, "where": problem.where, "key": problem.key, "message": problem.message})


def _shown(warning: Problem) -> str:
    """The warning as an error is shown, with the word that tells it from one behind file and line."""
    key = f"{warning.key}: " if warning.key else ""
    return str(replace(warning, where="", key="", message=f"warning: [{warning.where}] {key}{warning.message}"))
