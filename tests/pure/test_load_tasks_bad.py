"""What is wrong in a task: each mistake is told on its line, by its key, with what was meant."""

import pytest

from bridge.mapping.table import RuleTable
from bridge.model.guid import Guid
from bridge.model.triggers import NamedTrigger
from bridge.pipeline.load.tasks import load_tasks
from bridge.pipeline.load.triggers import NOT_ON_LINUX
from bridge.toml.document import parse

JACK = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
NAMES = {"jack": NamedTrigger(name="jack", guid=Guid(JACK))}
CONDITIONS = (
    "BackgroundWorkCostNotHigh, FreeNetworkAvailable, InternetAvailable, InternetNotAvailable, SessionConnected, "
    "SessionDisconnected, UserNotPresent, UserPresent"
)
SYSTEM = (
    "BackgroundWorkCostChange, InternetAvailable, NetworkStateChange, PowerStateChange, ServicingComplete, "
    "SessionConnected, TimeZoneChange, UserAway, UserPresent"
)
FOREVER = "can never hold together with conditions[1]: the task would wait for ever"
KINDS = "custom, system, time, maintenance, application, device_watcher"
FORM = "a number and one of us, ms, s, m, h, d, as in '20ms'"


def in_task(*lines: str) -> list[str]:
    """What is said of a task whose lines from the second on are these, and which is right beside them."""
    usual = ['name = "t"', 'triggers = [{ custom = "jack" }]', 'run = { exec = ["/bin/true"] }']
    given = {line.partition(" =")[0] for line in lines}
    needed = [line for line in usual if line.partition(" =")[0] not in given]
    document = parse("a.toml", "\n".join(["[[task]]", *lines, *needed]).encode())
    return [str(problem) for problem in load_tasks([document], RuleTable((), NAMES))[1]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'triggers = [{ custom = "jack", recurrence = "allways" }]',
            (
                "triggers[1].recurrence: expected one of always, once, one-shot, "
                'found string "allways"; did you mean always?'
            ),
        ),
        (
            'triggers = [{ custom = "jack", one_shot = true }]',
            (
                "triggers[1].one_shot: stands only beside system, time, maintenance; "
                'beside custom write recurrence = "one-shot"'
            ),
        ),
        ('triggers = [{ custom = "jack", kinds = ["add"] }]', "triggers[1].kinds: stands only beside device_watcher"),
        (
            (
                'triggers = [{ custom = "jack" }, { custom = '
                '"{9118718b-ff80-4afe-baf1-d88a4525f3ab}", recurrence = "once" }]'
            ),
            "triggers[2]: is the same trigger as triggers[1]; a task has each once",
        ),
        (
            'triggers = [{ custom = "jack", system = "UserAway" }]',
            f"triggers[1].system: cannot stand beside custom: at most one of {KINDS}",
        ),
        ("triggers = [{ system = 5 }]", "triggers[1].system: expected a string, found integer 5"),
        (
            'triggers = [{ system = "TimezoneChange" }]',
            "triggers[1].system: 'TimezoneChange' is no system trigger; did you mean TimeZoneChange?",
        ),
        ('triggers = [{ system = "Frob" }]', f"triggers[1].system: 'Frob' is no system trigger; there are {SYSTEM}"),
        (
            'triggers = [{ system = "SessionDisconnected" }]',
            "triggers[1].system: SessionDisconnected is a condition, and no trigger; did you mean SessionConnected?",
        ),
        (
            'triggers = [{ system = "FreeNetworkAvailable" }]',
            "triggers[1].system: FreeNetworkAvailable is a condition, and no trigger; did you mean InternetAvailable?",
        ),
        (
            'triggers = [{ system = "Suspend" }]',
            "triggers[1].system: Windows has no trigger Suspend; let a rule of the source system raise a custom one",
        ),
        (
            'triggers = [{ system = "Invalid" }]',
            f"triggers[1].system: 'Invalid' is no system trigger; there are {SYSTEM}",
        ),
        (
            'triggers = [{ system = "UserAway", recurrence = "once" }]',
            (
                "triggers[1].recurrence: stands only beside custom; "
                "beside system write one_shot = true, or nothing for always"
            ),
        ),
        (
            'triggers = [{ system = "UserAway" }, { time = "1s" }, { system = "UserAway", one_shot = true }]',
            "triggers[3]: is the same trigger as triggers[1]; a task has each once",
        ),
        ('triggers = [{ time = "999ms" }]', "triggers[1].time: expected a time from 1s to 365d, found '999ms'"),
        ('triggers = [{ time = "366d" }]', "triggers[1].time: expected a time from 1s to 365d, found '366d'"),
        ("triggers = [{ time = 15 }]", f"triggers[1].time: 15 is not a duration: {FORM}"),
        ('triggers = [{ maintenance = "0s" }]', "triggers[1].maintenance: expected a time from 1s to 365d, found '0s'"),
        ('triggers = [{ maintenance = "15m", kinds = [] }]', "triggers[1].kinds: stands only beside device_watcher"),
        (
            'triggers = [{ time = "60s" }, { time = "1m" }]',
            "triggers[2]: is the same trigger as triggers[1]; a task has each once",
        ),
        (
            'triggers = [{ maintenance = "60s" }, { maintenance = "1m", one_shot = true }]',
            "triggers[2]: is the same trigger as triggers[1]; a task has each once",
        ),
        ('triggers = [{ application = "yes" }]', 'triggers[1].application: expected true or false, found string "yes"'),
        ("triggers = [{ application = false }]", f"triggers[1]: needs one of {KINDS}"),
        (
            "triggers = [{ application = true, one_shot = true }]",
            "triggers[1].one_shot: stands only beside system, time, maintenance",
        ),
        (
            "triggers = [{ application = true }, { application = true }]",
            "triggers[2]: is the same trigger as triggers[1]; a task has each once",
        ),
        ('triggers = [{ device_watcher = "tty" }]', 'triggers[1].device_watcher: expected a table, found string "tty"'),
        (
            "triggers = [{ device_watcher = {} }]",
            "triggers[1].device_watcher: an empty table would hold for every device; name at least one field",
        ),
        (
            'triggers = [{ device_watcher = { subsytem = "tty" } }]',
            "triggers[1].device_watcher.subsytem: unknown field of udev; did you mean subsystem?",
        ),
        (
            'triggers = [{ device_watcher = { subsystem = "tty", action = "add" } }]',
            "triggers[1].device_watcher.action: kinds says what is told of the devices: add, remove, update",
        ),
        (
            'triggers = [{ device_watcher = { subsystem = "tty", since = { below = "1s" } } }]',
            "triggers[1].device_watcher.since: tells events apart, and not devices",
        ),
        (
            'triggers = [{ device_watcher = { subsystem = "tty" }, kinds = [] }]',
            "triggers[1].kinds: is empty: nothing would be told of the devices; leave it out for all kinds",
        ),
        (
            'triggers = [{ device_watcher = { subsystem = "tty" }, kinds = ["added"] }]',
            'triggers[1].kinds[1]: expected one of add, update, remove, found string "added"; did you mean add?',
        ),
        (
            'triggers = [{ device_watcher = { subsystem = "tty" }, kinds = ["add", "remove", "add"] }]',
            "triggers[1].kinds[3]: add stands there already",
        ),
        (
            'triggers = [{ device_watcher = { subsystem = "tty" }, kinds = "add" }]',
            'triggers[1].kinds: expected an array, found string "add"',
        ),
        (
            'triggers = [{ device_watcher = { subsystem = "tty" }, recurrence = "once" }]',
            "triggers[1].recurrence: stands only beside custom",
        ),
        (
            (
                'triggers = [{ device_watcher = { subsystem = "tty", DRIVER = "x" } }, '
                '{ device_watcher = { DRIVER = "x", subsystem = "tty" }, kinds = ["add"] }]'
            ),
            "triggers[2]: is the same trigger as triggers[1]; a task has each once",
        ),
        ('conditions = "InternetAvailable"', 'conditions: expected an array, found string "InternetAvailable"'),
        ('conditions = ["docked"]', f"conditions[1]: no condition has the name 'docked'; there are {CONDITIONS}"),
        (
            'conditions = [{ not = "docked" }]',
            f"conditions[1]: no condition has the name 'docked'; there are {CONDITIONS}",
        ),
        ('conditions = [{ not = { not = "docked" } }]', "conditions[1]: expected a string, found a table"),
        (
            'conditions = [{ custom = "docked" }]',
            "conditions[1]: expected the name of a condition or { not = name }, found a table",
        ),
        (
            'conditions = ["TimeZoneChange"]',
            (
                f"conditions[1]: TimeZoneChange is a trigger: it happens, "
                f"and is not true for a while; there are {CONDITIONS}"
            ),
        ),
        ('conditions = ["UserPresent", "UserPresent"]', "conditions[2]: says the same as conditions[1]"),
        ('conditions = ["UserPresent", { not = "UserNotPresent" }]', "conditions[2]: says the same as conditions[1]"),
        ('conditions = ["UserPresent", "InternetAvailable", { not = "UserPresent" }]', f"conditions[3]: {FOREVER}"),
        ('conditions = ["UserPresent", "UserNotPresent"]', f"conditions[2]: {FOREVER}"),
        ('conditions = ["InternetNotAvailable", "InternetAvailable"]', f"conditions[2]: {FOREVER}"),
        ('conditions = ["SessionConnected", "SessionDisconnected"]', f"conditions[2]: {FOREVER}"),
        ('conditions = [{ not = "SessionConnected" }, { not = "SessionDisconnected" }]', f"conditions[2]: {FOREVER}"),
        (
            "cancel_on_condition_loss = true",
            "cancel_on_condition_loss: means nothing without conditions: there is none to lose",
        ),
        ('cancel_on_condition_loss = "yes"', 'cancel_on_condition_loss: expected true or false, found string "yes"'),
        (
            'cancel_on = { custom = "jack" }',
            "cancel_on: expected an array of tables, found a table; a table of the array begins with [[",
        ),
        (
            'cancel_on = [{ custom = "jack" }]',
            "cancel_on[1]: is one of the task's triggers, too: it would cancel what it starts",
        ),
        (
            'cancel_on = [{ system = "UserAway" }, { system = "UserAway" }]',
            "cancel_on[2]: is the same trigger as cancel_on[1]; a task has each once",
        ),
        (
            'cancel_on = [{ custom = "jac" }]',
            "cancel_on[1].custom: 'jac' is not a name in [triggers] or a GUID; did you mean jack?",
        ),
        (
            'cancel_on = [{ system = "UserAway", one_shot = true }]',
            "cancel_on[1].one_shot: unknown key; known here: custom, system",
        ),
        ('cancel_on = ["jack"]', 'cancel_on[1]: expected a table, found string "jack"'),
        ('expires = "bot"', 'expires: expected never, boot or a duration, found string "bot"; did you mean boot?'),
        ('expires = "0s"', 'expires: 0 would drop every raise at once; for no limit write "never"'),
        ("expires = 5", "expires: expected never, boot or a duration, found integer 5"),
        ("expires = true", "expires: expected never, boot or a duration, found boolean true"),
        ("retry = 3", "retry: expected a table, found integer 3"),
        ("retry = { attempts = 0 }", "retry.attempts: expected an integer, at least 1, at most 1000, found integer 0"),
        (
            "retry = { attempts = 1001 }",
            "retry.attempts: expected an integer, at least 1, at most 1000, found integer 1001",
        ),
        (
            'retry = { attempts = 2, backoff = "0s" }',
            "retry.backoff: expected more than 0 and at most 5m, where doubling ends, found '0s'",
        ),
        (
            'retry = { attempts = 2, backoff = "301s" }',
            "retry.backoff: expected more than 0 and at most 5m, where doubling ends, found '301s'",
        ),
        ('retry = { attempts = 2, backof = "1s" }', "retry.backof: unknown key; did you mean backoff?"),
        ("group = 5", "group: expected a string, found integer 5"),
        ('group = ""', "group: a name is not empty or blank, and all of it can be printed"),
    ],
)
def test_what_is_wrong_is_told_by_its_key_with_what_was_meant(line: str, message: str) -> None:
    assert in_task(line) == [f'a.toml:2: [task "t"] {message}']


