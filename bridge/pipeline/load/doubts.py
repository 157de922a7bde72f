"""What is legal in tasks files and cannot be as it is meant, with file and line. Nothing here refuses or opens a file.

It is asked of files without errors. A warning is a `Problem`, as an error is; who shows it says which it is.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from bridge.mapping.check.doubts import OF_TESTS, Doubt, Tests
from bridge.model.conditions import SYSTEM_CONDITIONS
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import Registration
from bridge.model.triggers import DeviceWatcherTrigger, SystemTrigger
from bridge.sources.system import SYSTEM
from bridge.sources.udev import UDEV
from bridge.toml.document import Document, Problem
from bridge.toml.schema import root_table


def doubts_of_tasks(
    tasks: Sequence[Registration], documents: Sequence[Document], watched: Collection[str]
) -> list[Problem]:
    """Every warning about these tasks of these files, in order; `watched` are the sources that have a monitor here."""
    found: list[Problem] = []
    roots = [root_table(document, found) for document in documents]
    tables = {table.content["name"]: table for root in roots for table in root.tables("task")}
    for task in tasks:
        table = tables[task.name]
        for doubt in (*_unwatched(task, watched), *_about_devices(task, table.content["triggers"])):
            table.problem(doubt.message, *doubt.keys)
    order = {document.file: place for place, document in enumerate(documents)}
    return sorted(found, key=lambda problem: (order[problem.file], problem.line))


def _unwatched(task: Registration, watched: Collection[str]) -> Iterator[Doubt]:
    """What is never raised or known here, since nothing watches where it comes from."""
    for place, trigger in enumerate(task.triggers):
        match trigger:
            case SystemTrigger(kind) if SYSTEM.name not in watched:
                yield Doubt(f"{_NO_SYSTEM}: {kind} is never raised", ("triggers", place, "system"))
            case DeviceWatcherTrigger() if UDEV.name not in watched:
                yield Doubt("nothing here watches udev: no device is told of", ("triggers", place, "device_watcher"))
    if SYSTEM.name in watched:
        return
    for place, condition in enumerate(task.conditions):
        if condition.name in SYSTEM_CONDITIONS:
            yield Doubt(f"{_NO_SYSTEM}: {condition.name} is never known, so the task waits", ("conditions", place))
    for place, canceling in enumerate(task.cancel_on):
        if isinstance(canceling, SystemTriggerType):
            yield Doubt(f"{_NO_SYSTEM}: {canceling} is never raised", ("cancel_on", place, "system"))


_NO_SYSTEM = "nothing here watches system"


def _about_devices(task: Registration, written: Sequence[dict[str, Any]]) -> Iterator[Doubt]:
    """Tests of devices that mean something else than they say, or that no device passes."""
    for place, trigger in enumerate(task.triggers):
        if isinstance(trigger, DeviceWatcherTrigger):
            keys = ("triggers", place, "device_watcher")
            tests = Tests(UDEV, trigger.match, written[place]["device_watcher"], keys, hears_repeats=False)
            yield from (doubt for find in OF_TESTS for doubt in find(tests))
