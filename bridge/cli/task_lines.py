"""Tasks as `list` and `show` print them for people. It asks nobody, and knows only what the interface says of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bridge.cli.columns import moment
from bridge.cli.tables import record_lines, table_lines
from bridge.model.durations import format_duration
from bridge.model.text import count_of

Task = Mapping[str, Any]
_HEAD = ("NAME", "STATE", "RUNNING", "WAITING", "GROUP", "TRIGGERS")


def lines_of_tasks(tasks: Sequence[Task]) -> list[str]:
    """A line for each task, below a head."""
    rows = [
        (
            task["name"],
            task["state"],
            str(len(task["running"])),
            str(sum(each["merged"] for each in task["waiting"])),
            task["group"] or "-",
            ", ".join(_trigger(each) for each in task["triggers"]),
        )
        for task in tasks
    ]
    return table_lines(_HEAD, rows)


def lines_of_task(task: Task) -> list[str]:
    """All that is known of one task."""
    return record_lines(_about(task))


def _about(task: Task) -> Iterator[tuple[str, Sequence[str]]]:
    yield "name", [task["name"]]
    yield "id", [task["task_id"]]
    yield "state", [task["state"]]
    if task["quarantined"] is not None:
        yield "quarantined", [task["quarantined"]]
    if task["failures"]:
        yield "failures", [f"{task['failures']} in a row"]
    if task["group"] is not None:
        yield "group", [task["group"]]
    yield "from", ["a tasks file" if task["from_file"] else f"the API, registered by uid {task['owner']}"]
    if task["user"] is not None:
        yield "user", [task["user"]]
    yield "triggers", [_trigger(each) + _guid(each) + _present(each) for each in task["triggers"]]
    yield "conditions", [f"{_condition(each)}: {each['state']}" for each in task["conditions"]]
    yield "running", [_running(each) for each in task["running"]]
    yield "waiting", [_waiting(each) for each in task["waiting"]]
    yield "definition", [json.dumps(task["definition"], ensure_ascii=False)]


def _trigger(trigger: Mapping[str, Any]) -> str:
    recurrence = {"once": " once a boot", "one_shot": " one-shot"}.get(trigger["recurrence"], "")
    every = f" {format_duration(trigger['period'])}" if trigger["period"] is not None else ""
    return f"{trigger.get('name') or trigger['trigger']}{every}{recurrence}"


def _guid(trigger: Mapping[str, Any]) -> str:
    return f" {trigger['trigger']}" if trigger.get("name") else ""


def _present(trigger: Mapping[str, Any]) -> str:
    if trigger["spent"]:
        return "; went off"
    return f"; next at {moment(trigger['next_at'])}" if trigger["next_at"] is not None else ""


def _condition(condition: Mapping[str, Any]) -> str:
    return str(condition["name"]) if condition["wanted"] else f"not {condition['name']}"


def _running(run: Mapping[str, Any]) -> str:
    said = [f"{run['instance_id']} since {moment(run['started_at'])} by {run['trigger']}", *_counts(run)]
    if run["progress"]:
        said.append(f"progress {run['progress']}")
    if run["canceled"] is not None:
        said.append(f"canceled: {run['canceled']}")
    return ", ".join(said)


def _waiting(waiting: Mapping[str, Any]) -> str:
    said = [f"{waiting['trigger']} of {moment(waiting['raised_at'])}", *_counts(waiting)]
    if waiting["latched"]:
        said.append("latched")
    if waiting["due"] is not None:
        said.append(f"not before {moment(waiting['due'])}")
    return ", ".join(said)


def _counts(activation: Mapping[str, Any]) -> Iterator[str]:
    if activation["key"]:
        yield f"key {activation['key']}"
    if activation["merged"] > 1:
        yield count_of(activation["merged"], "raise")
    if activation["attempt"] > 1:
        yield f"attempt {activation['attempt']}"
    if activation["redelivered"]:
        yield "redelivered"