@pytest.mark.parametrize("kind", [str(each) for each in NOT_ON_LINUX])
@pytest.mark.parametrize("key", ["triggers", "cancel_on"])
def test_a_system_trigger_that_linux_has_nothing_for_is_refused_with_the_reason(kind: str, key: str) -> None:
    (message,) = in_task(f'{key} = [{{ system = "{kind}" }}]')

    assert message.startswith(f'a.toml:2: [task "t"] {key}[1].system: {kind} never goes off on Linux: ')


def test_what_is_wrong_in_an_array_is_told_on_the_line_of_its_element() -> None:
    told = in_task(
        "triggers = [",
        '    { custom = "jack" },',
        '    { time = "1s", one_shot = "yes" },',
        '    { custom = "jack", recurrence = "once" },',
        "]",
        "conditions = [",
        '    "UserPresent",',
        '    { not = "UserPresent" },',
        "]",
        "cancel_on = [",
        '    { system = "UserAway" },',
        '    { custom = "jack" },',
        "]",
    )

    assert told == [
        'a.toml:4: [task "t"] triggers[2].one_shot: expected true or false, found string "yes"',
        'a.toml:5: [task "t"] triggers[3]: is the same trigger as triggers[1]; a task has each once',
        f'a.toml:9: [task "t"] conditions[2]: {FOREVER}',
        'a.toml:13: [task "t"] cancel_on[2]: is one of the task\'s triggers, too: it would cancel what it starts',
    ]


