"""One task that no file has: the same checks, all the reasons, and a definition from which it is loaded again."""

import json
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mapping.load.rules import load_rules
from bridge.mapping.table import RuleTable
from bridge.model.conditions import Named
from bridge.model.guid import Guid
from bridge.model.tasks import Registration
from bridge.model.triggers import CustomSystemEventTrigger
from bridge.pipeline.load.tasks import load_task, load_tasks
from bridge.toml.document import parse

JACK = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
DOOR = Guid("{11111111-2222-3333-4444-555555555555}")
RULES = """\
[triggers]
jack = "%s"

[[condition]]
name = "docked"
source = "udev"
match = { subsystem = "usb", ID_MODEL = "Dock" }
"""
TASK = {"name": "t", "triggers": [{"custom": "jack"}], "run": {"exec": ["/bin/true"]}}
FULL = {
    "name": "t",
    "triggers": [
        {"custom": "jack", "recurrence": "one-shot"},
        {"system": "UserAway", "one_shot": True},
        {"time": "15m"},
        {"maintenance": "1h", "one_shot": True},
        {"application": True},
        {"device_watcher": {"subsystem": ["tty", "usb"], "attr.id": {"min": 3}}, "kinds": ["add"]},
    ],
    "conditions": ["InternetAvailable", {"not": "docked"}],
    "cancel_on_condition_loss": True,
    "cancel_on": [{"system": "TimeZoneChange"}, {"custom": DOOR.text}],
    "expires": "boot",
    "run": {"exec": ["/bin/echo", "{dev}", "ä"], "env": {"A": "b"}, "cwd": "/tmp"},
    "concurrency": "queue",
    "max_running": 2,
    "queue_limit": 3,
    "run_limit": "infinity",
    "cancel_grace": "1s",
    "retry": {"attempts": 2, "backoff": "2s"},
    "user": "alice",
    "group": "g",
}


def rules(jack: Guid = JACK) -> RuleTable:
    table, problems = load_rules([parse("rules.toml", (RULES % jack).encode())])
    assert problems == []
    return table


def registered(definition: str | dict[str, object], table: RuleTable | None = None) -> Registration:
    task, problems = load_task(definition, table or rules(), owner=1000)
    assert problems == ()
    assert task is not None
    return task


def in_file(text: str) -> Registration:
    (task,), problems = load_tasks([parse("a.toml", text.encode())], rules())
    assert problems == []
    return task


def reasons(definition: str | dict[str, object]) -> list[str]:
    task, problems = load_task(definition, rules(), owner=1000)
    assert task is None
    return [str(problem) for problem in problems]


def test_a_registered_task_means_what_it_would_mean_in_a_file() -> None:
    over_api = registered(TASK)
    written = in_file('[[task]]\nname = "t"\ntriggers = [{ custom = "jack" }]\nrun = { exec = ["/bin/true"] }')

    assert (over_api.from_file, over_api.owner) == (False, 1000)
    assert (written.from_file, written.owner) == (True, None)
    assert (over_api.name, over_api.triggers, over_api.run) == (written.name, written.triggers, written.run)
    assert (over_api.definition, over_api.task_id) == (written.definition, written.task_id)


def test_json_text_means_what_its_values_mean() -> None:
    assert registered(json.dumps(FULL)) == registered(FULL)


def test_any_mapping_will_do() -> None:
    task, _ = load_task(MappingProxyType(TASK), rules(), owner=1000)

    assert task == registered(TASK)


def test_every_reason_is_told_with_its_key_and_without_a_line() -> None:
    _, problems = load_task(
        {
            "name": "sync",
            "triggers": [{"custom": "jac"}, {"time": "0s"}],
            "run": {},
            "conditions": ["docke"],
            "user": None,
        },
        rules(),
        owner=1000,
    )

    assert [(problem.key, problem.message) for problem in problems] == [
        ("triggers[1].custom", "'jac' is not a name in [triggers] or a GUID; did you mean jack?"),
        ("triggers[2].time", "expected a time from 1s to 365d, found '0s'"),
        ("run", "needs one of exec, python, clsid, unit"),
        ("conditions[1]", "no condition has the name 'docke'; did you mean docked?"),
        ("user", "expected a string, found null"),
    ]
    assert {(problem.file, problem.line, problem.where) for problem in problems} == {('task "sync"', 0, "")}
    assert str(problems[0]).startswith('task "sync": triggers[1].custom: ')


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("{", "task: no JSON: Input data was truncated"),
        ("[]", "task: expected a table, found an array"),
        ("null", "task: expected a table, found null"),
        ('{"name": "\\ud800"}', "task: no JSON: Input data was truncated"),
        ("[" * 100_000, "task: arrays or inline tables nested too deeply"),
        ('{"name": "x", "run": ' + "[" * 40 + "]" * 40 + "}", 'task "x": arrays or inline tables nested too deeply'),
    ],
)
def test_what_is_no_table_of_a_task_is_refused_as_a_whole(definition: str, reason: str) -> None:
    assert reasons(definition) == [reason]


