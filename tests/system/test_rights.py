"""Every method, called by every kind of user: who may is answered, who may not is refused by name."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from calling import answer, answers
from daemon import NOBODY, Daemon, User
from made_users import among_made_users, user
from registering import ON_REQUEST, defined, register, shown

from bridge.varlink.interface import read_interface

INTERFACE = read_interface(files("bridge.varlink").joinpath("org.hwbridge.varlink").read_text(encoding="utf-8"))
OWN = "{00000000-0000-4000-8000-000000000001}"
"""The trigger of the task of the user `supplementary`."""
DOOR = "{00000000-0000-4000-8000-000000000002}"
"""One that a rules file lets the user `allowed` raise."""
CLASS = "{00000000-0000-4000-8000-000000000003}"
"""The class that another task of `supplementary` names."""
RULES = f'[triggers]\ndoor = {{ guid = "{DOOR}", allow = ["user:allowed"] }}\n'
UNTIL_LET_GO = "trap '' TERM; read line < go"

DONE = "done"
METHOD, NAME, TRIGGER, RUN = "method", "name", "trigger", "instance_id"
"""The field of NotAllowed that says what is not allowed."""
KINDS = ("root", "supplementary", "primary", "outsider", "allowed", "nobody")
EVERYBODY = (DONE,) * 6
MEMBERS = (DONE, DONE, DONE, METHOD, METHOD, METHOD)
OWNER = (DONE, DONE, NAME, METHOD, METHOD, METHOD)
Row = tuple[str, str, Mapping[str, Any], tuple[str, ...]]


def kind(name: str) -> User:
    """The rights of a kind of caller."""
    return {"root": User(uid=0, gid=0), "nobody": User(uid=NOBODY, gid=NOBODY)}.get(name) or user(name)


@contextmanager
def bench() -> Iterator[Daemon]:
    """A daemon with a task of a file, of root's and of the user `supplementary`, the last two of which run."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        daemon = Daemon(Path(made))
        (Path(made) / "go").chmod(0o666)  # handlers of other users wait there
        daemon.rules(RULES)
        daemon.task("of a file", "true", triggers=(DOOR,))
        with daemon:
            endless = {"run_limit": "infinity"}
            register(daemon, "root's", UNTIL_LET_GO, triggers=ON_REQUEST, user="outsider", **endless)
            for task in (
                defined(daemon, "a member's", UNTIL_LET_GO, triggers=[*ON_REQUEST, {"custom": OWN}], **endless),
                {"name": "of a class", "triggers": ON_REQUEST, "run": {"clsid": CLASS}},
            ):
                answer(daemon.socket, kind("supplementary"), "Register", task=task)
            for name in ("root's", "a member's"):
                daemon.call("RequestTask", name=name)
            yield daemon
            for _ in range(3):  # the one that was raised, too
                daemon.release()
            daemon.wait_until_idle()


def run_of(daemon: Daemon, name: str) -> str:
    """The id of the task's only run."""
    (run,) = shown(daemon, name)["running"]
    return str(run["instance_id"])


