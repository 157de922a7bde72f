"""Warnings about serial ports: each thing that is legal and surely wrong, and its nearest neighbour that is right."""

import pytest

from tests.pure.said import GUID
from tests.pure.warned import COUNTER, PORT, TASK, rule, warnings


def test_a_port_that_nobody_declares_is_not_opened() -> None:
    asked = rule('port = "scaner"', source="serial")

    assert warnings(PORT + asked) == [
        "match.port: no [[serial]] declares port = 'scaner', and no other port is opened; did you mean scanner?"
    ]
    assert warnings(asked) == ["match.port: no [[serial]] declares port = 'scaner', and no other port is opened"]
    assert warnings(asked, naming=PORT.replace("scanner", "scaner")) == []
    assert warnings(rule('port = "scan*"', source="serial"), naming=PORT) == []


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ('port = "counter", line = true', ["match.line: what counter receives is told as frame"]),
        ('port = "scanner", frame = true', ["match.frame: what scanner receives is told as line"]),
        ('port = "scanner", line = true', []),
        ('port = "counter", frame = { not = "00" }', []),
        ('port = ["counter", "scanner"], line = true', []),
    ],
)
def test_a_port_of_frames_tells_no_lines_and_a_port_of_lines_no_frames(match: str, said: list[str]) -> None:
    assert warnings(PORT + COUNTER + rule(match, source="serial")) == said


def test_of_two_ports_with_one_path_only_one_is_opened() -> None:
    twice = """
        [[serial]]
        name = "again"
        port = "/dev/scanner"
        """

    assert warnings(PORT + twice) == ['port: is the port "scanner", too, and is opened for one of them only']


@pytest.mark.parametrize(
    "match",
    ['port = "scanner", line = "*"', 'port = "counter", frame = true', 'port = "scanner", device = "/dev/ttyUSB0"'],
)
def test_lines_are_not_to_be_merged_away(match: str) -> None:
    rules = PORT + COUNTER + rule(match, 'name = "line"', source="serial")

    for more in ("", '    concurrency = "latest"\n'):
        assert warnings(rules, TASK % GUID + more) == [
            'concurrency: latest merges away lines of rule "line"; write queue, or batch for one run of all'
        ]


@pytest.mark.parametrize("concurrency", ["latest", "queue", "ignore", "restart", "parallel"])
def test_a_condition_merges_lines_whatever_the_concurrency_but_for_a_batch(concurrency: str) -> None:
    rules = PORT + rule('port = "scanner", line = "*"', 'name = "line"', source="serial")
    tasks = TASK % GUID + '    conditions = ["InternetAvailable"]\n'

    assert warnings(rules, f'{tasks}concurrency = "{concurrency}"\n') == [
        'concurrency: lines of rule "line" are merged while the conditions do not hold; write batch for one run of all'
    ]
    assert warnings(rules, f'{tasks}concurrency = "batch"\n') == []


@pytest.mark.parametrize("concurrency", ["queue", "batch", "ignore", "restart", "parallel"])
def test_another_concurrency_is_a_choice(concurrency: str) -> None:
    rules = PORT + rule('port = "scanner", line = "*"', source="serial")

    assert warnings(rules, f'{TASK % GUID}concurrency = "{concurrency}"\n') == []


@pytest.mark.parametrize(
    "rules",
    [
        rule('port = "scanner", signal = "CTS"', source="serial"),
        rule('port = "scanner", line = "*"', 'quiet_for = "1s"', source="serial"),
        rule('port = "scanner", line = "*"', 'holdoff = "1s"', source="serial"),
        rule('port = "scanner", line = "*"', f'raise = "{GUID.replace("9", "8")}"', source="serial"),
        rule('code = "KEY_A"'),
    ],
)
def test_latest_is_right_where_not_every_line_raises(rules: str) -> None:
    assert warnings(PORT + rules, TASK % GUID) == []
