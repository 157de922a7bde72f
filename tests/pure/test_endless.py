"""Expressions that some texts keep busy for ever: `check` warns of the ones that surely are, and of no other."""

import pytest

from bridge.mapping.check.endless import endless_part
from bridge.mapping.check.warnings import Written, warnings_of
from bridge.mapping.load.rules import load_rules
from bridge.sources import SOURCES
from bridge.toml.document import parse

RULE = """\
[[rule]]
name = "scanned"
source = "udev"
match = { subsystem = "tty", ID_MODEL = %s }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
"""


def warnings(test: str) -> list[str]:
    document = parse("rules.toml", (RULE % test).encode())
    table, problems = load_rules([document], ())
    assert problems == []
    return [
        f"{problem.line}: {problem.key}: {problem.message}"
        for problem in warnings_of(
            Written(rules=table, tasks=(), rule_files=[document], task_files=[], watched=SOURCES)
        )
    ]


@pytest.mark.parametrize(
    ("test", "key"),
    [
        ("{ regex = '^(a+)+$' }", "match.ID_MODEL.regex"),
        ("{ not = { regex = '^(a+)+$' } }", "match.ID_MODEL.not.regex"),
        ("['x', { regex = '^(a+)+$' }]", "match.ID_MODEL[2].regex"),
    ],
)
def test_a_test_of_a_rule_is_doubted_where_it_stands(test: str, key: str) -> None:
    message = "(a+)+ repeats what is repeated already, and a text that does not fit may take for ever"

    assert warnings(test) == [f"4: {key}: {message}"]


@pytest.mark.parametrize("regex", ["(a+)*", "(?:[^;]*)+", r"x(\w+){3,}", r"(\x41*)+", r"\\(a+)+", "(?P<n>[)]+)+"])
def test_a_part_that_only_repeats_is_not_to_be_repeated(regex: str) -> None:
    assert endless_part(regex) is not None


@pytest.mark.parametrize("regex", ["(a+;)*", "(a+)?", "(a)+", r"\(a+)+", "(a+){3}", "a+b+", "([0-9]+|x)", "(a{2})+"])
def test_what_has_an_end_is_no_such_part(regex: str) -> None:
    assert endless_part(regex) is None
