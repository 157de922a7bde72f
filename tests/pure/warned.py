"""Warnings about rules and tasks that a test writes in short. Nothing here is expected."""

import json
from collections.abc import Collection
from textwrap import dedent

from bridge.mapping.check.warnings import Written, warnings_of
from bridge.mapping.load.rules import load_rules
from bridge.pipeline.load.tasks import load_tasks
from bridge.sources import SOURCES
from bridge.toml.document import parse
from tests.pure.said import complete

PORT = '[[serial]]\nname = "scanner"\nport = "/dev/scanner"\n'
COUNTER = '[[serial]]\nname = "counter"\nport = "/dev/counter"\nframe = { length = 3 }\n'
TASK = """
    [[task]]
    name = "scan"
    triggers = [{ custom = "%s" }]
    run = { exec = ["/bin/true"] }
    """


def written_of(rules: str, tasks: str, naming: str, watched: Collection[str]) -> Written:
    rule_file, task_file = parse("rules.toml", complete(rules).encode()), parse("tasks.toml", dedent(tasks).encode())
    names = [parse("names.toml", naming.encode())]
    table, problems = load_rules([rule_file], names)
    registrations, more = load_tasks([task_file], table)
    assert [str(problem) for problem in (*problems, *more)] == []
    return Written(
        rules=table,
        tasks=registrations,
        rule_files=[rule_file],
        task_files=[task_file],
        naming=names,
        watched=watched,
    )


def warnings(rules: str, tasks: str = "", naming: str = "", watched: Collection[str] = SOURCES) -> list[str]:
    """The warnings about rules that raise GUID and are of evdev unless they say otherwise, as `key: message`."""
    found = warnings_of(written_of(rules, tasks, naming, watched))
    return [f"{problem.key}: {problem.message}" for problem in found]


def rule(match: str, *more: str, source: str = "evdev") -> str:
    name = [] if any(line.startswith("name =") for line in more) else [f"name = {json.dumps(f'{match} {more}')}"]
    return "\n".join(["[[rule]]", *name, f'source = "{source}"', f"match = {{ {match} }}", *more, ""])
