"""`hwbridge check`: every error in rules and tasks files, in one go. It starts and changes nothing."""

import argparse
from collections.abc import Sequence

from bridge.cli.errors import show_error
from bridge.cli.places import add_file_options, add_whose_options, directories_of, path, places_of
from bridge.dispatch.load import TABLES as TASK_TABLES
from bridge.errors import DeclarationError
from bridge.service.declarations import (
    Declarations,
    check_declarations,
    counted,
    read_declarations,
    read_rules,
)
from bridge.service.files import read_given
from bridge.toml.document import Document


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    parser.add_argument(
        "paths", metavar="PATH", type=path, nargs="*", help="a file or directory; without any, the usual places"
    )
    add_file_options(parser)
    add_whose_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints every error on stderr and returns 1, or says what was found to be right."""
    directories = directories_of(arguments, places_of(arguments))
    try:
        if arguments.paths:
            declarations = _check_given(read_given(arguments.paths), read_rules(directories))
        else:
            declarations = read_declarations(directories)
    except DeclarationError as error:
        for problem in error.problems:
            show_error(str(problem))
        return 1
    print(f"{counted(declarations)}: no errors")
    return 0


def _check_given(given: Sequence[Document], usual_rules: Sequence[Document]) -> Declarations:
    """Checks the files that were named, by what is in them: tasks, or else rules.

    What a trigger's name means may stand in a file that was not named: names in the usual rules files hold too.
    """
    tasks = [document for document in given if document.tables.keys() & TASK_TABLES]
    rules = [document for document in given if document not in tasks]
    files = {document.file for document in given}
    return check_declarations(rules, tasks, [document for document in usual_rules if document.file not in files])
