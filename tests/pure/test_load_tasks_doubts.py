"""Tasks that are legal, and wait for what cannot come: a warning for each reason, at its place."""

from textwrap import dedent

import pytest

from bridge.mapping.table import RuleTable
from bridge.pipeline.load.doubts import doubts_of_tasks
from bridge.pipeline.load.tasks import load_tasks
from bridge.sources import SOURCES
from bridge.toml.document import parse

EVERYTHING = frozenset(SOURCES)
TASK = """\
    [[task]]
    name = "%s"
    triggers = [
        { system = "TimeZoneChange" },
        { time = "1h" },
        { device_watcher = { subsystem = "tty" } },
    ]
    conditions = ["InternetAvailable", { not = "UserPresent" }]
    cancel_on = [{ custom = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}" }, { system = "UserAway" }]
    run = { exec = ["/bin/true"] }
    """


def doubts(*files: str, watched: frozenset[str]) -> list[str]:
    documents = [parse(f"{name}.toml", dedent(text).encode()) for name, text in zip("abc", files, strict=False)]
    tasks, problems = load_tasks(documents, RuleTable())
    assert problems == []
    return [str(doubt) for doubt in doubts_of_tasks(tasks, documents, watched)]


def test_a_task_of_which_everything_is_watched_has_no_warning() -> None:
    assert doubts(TASK % "t", watched=EVERYTHING) == []


def test_what_nothing_watches_is_named_where_a_task_waits_for_it() -> None:
    assert doubts(TASK % "t", watched=EVERYTHING - {"system"}) == [
        'a.toml:4: [task "t"] triggers[1].system: nothing here watches system: TimeZoneChange is never raised',
        (
            'a.toml:8: [task "t"] conditions[1]: nothing here watches system: InternetAvailable is never known, '
            "so the task waits"
        ),
        (
            'a.toml:8: [task "t"] conditions[2]: nothing here watches system: UserPresent is never known, '
            "so the task waits"
        ),
        'a.toml:9: [task "t"] cancel_on[2].system: nothing here watches system: UserAway is never raised',
    ]


def test_a_device_watcher_needs_somebody_who_watches_devices() -> None:
    assert doubts(TASK % "t", watched=EVERYTHING - {"udev"}) == [
        'a.toml:6: [task "t"] triggers[3].device_watcher: nothing here watches udev: no device is told of'
    ]


def test_warnings_stand_in_the_order_of_files_and_lines() -> None:
    found = doubts(TASK % "z" + TASK % "b", TASK % "a", watched=frozenset())

    places = [each.split(": ")[0] for each in found]
    assert places == [
        *(f"a.toml:{line}" for line in (4, 6, 8, 8, 9, 14, 16, 18, 18, 19)),
        *(f"b.toml:{line}" for line in (4, 6, 8, 8, 9)),
    ]


@pytest.mark.parametrize(
    ("tests", "warning"),
    [
        (
            '{ subsystem = "usb|tty" }',
            (
                "device_watcher.subsystem: | is a character like any other; for alternatives write a list: "
                '["usb", "tty"]'
            ),
        ),
        (
            '{ devpath = "/sys/devices/virtual/*" }',
            ('device_watcher.devpath: a devpath is below /sys, and does not say so: "/devices/virtual/*"'),
        ),
    ],
)
def test_tests_of_devices_that_cannot_be_meant_are_told(tests: str, warning: str) -> None:
    text = f'[[task]]\nname = "t"\nrun = {{ exec = ["a"] }}\ntriggers = [{{ device_watcher = {tests} }}]\n'

    assert doubts(text, watched=EVERYTHING) == [f'a.toml:4: [task "t"] triggers[1].{warning}']
