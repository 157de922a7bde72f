"""Checking declarations: every mistake is found, on its line, in words that say what was meant."""

from textwrap import dedent

import pytest

from bridge.errors import InvalidValueError
from bridge.toml.document import parse
from bridge.toml.schema import Table, root_table
from bridge.toml.values import boolean, choice, integer, text, text_as


def root_of(toml: str) -> Table:
    document = parse("a.toml", dedent(toml).encode())
    return root_table(document, list(document.problems))


def shown(table: Table) -> list[str]:
    return [str(problem) for problem in table.problems]


def hex_number(given: str) -> int:
    if not given.startswith("0x"):
        raise InvalidValueError(f"{given!r} is not a hexadecimal number")
    return int(given, 16)


def test_a_good_table_is_read_without_a_problem() -> None:
    root = root_of("""\
        [[rule]]
        name = "x"
        edge = true
        count = 2
        code = "0x2ff"
        exec = ["a", "b"]
        """)
    (rule,) = root.tables("rule")

    assert rule.read("name", text, required=True) == "x"
    assert rule.read("edge", boolean, default=False) is True
    assert rule.read("count", integer(minimum=1), default=1) == 2
    assert rule.read("code", text_as(hex_number)) == 0x2FF
    assert rule.read("state", choice("ignore", "always"), default="ignore") == "ignore"
    assert rule.read_all("exec", text) == ("a", "b")
    assert rule.read("key", text) is None
    rule.finish()
    root.finish()
    assert shown(root) == []


def test_all_mistakes_of_a_table_are_found_each_on_its_line() -> None:
    root = root_of("""\
        # rules
        [[rule]]
        name = "door"
        edge = "yes"
        count = 0
        code = "767"
        state = "allways"
        exec = ["a", 5,
          true]
        debounse = "20ms"
        """)
    (rule,) = root.tables("rule")

    assert rule.read("source", text, required=True) is None
    assert rule.read("edge", boolean, default=False) is False
    assert rule.read("count", integer(minimum=1), default=1) == 1
    assert rule.read("code", text_as(hex_number)) is None
    assert rule.read("state", choice("ignore", "always"), default="ignore") == "ignore"
    assert rule.read_all("exec", text) == ("a",)
    rule.read("debounce", text)
    rule.read("name", text)
    rule.finish()
    assert shown(root) == [
        'a.toml:2: [rule "door"] source: missing',
        'a.toml:4: [rule "door"] edge: expected true or false, found string "yes"',
        'a.toml:5: [rule "door"] count: expected an integer, at least 1, found integer 0',
        "a.toml:6: [rule \"door\"] code: '767' is not a hexadecimal number",
        'a.toml:7: [rule "door"] state: expected one of ignore, always, found string "allways"; did you mean always?',
        'a.toml:8: [rule "door"] exec[2]: expected a string, found integer 5',
        'a.toml:9: [rule "door"] exec[3]: expected a string, found boolean true',
        'a.toml:10: [rule "door"] debounse: unknown key; did you mean debounce?',
    ]


def test_an_unknown_key_that_is_like_no_other_is_answered_with_the_known_ones() -> None:
    root = root_of('zzz = 1\n"a b" = 2\n')
    root.read("name", text)
    root.read("exec", text)
    root.finish()

    assert shown(root) == [
        "a.toml:1: zzz: unknown key; known here: exec, name",
        'a.toml:2: "a b": unknown key; known here: exec, name',
    ]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("5", "integer 5"),
        ("1.5", "float 1.5"),
        ("false", "boolean false"),
        ("[1]", "an array"),
        ("{ a = 1 }", "a table"),
        ("2026-01-02", "date or time 2026-01-02"),
    ],
)
def test_a_value_of_the_wrong_type_is_shown(value: str, found: str) -> None:
    root = root_of(f"name = {value}")

    assert root.read("name", text, default="default") == "default"
    assert shown(root) == [f"a.toml:1: name: expected a string, found {found}"]


def test_true_is_no_integer_and_a_long_value_is_cut() -> None:
    root = root_of(f'a = true\nb = "{"x" * 1000}"\nc = 11\n')
    for key in "abc":
        root.read(key, integer(minimum=1, maximum=10))

    assert shown(root) == [
        "a.toml:1: a: expected an integer, at least 1, at most 10, found boolean true",
        f'a.toml:2: b: expected an integer, at least 1, at most 10, found string "{"x" * 60}..."',
        "a.toml:3: c: expected an integer, at least 1, at most 10, found integer 11",
    ]


