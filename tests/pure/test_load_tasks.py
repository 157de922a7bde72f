"""Tasks files: what their keys mean once they are read."""

from textwrap import dedent

import pytest

from bridge.dispatch.load import load_tasks
from bridge.model.guid import Guid
from bridge.model.tasks import Concurrency, Registration
from bridge.model.triggers import CustomSystemEventTrigger, NamedTrigger
from bridge.toml.document import parse

JACK = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
DOOR = Guid("{11111111-2222-3333-4444-555555555555}")
NAMES = {"jack": NamedTrigger(name="jack", guid=JACK)}


def load(*files: str) -> tuple[Registration, ...]:
    documents = [parse(f"{number}.toml", dedent(text).encode()) for number, text in enumerate(files)]
    tasks, problems = load_tasks(documents, NAMES)
    assert problems == []
    return tasks


def one(*lines: str) -> Registration:
    """The one task that has these lines, and what it needs beside them."""
    usual = {
        "name": 'name = "t"',
        "triggers": 'triggers = [{ custom = "jack" }]',
        "run =": 'run = { exec = ["/bin/echo"] }',
    }
    needed = [line for key, line in usual.items() if not any(each.startswith(key) for each in lines)]
    (task,) = load("\n".join(["[[task]]", *needed, *lines]))
    return task


def test_a_task_has_the_defaults_of_the_contract() -> None:
    task = one()

    assert (task.name, task.triggers) == ("t", (CustomSystemEventTrigger(JACK),))
    assert (task.concurrency, task.max_running, task.queue_limit) == (Concurrency.LATEST, 1, 1000)
    assert (task.run_limit, task.cancel_grace, task.user) == (25_000_000, 5_000_000, None)
    assert (task.run.environment, task.run.cwd) == ({}, "/")


def test_a_task_has_what_its_file_says() -> None:
    task = one(
        f'triggers = [{{ custom = "jack", recurrence = "always" }}, {{ custom = "{DOOR.text.lower()}" }}]',
        'run = { exec = ["/usr/bin/logger", "jack {dev}"], env = { A = "b", C = "" }, cwd = "/tmp" }',
        'concurrency = "parallel"',
        "max_running = 4",
        "queue_limit = 7",
        'run_limit = "1.5s"',
        'cancel_grace = "0s"',
        'user = "alice"',
    )

    assert [each.guid for each in task.triggers] == [JACK, DOOR]
    assert [each.expand({"dev": "card0"}) for each in task.run.arguments] == ["/usr/bin/logger", "jack card0"]
    assert (task.run.environment, task.run.cwd) == ({"A": "b", "C": ""}, "/tmp")
    assert (task.concurrency, task.max_running, task.queue_limit) == (Concurrency.PARALLEL, 4, 7)
    assert (task.run_limit, task.cancel_grace, task.user) == (1_500_000, 0, "alice")


@pytest.mark.parametrize("concurrency", list(Concurrency))
def test_every_concurrency_of_the_contract_is_there(concurrency: Concurrency) -> None:
    assert one(f'concurrency = "{concurrency.value}"').concurrency is concurrency


def test_a_run_may_go_on_for_ever() -> None:
    assert one('run_limit = "infinity"').run_limit is None


def test_tasks_of_all_files_stand_in_the_order_of_files_and_positions() -> None:
    task = '[[task]]\nname = "%s"\ntriggers = [{ custom = "jack" }]\nrun = { exec = ["/bin/true"] }\n'

    assert [each.name for each in load(task % "c" + task % "a", "", task % "b")] == ["c", "a", "b"]


@pytest.mark.parametrize(
    "line",
    [
        "conditions = []",
        "cancel_on_condition_loss = false",
        "cancel_on = []",
        'expires = "never"',
        'retry = { attempts = 1, backoff = "1s" }',
    ],
)
def test_what_is_not_there_yet_is_accepted_where_it_says_its_default(line: str) -> None:
    assert one(line) == one()


def test_a_table_written_out_means_the_same_as_one_line() -> None:
    (task,) = load("""\
        [[task]]
        name = "t"
        [[task.triggers]]
        custom = "jack"
        [task.run]
        exec = [
            "/bin/echo",
        ]
        """)

    assert task == one()


@pytest.mark.parametrize("name", ["a.b", "@ID_PATH", "x y", " touch f; "])
def test_a_template_that_can_name_no_detail_is_refused(name: str) -> None:
    text = f'[[task]]\nname = "t"\ntriggers = [{{ custom = "jack" }}]\nrun = {{ exec = ["/bin/sh", "{{{name}}}"] }}\n'
    _, problems = load_tasks([parse("a.toml", text.encode())], NAMES)

    assert [str(problem) for problem in problems] == [
        f'a.toml:4: [task "t"] run.exec[2]: {{{name}}} names no detail; write {{{{ and }}}} for the braces themselves'
    ]
