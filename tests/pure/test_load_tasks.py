"""Tasks files: what their keys mean once they are read."""

from textwrap import dedent

import pytest

from bridge.mapping.load.rules import load_rules
from bridge.model.conditions import Named
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import Concurrency, Expiry, Registration, Retry
from bridge.model.triggers import (
    ApplicationTrigger,
    CustomSystemEventTrigger,
    DeviceWatcherEventKind,
    DeviceWatcherTrigger,
    MaintenanceTrigger,
    Recurrence,
    SystemTrigger,
    TimeTrigger,
)
from bridge.pipeline.load.tasks import load_tasks
from bridge.pipeline.load.triggers import NOT_ON_LINUX
from bridge.toml.document import parse

JACK = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
DOOR = Guid("{11111111-2222-3333-4444-555555555555}")
RULES = f"""\
[triggers]
jack = "{JACK}"

[[condition]]
name = "docked"
source = "udev"
match = {{ subsystem = "usb", ID_MODEL = "Dock" }}
"""


def load(*files: str) -> tuple[Registration, ...]:
    rules, wrong = load_rules([parse("rules.toml", RULES.encode())])
    documents = [parse(f"{number}.toml", dedent(text).encode()) for number, text in enumerate(files)]
    tasks, problems = load_tasks(documents, rules)
    assert [*wrong, *problems] == []
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

    assert (task.name, task.triggers) == ("t", (CustomSystemEventTrigger(JACK, Recurrence.ALWAYS),))
    assert (task.conditions, task.cancel_on_condition_loss, task.cancel_on) == ((), False, ())
    assert (task.expires, task.concurrency, task.retry) == (Expiry.NEVER, Concurrency.LATEST, Retry(attempts=1))
    assert (task.max_running, task.queue_limit, task.retry.backoff) == (1, 1000, 1_000_000)
    assert (task.run_limit, task.cancel_grace, task.user, task.group) == (25_000_000, 5_000_000, None, None)
    assert (task.run.environment, task.run.cwd) == ({}, "/")
    assert (task.owner, task.from_file) == (None, True)


def test_a_task_has_what_its_file_says() -> None:
    task = one(
        f'triggers = [{{ custom = "jack", recurrence = "always" }}, {{ custom = "{DOOR.text.lower()}" }}]',
        'run = { exec = ["/usr/bin/logger", "jack {dev}"], env = { A = "b", C = "" }, cwd = "/tmp" }',
        'conditions = ["InternetAvailable", "docked"]',
        "cancel_on_condition_loss = true",
        'expires = "90m"',
        'concurrency = "parallel"',
        "max_running = 4",
        "queue_limit = 7",
        'run_limit = "1.5s"',
        'cancel_grace = "0s"',
        'retry = { attempts = 5, backoff = "30s" }',
        'user = "alice"',
        'group = "com.fabrikam"',
    )

    assert [str(each.guid) for each in task.triggers if isinstance(each, CustomSystemEventTrigger)] == [
        JACK.text,
        DOOR.text,
    ]
    assert [each.expand({"dev": "card0"}) for each in task.run.arguments] == ["/usr/bin/logger", "jack card0"]
    assert (task.run.environment, task.run.cwd) == ({"A": "b", "C": ""}, "/tmp")
    assert task.conditions == (Named("InternetAvailable"), Named("docked"))
    assert (task.cancel_on_condition_loss, task.expires) == (True, 90 * 60_000_000)
    assert (task.concurrency, task.max_running, task.queue_limit) == (Concurrency.PARALLEL, 4, 7)
    assert (task.run_limit, task.cancel_grace) == (1_500_000, 0)
    assert task.retry == Retry(attempts=5, backoff=30_000_000)
    assert (task.user, task.group) == ("alice", "com.fabrikam")


@pytest.mark.parametrize(
    ("written", "trigger"),
    [
        ('custom = "jack", recurrence = "once"', CustomSystemEventTrigger(JACK, Recurrence.ONCE)),
        ('custom = "jack", recurrence = "one-shot"', CustomSystemEventTrigger(JACK, Recurrence.ONE_SHOT)),
        ('system = "TimeZoneChange"', SystemTrigger(SystemTriggerType.TIME_ZONE_CHANGE)),
        ('system = "UserAway", one_shot = true', SystemTrigger(SystemTriggerType.USER_AWAY, one_shot=True)),
        ('time = "1s"', TimeTrigger(1_000_000)),
        ('time = "365d", one_shot = true', TimeTrigger(365 * 86_400_000_000, one_shot=True)),
        ('maintenance = "15m", one_shot = false', MaintenanceTrigger(15 * 60_000_000)),
        ('maintenance = "1h", one_shot = true', MaintenanceTrigger(3_600_000_000, one_shot=True)),
        ("application = true", ApplicationTrigger()),
    ],
)
def test_a_trigger_is_what_its_table_says(written: str, trigger: object) -> None:
    assert one(f"triggers = [{{ {written} }}]").triggers == (trigger,)