def test_tables_are_named_by_their_name_or_counted_from_one() -> None:
    root = root_of("""\
        [[rule]]
        name = "first"
        [[rule]]
        [[rule]]
        name = 5
        [[rule]]
        name = " "
        [triggers]
        """)
    triggers = root.table("triggers")
    assert triggers is not None

    assert [rule.where for rule in root.tables("rule")] == ['rule "first"', "rule 2", "rule 3", "rule 4"]
    assert triggers.where == "triggers"


def test_a_problem_in_a_table_below_names_the_path_from_the_named_table() -> None:
    root = root_of("""\
        [[task]]
        name = "x"
        triggers = [
          { custom = "a" },
          { custm = "b" },
        ]
        [task.run]
        exec = 5
        [task.run."env vars"]
        A = 1
        """)
    (task,) = root.tables("task")
    for trigger in task.tables("triggers"):
        trigger.exactly_one("custom", "system")
        trigger.finish()
    run = task.table("run")
    assert run is not None
    run.read_all("exec", text)
    environment = run.table("env vars")
    assert environment is not None
    for name, _ in environment.entries():
        environment.read(name, text)
    environment.finish()

    assert shown(root) == [
        'a.toml:5: [task "x"] triggers[2]: needs one of custom, system',
        'a.toml:5: [task "x"] triggers[2].custm: unknown key; did you mean custom?',
        'a.toml:8: [task "x"] run.exec: expected an array, found integer 5',
        'a.toml:10: [task "x"] run."env vars".A: expected a string, found integer 1',
    ]


def test_the_entries_of_a_free_table_have_their_own_lines_and_problems() -> None:
    root = root_of("""\
        [[rule]]
        name = "x"
        [rule.match]
        code = "SW_LID"
        value = { regex = "(" }
        """)
    match = root.tables("rule")[0].table("match")
    assert match is not None

    assert [(name, match.line(name)) for name, _ in match.entries()] == [("code", 4), ("value", 5)]
    match.problem("not a regular expression", "value", "regex")
    match.problem("matches nothing")
    match.finish()
    assert shown(root) == [
        'a.toml:5: [rule "x"] match.value.regex: not a regular expression',
        'a.toml:3: [rule "x"] match: matches nothing',
    ]


def test_what_is_not_a_table_is_refused_where_tables_are_meant() -> None:
    root = root_of("rule = [1,\n{}]\ntriggers = []\n[task]\n")

    assert [rule.where for rule in root.tables("rule")] == ["rule 2"]
    assert root.table("triggers") is None
    assert root.tables("task") == ()
    assert root.table("missing") is None
    assert shown(root) == [
        "a.toml:1: rule[1]: expected a table, found integer 1",
        "a.toml:3: triggers: expected a table, found an array",
        "a.toml:4: task: expected an array of tables, found a table; a table of the array begins with [[",
    ]


def test_a_key_of_a_later_version_is_refused_by_name_unless_it_asks_for_nothing() -> None:
    root = root_of('debounce = "20ms"\nretry = 1\nuser = ""\nattempts = true\n')
    root.not_yet({"debounce": None, "retry": 1, "user": "", "attempts": 1, "holdoff": None})
    root.finish()

    assert shown(root) == [
        "a.toml:1: debounce: not there yet in this version of hwbridge",
        "a.toml:4: attempts: not there yet in this version of hwbridge",
    ]


def test_a_word_of_a_later_version_is_refused_by_name() -> None:
    root = root_of('concurrency = "batch"\n')

    assert root.read("concurrency", choice("latest", "queue", later=("batch",)), default="latest") == "latest"
    assert shown(root) == [
        'a.toml:1: concurrency: string "batch" is not there yet in this version of hwbridge; there are latest, queue'
    ]


def test_of_keys_that_exclude_each_other_the_later_ones_are_problems() -> None:
    root = root_of('quiet_for = "1s"\nedge = false\ndebounce = "1s"\nhold_for = "2s"\n')

    assert root.at_most_one("edge", "debounce", "hold_for", "quiet_for") == "quiet_for"
    root.finish()
    assert shown(root) == [
        "a.toml:3: debounce: cannot stand beside quiet_for: at most one of edge, debounce, hold_for, quiet_for",
        "a.toml:4: hold_for: cannot stand beside quiet_for: at most one of edge, debounce, hold_for, quiet_for",
    ]


def test_none_of_the_keys_is_fine_for_at_most_one_and_a_problem_for_exactly_one() -> None:
    root = root_of("\n[run]\n")
    run = root.table("run")
    assert run is not None

    assert run.at_most_one("exec", "unit") is None
    assert shown(root) == []
    assert run.exactly_one("exec", "unit") is None
    assert shown(root) == ["a.toml:2: [run] needs one of exec, unit"]


def test_an_error_that_is_no_invalid_value_is_a_bug_and_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        root_of("a = 0").read("a", lambda value: 1 / value)