def rows(daemon: Daemon) -> list[Row]:
    """Calls, and what each kind of caller is to be answered."""
    mine, roots = run_of(daemon, "a member's"), run_of(daemon, "root's")
    anew = {"name": "new of {kind}", "triggers": ON_REQUEST, "run": {"exec": ["/bin/true"]}}
    own = {**anew, "name": "a member's"}
    reported = (DONE, DONE, RUN, RUN, RUN, RUN)
    class_, late = (DONE, DONE, "clsid", METHOD, METHOD, METHOD), "TimedOut"
    return [
        ("how the daemon is", "Status", {}, EVERYBODY),
        ("what the service is", "org.varlink.service.GetInfo", {}, EVERYBODY),
        ("what methods there are", *_description(), EVERYBODY),
        ("a new task", "Register", {"task": anew}, MEMBERS),
        ("is a new task right", "Validate", {"task": anew}, MEMBERS),
        ("is a task of that name right", "Validate", {"task": own}, OWNER),
        ("a task of a file's name", "Register", {"task": {**anew, "name": "of a file"}}, _of_file()),
        ("a task of another user", "Register", {"task": {**anew, "user": "allowed"}}, _user("allowed")),
        ("is a task of root right", "Validate", {"task": {**anew, "user": "root"}}, _user("root")),
        ("a task of a class", "Validate", {"task": {**anew, "run": {"clsid": CLASS}}}, class_),
        ("all tasks", "AllTasks", {}, MEMBERS),
        ("all groups", "AllTaskGroups", {}, MEMBERS),
        ("a member's task", "AllTasks", {"name": "a member's"}, OWNER),
        ("a file's task", "AllTasks", {"name": "of a file"}, _roots()),
        ("no task", "AllTasks", {"name": "no task"}, ("UnknownTask",) * 3 + (METHOD,) * 3),
        ("to run it", "RequestTask", {"name": "a member's"}, OWNER),
        ("to run a file's", "RequestTask", {"name": "of a file"}, _roots()),
        ("to run root's", "RequestTask", {"name": "root's"}, _roots()),
        ("its quarantine", "Reset", {"name": "a member's"}, OWNER),
        ("a file's quarantine", "Reset", {"name": "of a file"}, _roots()),
        ("its history", "History", {"task": "a member's"}, OWNER),
        ("the history", "History", {}, MEMBERS),
        ("its run's progress", "ReportProgress", {"instance_id": mine, "progress": 1}, reported),
        ("progress of a run of outsider's", "ReportProgress", {"instance_id": roots, "progress": 1}, _outsiders()),
        ("its trigger", "Raise", {"trigger": OWN}, (DONE, DONE) + (TRIGGER,) * 4),
        ("one that nobody has", "Raise", {"trigger": CLASS}, (DONE,) + (TRIGGER,) * 5),
        ("one that is allowed", "Raise", {"trigger": "door"}, (DONE, *(TRIGGER,) * 3, DONE, TRIGGER)),
        ("the system's", "Raise", {"trigger": "TimeZoneChange"}, (TRIGGER,) * 6),
        ("to wait for its trigger", "Wait", {"trigger": OWN, "timeout": 1}, _waits(late, late, TRIGGER)),
        ("to wait for one that is allowed", "Wait", {"trigger": "door", "timeout": 1}, _waits(late, TRIGGER, TRIGGER)),
        (
            "to wait for the system's",
            "Wait",
            {"trigger": "TimeZoneChange", "timeout": 1},
            _waits(late, TRIGGER, TRIGGER),
        ),
        ("to watch", "Watch", {"since": 0}, MEMBERS),
        ("to watch its task", "Watch", {"since": 0, "task": "a member's"}, OWNER),
        ("to watch devices", "Watch", {"since": 0, "events": True}, (DONE,) + (METHOD,) * 5),
        ("why it does not run", "Explain", {"name": "a member's"}, OWNER),
        ("why a file's does not run", "Explain", {"name": "of a file"}, _roots()),
        ("to serve its class", "RegisterClass", {"clsid": CLASS}, class_),
        ("to serve one that nobody names", "RegisterClass", {"clsid": OWN}, MEMBERS),
        ("to serve no more", "RevokeClass", {"clsid": CLASS}, class_),
        ("to say that a run is over", "Complete", {"instance_id": mine, "succeeded": True}, (RUN,) * 6),
        ("to end its run", "Cancel", {"instance_id": mine}, (DONE, DONE, RUN, METHOD, METHOD, METHOD)),
        ("to end root's run", "Cancel", {"instance_id": roots}, (DONE, RUN, RUN, METHOD, METHOD, METHOD)),
        ("to take out a file's", "Unregister", {"name": "of a file"}, _of_file()),
        ("to take out root's", "Unregister", {"name": "root's"}, (DONE, NAME, NAME, METHOD, METHOD, METHOD)),
        ("to take out its own", "Unregister", {"name": "new of {kind}"}, MEMBERS),
    ]


def _description() -> tuple[str, Mapping[str, Any]]:
    return "org.varlink.service.GetInterfaceDescription", {"interface": "org.hwbridge"}


def _waits(*members: str) -> tuple[str, ...]:
    return (*members, METHOD, METHOD, METHOD)


def _of_file() -> tuple[str, ...]:
    return ("TaskOfFile", NAME, NAME, METHOD, METHOD, METHOD)


def _roots() -> tuple[str, ...]:
    return (DONE, NAME, NAME, METHOD, METHOD, METHOD)


def _user(name: str) -> tuple[str, ...]:
    return (DONE, "user", "user", METHOD, METHOD, METHOD)


def _outsiders() -> tuple[str, ...]:
    return (DONE, RUN, RUN, DONE, RUN, RUN)


def outcome(method: str, parameters: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """An answer in a word: done, or the error's name, or of NotAllowed the field, which says what is not allowed."""
    error = str(found.get("error", "")).removeprefix("org.hwbridge.")
    if error != "NotAllowed":
        return error or DONE
    ((field, about),) = found["parameters"].items()
    task = parameters.get("task")
    of_task = task if isinstance(task, dict) else {"name": task}
    meant = {"method": method, "clsid": CLASS, **of_task, **parameters}
    assert about == meant[field], found
    return str(field)


def filled(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The parameters as this kind of caller gives them."""
    return dict(json.loads(json.dumps(parameters).replace("{kind}", name)))


@among_made_users
def test_every_method_is_answered_to_those_who_may_and_refused_by_name_to_others() -> None:
    with bench() as daemon:
        table = rows(daemon)
        found: dict[str, list[str]] = {words: [] for words, _, _, _ in table}
        for name in reversed(KINDS):  # root last: what it takes away is there for the others
            calls = [(method, filled(parameters, name)) for _, method, parameters, _ in table]
            given = answers(daemon.socket, kind(name), calls)
            for (words, *_), (method, parameters), one in zip(table, calls, given, strict=True):
                found[words].insert(0, outcome(method, parameters, one))

    wrong = {words: found[words] for words, _, _, expected in table if tuple(found[words]) != expected}
    assert not wrong, wrong
    assert {method for _, method, _, _ in table if "." not in method} == INTERFACE.methods.keys()
