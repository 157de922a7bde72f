"""Reading a file: what it holds, where its keys stand, or the one line that says why it cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.toml.document import SIZE_LIMIT, Problem, parse


def test_a_good_document_has_tables_and_no_problems() -> None:
    document = parse("a.toml", b'[[rule]]\nname = "x"\n')

    assert document.tables == {"rule": [{"name": "x"}]}
    assert document.problems == ()


def test_the_line_of_a_key_that_is_not_there_is_that_of_the_table_around_it() -> None:
    document = parse("a.toml", b'\n[[rule]]\n\nname = "x"\n')

    assert document.line(("rule", 0, "name")) == 4
    assert document.line(("rule", 0, "match", "code")) == 2
    assert document.line(("task",)) == document.line(()) == 1


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"a = 1\nb = \n", 2, "Invalid value"),
        (b"a = 1\na = 2\n", 2, "Cannot overwrite a value"),
        (b"\r\n\r\na = 1 b = 2\r\n", 3, "Expected newline or end of document after a statement"),
        (b"[t]\n[t]\n", 2, "Cannot declare ('t',) twice"),
        (b"a = 1\nb = [1,\n2\n\n\n", 3, "Unclosed array"),
        (b'a = 1\nb = """\nno end\n', 3, "Unterminated string"),
        (b"a = 1\nb = 2020-02-30\n", 2, "Invalid date or datetime"),
        (b"a = 1\nb = 'x\x00'\n", 2, r"Found invalid character '\x00'"),
        (b"a = 1\n# \xc3\xa9\nb = '\xff'\n", 3, "not UTF-8: byte 0xff"),
        (b"a = 1\nb = '\xc3", 2, "not UTF-8: byte 0xc3"),
        (b"\xef\xbb\xbfa = 1\n", 1, "begins with a byte order mark (EF BB BF); save it as UTF-8 without one"),
        (b"a = 1\nb = " + b"9" * 5000 + b"\n", 2, "a number with more than 4300 digits"),
        (b"a = " + b"[" * 50_000, 1, "arrays or inline tables nested too deeply"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_a_file_that_cannot_be_read_says_why_and_on_which_line(data: bytes, line: int, message: str) -> None:
    document = parse("a.toml", data)

    assert [str(problem) for problem in document.problems] == [f"a.toml:{line}: {message}"]
    assert document.tables == {}


def test_a_file_over_the_limit_is_refused_and_one_at_the_limit_is_read() -> None:
    at_limit = b"a = 1\n" + b"#" * (SIZE_LIMIT - 6)

    assert parse("a.toml", at_limit).tables == {"a": 1}
    assert [str(problem) for problem in parse("a.toml", at_limit + b"#").problems] == [
        f"a.toml:1: {SIZE_LIMIT + 1} bytes, more than the {SIZE_LIMIT} that a file may have"
    ]


def test_lines_are_found_at_any_depth_that_can_be_read() -> None:
    depth = 1
    while not parse("a.toml", b"\na = " + b"[" * 2 * depth + b"]" * 2 * depth).problems:
        depth *= 2
    document = parse("a.toml", b"\na = " + b"[" * depth + b"]" * depth)

    assert document.line(("a", *[0] * (depth - 1))) == 2


PIECES = ["a", "=", "[", "]", "{", "}", ",", ".", '"', "'", '"""', "'''", "\\", "\n", "\r", "#", "1", "é", "\x00", " "]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_text_makes_reading_raise(text: str) -> None:
    document = parse("a.toml", text.encode())

    assert len(document.problems) == 1 or document.line(()) == 1
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in document.problems)


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_raise(data: bytes) -> None:
    document = parse("a.toml", data)

    assert not document.problems or document.tables == {}


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        (Problem(file="a.toml", line=3, where='rule "x"', key="raise", message="m"), 'a.toml:3: [rule "x"] raise: m'),
        (Problem(file="a.toml", line=3, where="rule 2", message="m"), "a.toml:3: [rule 2] m"),
        (Problem(file="a.toml", line=3, key="rool", message="m"), "a.toml:3: rool: m"),
        (Problem(file="a.toml", line=3, message="m"), "a.toml:3: m"),
        (Problem(file="a\n.toml", line=3, message="\x1b[2Jé\u2028"), r"a\n.toml:3: \x1b[2Jé\u2028"),
    ],
)
def test_a_problem_is_one_line(problem: Problem, shown: str) -> None:
    assert str(problem) == shown


def test_problems_sort_by_file_and_line() -> None:
    places = [("b.toml", 1), ("a.toml", 10), ("a.toml", 9)]
    problems = [Problem(file=file, line=line, message="m") for file, line in places]

    assert [(problem.file, problem.line) for problem in sorted(problems)] == sorted(places)
