"""Who may what over the API, as far as the system's users decide; and every method, called by another user."""

import json
import os
import pwd
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from daemon import NOBODY, ROOT, Daemon, environment_of, needs_root
from registering import ON_REQUEST, register, shown

from bridge.model.tasks import Exec, Registration
from bridge.model.templates import Template
from bridge.model.triggers import ApplicationTrigger
from bridge.service.access import may_report, may_run_as
from bridge.service.callers import Caller
from bridge.varlink.interface import read_interface

INTERFACE = read_interface(files("bridge.varlink").joinpath("org.hwbridge.varlink").read_text(encoding="utf-8"))
STRANGER = NOBODY - 1
OURSELVES = pwd.getpwuid(os.geteuid()).pw_name
NOBODYS_NAME = pwd.getpwuid(NOBODY).pw_name
CALLS_OF_ANOTHER_USER = """
import json, os, sys
from bridge.client.connection import Connection
from bridge.errors import CallFailedError
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
answers = {}
for method, parameters in json.loads(sys.argv[2]).items():
    with Connection(sys.argv[1], timeout_seconds=60) as connection:
        try:
            connection.call(f"org.hwbridge.{method}", parameters)
            answers[method] = "done"
        except CallFailedError as error:
            answers[method] = [error.error, error.parameters]
print(json.dumps(answers))
"""


def caller(uid: int) -> Caller:
    return Caller(uid=uid, gid=uid, pid=1, groups=frozenset())


def task_of(user: str | None) -> Registration:
    program = Exec(arguments=(Template.parse("/bin/true"),))
    return Registration(name="lamp", triggers=(ApplicationTrigger(),), run=program, user=user)


def test_only_root_has_a_task_run_as_another_user() -> None:
    assert may_run_as(caller(0), NOBODYS_NAME)
    assert may_run_as(caller(NOBODY), NOBODYS_NAME)
    assert not may_run_as(caller(NOBODY), "root")
    assert not may_run_as(caller(STRANGER), NOBODYS_NAME)


def test_a_user_that_nobody_is_is_not_forbidden_but_wrong() -> None:
    assert may_run_as(caller(NOBODY), "no-such-user")
    assert may_run_as(caller(NOBODY), "\0")


def test_the_user_of_a_run_and_those_who_may_everything_report_on_it() -> None:
    assert may_report(caller(0), task_of("no-such-user"))
    assert may_report(caller(os.geteuid()), task_of(None))
    assert may_report(caller(NOBODY), task_of(NOBODYS_NAME)) or os.geteuid() != 0
    assert not may_report(caller(STRANGER), task_of(None))
    assert not may_report(caller(STRANGER), task_of(OURSELVES))
    assert not may_report(caller(STRANGER), task_of("no-such-user"))


@needs_root
def test_every_method_but_status_is_refused_by_name_to_another_user(public: Path) -> None:
    with Daemon(public) as daemon:
        register(daemon, "lamp", "sleep 1000 & wait", triggers=ON_REQUEST)
        daemon.call("RequestTask", name="lamp")
        (run,) = shown(daemon, "lamp")["running"]
        calls = {
            "Raise": {"trigger": "{00000000-0000-0000-0000-000000000001}"},
            "Register": {"task": {"name": "lamp"}},
            "Validate": {"task": {}},
            "Unregister": {"name": "lamp"},
            "AllTasks": {},
            "AllTaskGroups": {},
            "RequestTask": {"name": "no such task"},
            "Cancel": {"instance_id": run["instance_id"]},
            "Reset": {"name": "lamp"},
            "ReportProgress": {"instance_id": run["instance_id"], "progress": 1},
            "History": {},
            "Status": {},
        }
        done = subprocess.run(
            [sys.executable, "-c", CALLS_OF_ANOTHER_USER, str(daemon.socket), json.dumps(calls)],
            cwd=ROOT,
            env=environment_of(None),
            capture_output=True,
            text=True,
            check=True,
        )
        still = shown(daemon, "lamp")

    about = {"Raise": calls["Raise"], "ReportProgress": {"instance_id": run["instance_id"]}}
    refused = {name: ["org.hwbridge.NotAllowed", about.get(name, {"method": name})] for name in calls}
    assert calls.keys() == INTERFACE.methods.keys()
    assert json.loads(done.stdout) == {**refused, "Status": "done"}
    assert still["running"] == [run]