def test_what_cancels_is_a_custom_or_a_system_trigger_only() -> None:
    assert in_task('cancel_on = [{ time = "1s" }]') == [
        'a.toml:2: [task "t"] cancel_on[1]: needs one of custom, system',
        'a.toml:2: [task "t"] cancel_on[1].time: unknown key; known here: custom, system',
    ]


def test_two_kinds_of_trigger_in_one_table_are_refused_and_each_is_looked_at() -> None:
    assert in_task('triggers = [{ custom = "jac", time = "5" }]') == [
        'a.toml:2: [task "t"] triggers[1].time: cannot stand beside custom: at most one of ' + KINDS,
        "a.toml:2: [task \"t\"] triggers[1].custom: 'jac' is not a name in [triggers] or a GUID; did you mean jack?",
        f"a.toml:2: [task \"t\"] triggers[1].time: '5' is not a duration: {FORM}",
    ]
    assert in_task('triggers = [{ custom = "jack", system = false }]') == [
        'a.toml:2: [task "t"] triggers[1].system: expected a string, found boolean false'
    ]


def test_each_field_that_no_device_has_is_told() -> None:
    told = in_task('triggers = [{ device_watcher = { subsytem = "tty", DEVNAME = [] } }]')

    assert told == [
        'a.toml:2: [task "t"] triggers[1].device_watcher.subsytem: unknown field of udev; did you mean subsystem?',
        'a.toml:2: [task "t"] triggers[1].device_watcher.DEVNAME: an empty list matches nothing',
    ]
