"""Benches with tasks, and what they say of them: what the tests of the plugin share."""

from bridge.testing.bench import Bench
from bridge.testing.expected import Expectations
from tests.plugin.strangers import PROJECT

GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
RULES = f"""\
[triggers]
"scan.arrived" = "{GUID}"

[[condition]]
name = "docked"
source = "udev"
match = {{ subsystem = "dock", DOCKED = 1 }}
"""
RUN = 'run = { exec = ["x"] }\n'


def task(more: str = "", triggers: str = '{ custom = "scan.arrived" }', name: str = "send") -> str:
    return f'[[task]]\nname = "{name}"\ntriggers = [{triggers}]\n{RUN}{more}\n'


def bench_with(*tasks: str) -> Bench:
    bench = Bench(PROJECT, Expectations(update=False))
    bench.replay(rules=RULES, tasks="".join(tasks))
    return bench


def lines(bench: Bench) -> list[str]:
    return [line.partition(" ")[2] for line in bench._told.lines]


def explained(bench: Bench) -> list[str]:
    """The lines about tasks."""
    shown = bench.explanation().splitlines()
    return [line.strip() for line in shown[shown.index("rules:") + 2 :]]
