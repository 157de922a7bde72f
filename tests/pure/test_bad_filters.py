"""What is wrong in filters, guards and conditions is told by name, with what was meant."""

import pytest

from bridge.mapping.load.rules import load_rules
from bridge.toml.document import parse
from tests.pure.said import complete

RULE = '[[rule]]\nname = "r"\n'
DURATION = "is not a duration: a number and one of us, ms, s, m, h, d, as in '20ms'"
MOMENTS = "what matches are moments; they have no level that could turn true"
NO_TIME = (
    'match.since: string "3s" is no test of a time: a table of min, max, below with durations, as in { below = "3s" }'
)
SYSTEM = (
    "BackgroundWorkCostNotHigh, FreeNetworkAvailable, InternetAvailable, InternetNotAvailable, SessionConnected, "
    "SessionDisconnected, UserNotPresent, UserPresent"
)
ON_MAINS = '[[condition]]\nname = "on-mains"\nsource = "udev"\nmatch = { POWER_SUPPLY_ONLINE = 1 }\n'


def errors(text: str) -> list[str]:
    _, problems = load_rules([parse("a.toml", complete(text).encode())])
    return [str(problem).partition("] ")[2] or str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        ('debounce = "20"', [f"debounce: '20' {DURATION}"]),
        ("hold_for = 2", [f"hold_for: 2 {DURATION}"]),
        ('quiet_for = "-1s"', [f"quiet_for: '-1s' {DURATION}"]),
        ('debounce = "0s"', ['debounce: expected a time of more than 0, found string "0s"']),
        ('holdoff = "0us"', ['holdoff: expected a time of more than 0, found string "0us"']),
        ('holdoff = "soon"', [f"holdoff: 'soon' {DURATION}"]),
        (
            'edge = true\ndebounce = "1s"\nhold_for = "x"',
            [
                "debounce: cannot stand beside edge: at most one of edge, debounce, hold_for, quiet_for",
                f"hold_for: 'x' {DURATION}",
                "hold_for: cannot stand beside edge: at most one of edge, debounce, hold_for, quiet_for",
            ],
        ),
        ("count = 2", ["count: stands only beside quiet_for, which says when a burst is over"]),
        ('quiet_for = "1s"\ncount = 0', ["count: expected an integer, at least 1, found integer 0"]),
        ('quiet_for = "1s"\ncount = true', ["count: expected an integer, at least 1, found boolean true"]),
        (
            'quiet_for = "1s"\ncount = "two"',
            ['count: expected an integer or a table of min and max, found string "two"'],
        ),
        (
            'quiet_for = "1s"\ncount = { least = 2 }',
            ["count: expected a table of min and max, found one of least"],
        ),
        ('quiet_for = "1s"\ncount = { min = 3, max = 2 }', ["count: no number is at least 3 and at most 2"]),
        (
            "until = { value = 0 }",
            ["until: stands only beside edge, debounce or hold_for: it says when what is true ends"],
        ),
        (
            'quiet_for = "1s"\nuntil = { value = 0 }',
            ["until: stands only beside edge, debounce or hold_for: it says when what is true ends"],
        ),
        ("edge = true\nuntil = {}", ["until: an empty match would hold for every event; name at least one field"]),
        ("edge = true\nuntil = 5", ["until: expected a table, found integer 5"]),
        (
            'edge = true\nuntil = { code = "KEY_B" }',
            ["until.code: does not change while the rule is true: test what does"],
        ),
        ("edge = true\nuntil = { valeu = 0 }", ["until.valeu: unknown field of evdev; did you mean value?"]),
        ('match = { code = "REL_X" }\nedge = true', [f"edge: {MOMENTS}"]),
        ('match = { code = "REL_X" }\ndebounce = "1s"', [f"debounce: {MOMENTS}"]),
        ('match = { type = "EV_MSC" }\nhold_for = "1s"', [f"hold_for: {MOMENTS}"]),
        ('match = { code = "MSC_SCAN" }\nstart_state = "if-changed"', [f"start_state: {MOMENTS}"]),
        ('match = { since = "3s" }', [NO_TIME]),
        ("match = { since = { below = 3 } }", [f"match.since: 3 {DURATION}"]),
        (
            'match = { since = { min = "3s", max = "2s" } }',
            ['match.since: nothing lies in { min = "3s", max = "2s" }'],
        ),
        (
            'match = { name = { regex = "(?P<since>x)" } }',
            ["match.name: the group 'since' would hide the field of that name; call it something else"],
        ),
        ('while = "on-mains"', ['while: expected an array, found string "on-mains"']),
        ('while = ["on-mians"]', ["while[1]: no [[condition]] has the name 'on-mians'; did you mean on-mains?"]),
        (
            'while = [{ not = "docked" }]',
            [f"while[1]: no [[condition]] has the name 'docked'; there are {SYSTEM}, on-mains"],
        ),
        (
            "while = [5]",
            ["while[1]: expected the name of a condition, { not = name }, or a table of tests, found integer 5"],
        ),
        ("while = [{}]", ["while[1]: an empty test would hold for every event; name at least one field"]),
        ('while = ["on-mains", { cod = 1 }]', ["while[2].cod: unknown field of evdev; did you mean code?"]),
        ('while = [{ code = "REL_X" }]', [f"while[1]: {MOMENTS}"]),
        (
            'while = [{ code = "KEY_AA" }]',
            ["while[1].code: Linux has no input event code 'KEY_AA'; did you mean KEY_A?"],
        ),
    ],
)
def test_an_error_in_a_filter_or_guard_names_its_key_and_says_what_was_meant(lines: str, messages: list[str]) -> None:
    match = "" if "match =" in lines else 'match = { code = "KEY_A" }\n'

    assert errors(f"{ON_MAINS}{RULE}{match}{lines}") == messages


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        ('source = "udev"\nmatch = { action = "add" }', ["name: missing"]),
        ('name = "c"\nmatch = { action = "add" }', ["source: missing"]),
        ('name = "c"\nsource = "udev"', ["match: missing"]),
        ('name = "c"\nsource = "evdev"\nmatch = { code = "REL_X" }', [f"match: {MOMENTS}"]),
        (
            'name = "c"\nsource = "udev"\nmatch = { subsytem = "x" }',
            ["match.subsytem: unknown field of udev; did you mean subsystem?"],
        ),
        (
            'name = "c"\nsource = "udev"\nmatch = { action = "add" }\nedge = true',
            ["edge: unknown key; known here: match, name, source"],
        ),
    ],
)
def test_an_error_in_a_condition_names_its_key(lines: str, messages: list[str]) -> None:
    assert errors(f"[[condition]]\n{lines}") == messages


def test_two_conditions_of_one_name_are_refused_with_the_place_of_the_first() -> None:
    assert errors(f"{ON_MAINS}{ON_MAINS}") == ['name: another condition has the name "on-mains": a.toml:2']


def test_a_condition_may_stand_in_another_file_than_the_rule_that_names_it() -> None:
    rule = complete(f'{RULE}match = {{ code = "KEY_A" }}\nwhile = ["on-mains"]')
    documents = [parse(f"{number}.toml", text.encode()) for number, text in enumerate((rule, ON_MAINS))]

    table, problems = load_rules(documents)

    assert problems == []
    assert "on-mains" in [each.name for each in table.conditions]


def test_a_filter_without_a_source_is_read_all_the_same() -> None:
    _, problems = load_rules(
        [parse("a.toml", b'[[rule]]\nname = "r"\ndebounce = "x"\nuntil = { a = 1 }\nwhile = ["y"]')]
    )

    keys = {problem.key for problem in problems}
    assert keys == {"match", "raise", "source", "debounce", "while[1]"}