def test_a_task_is_called_by_its_name_only_where_that_can_be_shown() -> None:
    assert reasons({**TASK, "name": 5}) == ["task: name: expected a string, found integer 5"]
    assert reasons({**TASK, "name": "\x1b[31m"}) == [
        'task "\\x1b[31m": name: a name is not empty or blank, and all of it can be printed'
    ]


def test_two_spellings_of_a_table_are_one_definition() -> None:
    written = in_file(f"""\
        [[task]]
        run = {{ exec = ["/bin/true"], env = {{ A = "1", B = "2" }} }}
        name = "t"
        [[task.triggers]]
        recurrence = "once"
        custom = "{JACK.text.lower()}"
        """)
    run = {"env": {"B": "2", "A": "1"}, "exec": ["/bin/true"]}
    over_api = registered({"triggers": [{"custom": "jack", "recurrence": "once"}], "run": run, "name": "t"})

    assert written.definition == over_api.definition


@pytest.mark.parametrize(
    "change",
    [
        {"triggers": [{"custom": "jack", "recurrence": "once"}]},
        {"run": {"exec": ["/bin/true", ""]}},
        {"group": "g"},
        {"conditions": ["docked"]},
        {"cancel_on": [{"custom": DOOR.text}]},
    ],
)
def test_a_table_that_says_something_else_is_another_definition(change: dict[str, object]) -> None:
    assert registered({**TASK, **change}).definition != registered(TASK).definition


def test_a_name_that_is_given_to_another_trigger_makes_another_definition() -> None:
    assert registered(TASK, rules(DOOR)).definition != registered(TASK).definition


def test_a_kept_definition_is_loaded_again_as_it_was() -> None:
    task = registered(FULL)

    assert load_task(task.definition, None, owner=1000) == (task, ())


def test_a_kept_task_is_loaded_though_its_names_are_gone() -> None:
    definition = registered({**TASK, "conditions": ["docked"]}).definition

    task, problems = load_task(definition, None, owner=1000)

    assert problems == ()
    assert task is not None
    assert (task.triggers, task.conditions) == ((CustomSystemEventTrigger(JACK),), (Named("docked"),))


def test_a_kept_task_that_this_version_does_not_understand_is_told_of() -> None:
    task, problems = load_task(json.dumps({**TASK, "triggers": [{"lunar": "full"}]}), None, owner=1000)

    assert task is None
    assert [str(problem) for problem in problems] == [
        'task "t": triggers[1]: needs one of custom, system, time, maintenance, application, device_watcher',
        (
            'task "t": triggers[1].lunar: unknown key; known here: application, custom, device_watcher, kinds, '
            "maintenance, one_shot, recurrence, system, time"
        ),
    ]


def test_of_a_task_over_the_api_the_first_50_problems_are_told() -> None:
    task, problems = load_task(FULL | {f"key_{number}": 0 for number in range(200)}, rules(), owner=None)

    assert task is None
    assert [problem.key for problem in problems] == [f"key_{number}" for number in range(50)]


def test_a_task_over_the_api_has_at_most_64_kib_and_one_that_was_kept_any_size() -> None:
    long = {"name": "t", "triggers": [{"custom": JACK.text}], "run": {"exec": ["/bin/true", "x" * 65536]}}

    task, problems = load_task(long, rules(), owner=None)
    assert task is None
    assert [problem.message for problem in problems] == [
        f"a task has at most 65536 characters as JSON, this one has {len(msgspec.json.encode(long))}"
    ]
    assert load_task(long, None, owner=None)[1] == ()


def test_a_name_has_at_most_256_characters() -> None:
    assert load_task(FULL | {"name": "ü" * 256}, rules(), owner=None)[1] == ()
    assert [problem.message for problem in load_task(FULL | {"name": "ü" * 257}, rules(), owner=None)[1]] == [
        "a name has at most 256 characters, this one has 257"
    ]


words = st.sampled_from(
    ["", "jack", "docked", "UserPresent", "UserNotPresent", "add", "1s", "15m", "boot", "once", "tty", "{a}", "{", "\0"]
)
known = (
    "custom system time maintenance application device_watcher kinds recurrence one_shot not exec env cwd python clsid"
)
more = "interpreter path attempts backoff subsystem action since regex x"
names = st.sampled_from([*FULL, *known.split(), *more.split()])
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=3), words)
values = st.recursive(
    scalars,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(names, each, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.dictionaries(names, values, max_size=8), st.booleans())
def test_no_table_leads_to_anything_but_a_task_or_reasons(table: dict[str, object], like_a_task: bool) -> None:
    definition = {**FULL, **table} if like_a_task else table

    task, problems = load_task(definition, rules(), owner=None)

    assert (task is None) is bool(problems)
    assert all(str(problem).isprintable() for problem in problems)
    if task is not None:
        assert load_task(task.definition, None, owner=None) == (task, ())


@given(st.text(max_size=40) | values.map(json.dumps))
def test_no_text_leads_to_anything_but_a_task_or_reasons(text: str) -> None:
    task, problems = load_task(text, rules(), owner=None)

    assert (task is None) is bool(problems)
