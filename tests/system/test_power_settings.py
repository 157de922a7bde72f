"""The table [power] of hwbridge.toml: what it says, and every mistake in it with its line."""

import msgspec
import pytest

from bridge.monitors.power import LIVE
from bridge.monitors.power_settings import PowerSettings
from bridge.toml.document import Problem, parse
from bridge.toml.schema import root_table


def load(text: str) -> tuple[PowerSettings, list[str]]:
    document = parse("hwbridge.toml", f"[power]\n{text}".encode())
    problems: list[Problem] = list(document.problems)
    table = root_table(document, problems).table("power")
    assert table is not None
    return msgspec.convert(LIVE.settings(table), PowerSettings), [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", PowerSettings()),
        ('poll = "off"', PowerSettings(poll=None)),
        ('poll = "5m"\nlow = 0\ncapacity_step = 1', PowerSettings(poll=300_000_000, low=0, capacity_step=1)),
        ('pressure = "off"\nupower = false', PowerSettings(pressure={}, upower=False)),
        ("pressure = { cpu = 90 }", PowerSettings(pressure={"cpu": 90, "memory": 20, "io": 60})),
        ('pressure = { cpu = "off", io = 100 }', PowerSettings(pressure={"memory": 20, "io": 100})),
    ],
)
def test_what_is_not_said_is_as_without_a_table(text: str, expected: PowerSettings) -> None:
    assert load(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('poll = "10ms"', 'hwbridge.toml:2: [power] poll: expected off, or 1s and more, found string "10ms"'),
        ("poll = 60", "hwbridge.toml:2: [power] poll: expected a string, found integer 60"),
        ('poll = "soon"', "hwbridge.toml:2: [power] poll: 'soon' is not a duration"),
        ("low = 101", "hwbridge.toml:2: [power] low: expected an integer, at least 0, at most 100, found integer 101"),
        ("capacity_step = 0", "hwbridge.toml:2: [power] capacity_step: expected an integer, at least 1"),
        ("pressure = 60", "hwbridge.toml:2: [power] pressure: expected off, or a table of cpu, memory, io, found"),
        ("pressure = { cpu = 0 }", "hwbridge.toml:2: [power] pressure.cpu: expected an integer, at least 1"),
        ("pressure = { disk = 5 }", "hwbridge.toml:2: [power] pressure.disk: unknown key; known here: cpu, io, memory"),
        ('upower = "yes"', "hwbridge.toml:2: [power] upower: expected true or false"),
        ("intervall = 5", "hwbridge.toml:2: [power] intervall: unknown key"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_was_meant(text: str, expected: str) -> None:
    settings, (problem,) = load(text)

    assert problem.startswith(expected)
    assert settings == PowerSettings()
