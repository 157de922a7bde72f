"""docs/explanation/pains.md keeps its word: it has every pain, and the tests that it names are there."""

import ast
import re

import pytest
from pages import ROOT

PAGE = ROOT / "docs/explanation/pains.md"
PAINS = range(1, 26)
CANDIDATES = "ABCDEFGHIJKLMN"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def paragraphs() -> list[tuple[str, str]]:
    """The number of each pain, and what the page says of it, with the line of its tests."""
    return re.findall(r"^\*\*(\d+)\. (.+?)(?=^\*\*\d+\. |^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_every_pain_is_there_once_and_names_a_test() -> None:
    said = paragraphs()

    assert sorted(int(number) for number, _ in said) == [*PAINS]
    assert [number for number, text in said if NAMED.search(text) is None] == []


def test_every_candidate_has_a_line() -> None:
    rows = re.findall(r"^\| ([A-Z]) \| .+ \| .+ \|$", PAGE.read_text(), re.MULTILINE)

    assert rows == [*CANDIDATES]


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED.findall(PAGE.read_text())}))
def test_the_tests_that_it_names_are_there(file: str) -> None:
    path = ROOT / file
    there = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
    named = {test for named_file, test in NAMED.findall(PAGE.read_text()) if named_file == file}

    assert named - there == set()
