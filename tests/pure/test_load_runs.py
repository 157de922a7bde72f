"""What a task runs, as its table says it: a program, a Python handler, or a class that somebody serves."""

import pytest

from bridge.mapping.table import RuleTable
from bridge.model.guid import Guid
from bridge.model.tasks import Handler, Python, ServedClass
from bridge.pipeline.load.tasks import load_tasks
from bridge.toml.document import parse

TASK = '[[task]]\nname = "t"\ntriggers = [{{ application = true }}]\nrun = {{ {} }}\n'


def run_of(written: str) -> Handler:
    (task,), problems = load_tasks([parse("a.toml", TASK.format(written).encode())], RuleTable())
    assert problems == []
    return task.run


def wrong_in(written: str) -> list[str]:
    _, problems = load_tasks([parse("a.toml", TASK.format(written).encode())], RuleTable())
    return [str(problem).removeprefix('a.toml:4: [task "t"] run') for problem in problems]


@pytest.mark.parametrize(
    ("written", "run"),
    [
        ('python = "tasks:Jack"', Python(entry_point="tasks:Jack")),
        ('python = "fabrikam.audio.tasks:Outer.Jack"', Python(entry_point="fabrikam.audio.tasks:Outer.Jack")),
        (
            'python = "tasks:Jack", interpreter = "/opt/x/bin/python", path = ["/opt/x", "/opt/y"]',
            Python(entry_point="tasks:Jack", interpreter="/opt/x/bin/python", path=("/opt/x", "/opt/y")),
        ),
        ('python = "tasks:Jack", path = []', Python(entry_point="tasks:Jack")),
        (
            'clsid = "14c5882b-35d3-41be-86b2-5106269b97e6"',
            ServedClass(clsid=Guid.parse("{14C5882B-35D3-41BE-86B2-5106269B97E6}")),
        ),
    ],
)
def test_a_handler_is_what_its_table_says(written: str, run: Handler) -> None:
    assert run_of(written) == run


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('python = "tasks"', ".python: python 'tasks' is not a module and a class, as in 'package.tasks:Jack'"),
        ('python = "tasks:"', ".python: python 'tasks:' is not a module and a class, as in 'package.tasks:Jack'"),
        ('python = "../x:y"', ".python: python '../x:y' is not a module and a class, as in 'package.tasks:Jack'"),
        ('python = "a:b", path = ["x"]', ".path[1]: 'x' is not an absolute path"),
        ('python = "a:b", path = "/x"', '.path: expected an array, found string "/x"'),
        ('python = "a:b", interpreter = "python3"', ".interpreter: 'python3' is not an absolute path"),
        (
            'python = "a:b", cwd = "/"',
            ".cwd: unknown key; known here: clsid, exec, interpreter, path, python, unit",
        ),
        (
            'python = "a:b", exec = ["x"]',
            ".exec: cannot stand beside python: at most one of exec, python, clsid, unit",
        ),
        ('clsid = "{}"', ".clsid: '{}' is not a GUID such as {9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"),
        (
            'clsid = "{00000000-0000-0000-0000-000000000000}"',
            ".clsid: '{00000000-0000-0000-0000-000000000000}' is not a usable GUID: the nil GUID names nothing",
        ),
    ],
)
def test_a_handler_that_is_none_is_refused_with_its_place(written: str, message: str) -> None:
    assert wrong_in(written) == [message]