@pytest.mark.parametrize("kind", [each for each in SystemTriggerType if each not in NOT_ON_LINUX])
def test_every_system_trigger_that_linux_can_have_is_called_as_windows_calls_it(kind: SystemTriggerType) -> None:
    assert one(f'triggers = [{{ system = "{kind}" }}]').triggers == (SystemTrigger(kind),)


def test_a_device_watcher_is_told_of_the_devices_that_pass_its_tests() -> None:
    written = '{ subsystem = "tty", ID_VENDOR_ID = "1A86", "@DRIVER" = { not = "cdc_acm" } }'
    (watcher,) = one(f"triggers = [{{ device_watcher = {written} }}]").triggers

    assert isinstance(watcher, DeviceWatcherTrigger)
    assert watcher.kinds == set(DeviceWatcherEventKind)
    tests = dict(watcher.match)
    assert (tests["subsystem"]("tty"), tests["subsystem"]("usb")) == (True, False)
    assert (tests["ID_VENDOR_ID"]("1a86"), tests["@DRIVER"]("cdc_acm")) == (True, False)


def test_a_device_watcher_is_told_of_the_kinds_that_it_names() -> None:
    (watcher,) = one('triggers = [{ device_watcher = { subsystem = "tty" }, kinds = ["remove", "update"] }]').triggers

    assert isinstance(watcher, DeviceWatcherTrigger)
    assert watcher.kinds == {DeviceWatcherEventKind.REMOVE, DeviceWatcherEventKind.UPDATE}


def test_a_task_can_have_triggers_of_every_kind_in_the_order_of_the_file() -> None:
    task = one(
        """triggers = [
            { time = "1h" }, { custom = "jack" }, { system = "UserPresent" }, { maintenance = "1h" }, { time = "2h" },
            { application = true }, { device_watcher = { subsystem = "tty" } },
            { device_watcher = { subsystem = "usb" } },
        ]"""
    )

    assert [type(each) for each in task.triggers] == [
        TimeTrigger,
        CustomSystemEventTrigger,
        SystemTrigger,
        MaintenanceTrigger,
        TimeTrigger,
        ApplicationTrigger,
        DeviceWatcherTrigger,
        DeviceWatcherTrigger,
    ]


def test_conditions_are_waited_for_to_hold_or_not_to() -> None:
    task = one('conditions = ["UserNotPresent", { not = "docked" }, "BackgroundWorkCostNotHigh"]')

    assert task.conditions == (
        Named("UserNotPresent"),
        Named("docked", wanted=False),
        Named("BackgroundWorkCostNotHigh"),
    )


def test_runs_are_cancelled_by_custom_and_system_triggers() -> None:
    task = one(f'cancel_on = [{{ custom = "{DOOR.text}" }}, {{ system = "UserAway" }}]')

    assert task.cancel_on == (DOOR, SystemTriggerType.USER_AWAY)


@pytest.mark.parametrize(
    ("written", "expires"),
    [("never", Expiry.NEVER), ("boot", Expiry.BOOT), ("1us", 1), ("30d", 30 * 86_400_000_000)],
)
def test_a_raise_expires_as_the_file_says(written: str, expires: object) -> None:
    assert one(f'expires = "{written}"').expires == expires


def test_a_retry_that_says_only_one_thing_leaves_the_other_as_it_is() -> None:
    assert one("retry = { attempts = 1000 }").retry == Retry(attempts=1000, backoff=1_000_000)
    assert one('retry = { backoff = "5m" }').retry == Retry(attempts=1, backoff=300_000_000)


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
        "retry = {}",
        'concurrency = "latest"',
    ],
)
def test_what_says_its_default_says_nothing(line: str) -> None:
    task, usual = one(line), one()

    assert [task.conditions, task.cancel_on, task.expires, task.retry, task.concurrency] == [
        usual.conditions,
        usual.cancel_on,
        usual.expires,
        usual.retry,
        usual.concurrency,
    ]


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
