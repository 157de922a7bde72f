"""Rules and tasks for benchmarks, as their files would give them. Nothing is measured here."""

from collections.abc import Sequence
from itertools import count

from bridge.mapping.load.rules import load_rules
from bridge.mapping.table import RuleTable
from bridge.pipeline.facts import Declared
from bridge.pipeline.load.tasks import load_tasks
from bridge.pipeline.pipeline import Pipeline
from bridge.toml.document import parse

GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
TASK = f'[[task]]\nname = "task"\ntriggers = [{{ custom = "{GUID}" }}]\nrun = {{ exec = ["true"] }}\n'


def rules_of(matches: Sequence[str], source: str = "evdev", more: str = "") -> RuleTable:
    """One rule for each `match`, written as in TOML; `more` are further lines of all of them."""
    text = "".join(
        f'[[rule]]\nname = "rule {number}"\nsource = "{source}"\nmatch = {match}\nraise = "{GUID}"\n{more}\n'
        for number, match in enumerate(matches)
    )
    parts = [parse(f"{start}.toml", part.encode()) for start, part in enumerate(_parts(text))]
    table, problems = load_rules(parts)
    assert not problems, problems[0]
    return table


def _parts(text: str) -> list[str]:
    """The text in files of a readable size: one file has at most 1 MiB."""
    rules = text.split("[[rule]]\n")[1:]
    return [
        "".join(f"[[rule]]\n{rule}" for rule in rules[start : start + 2000]) for start in range(0, len(rules), 2000)
    ]


def pipeline_of(rules: RuleTable, *, with_task: bool = False) -> Pipeline:
    """A pipeline with these rules, and a task that runs for what they raise."""
    numbers = count(1)
    pipeline = Pipeline(lambda: str(next(numbers)))
    tasks, problems = load_tasks([parse("task.toml", TASK.encode())] if with_task else [], rules)
    assert not problems
    pipeline.receive(Declared(at=0, rules=rules, tasks=tasks))
    return pipeline
