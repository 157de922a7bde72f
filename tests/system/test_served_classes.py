"""Classes that a client of the API serves: its runs, their ends, and what is refused."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from daemon import GUID
from python_daemon import CLSID, Python

from bridge.errors import CallFailedError, NoDaemonError
from bridge.hosts.classes import ClassHost, ServedBy
from bridge.model.guid import Guid


@pytest.fixture
def daemon(tmp_path: Path) -> Python:
    return Python(tmp_path)


def test_a_class_that_nobody_serves_fails_its_run_by_name(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}')
    with daemon:
        daemon.raise_trigger()
        completed = daemon.wait_for_completed(1)

    assert completed == [("failed", f"nobody serves {CLSID}: start the task server of uid {os.geteuid()}")]


def activation_of(answer: dict[str, object]) -> dict[str, object]:
    assert answer["action"] == "activate"
    activation = answer["activation"]
    assert isinstance(activation, dict)
    return activation


def test_a_served_class_is_handed_its_runs_and_tells_their_ends(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}')
    with daemon, daemon.connect() as server:
        answers = server.stream("org.hwbridge.RegisterClass", {"clsid": CLSID.lower()})
        registered = next(answers)
        daemon.raise_trigger(details={"a": "b"}, key="k")
        activation = activation_of(next(answers))
        instance_id = activation.pop("instance_id")
        raised_at = activation.pop("raised_at")
        server.tell("org.hwbridge.ReportProgress", {"instance_id": instance_id, "progress": 7})
        server.tell(
            "org.hwbridge.Complete", {"instance_id": instance_id, "succeeded": False, "detail": "no\nsuch jack"}
        )
        completed = daemon.wait_for_completed(1)

    assert registered == {"action": "registered"}
    assert raised_at
    assert activation == {
        "task": "jack",
        "trigger": GUID,
        "key": "k",
        "details": {"a": "b"},
        "batch": [],
        "merged": 1,
        "redelivered": False,
        "entry_point": None,
    }
    assert completed == [("failed", r"no\nsuch jack")]


def test_hanging_up_fails_the_runs_that_are_not_over(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}')
    with daemon:
        with daemon.connect() as server:
            answers = server.stream("org.hwbridge.RegisterClass", {"clsid": CLSID})
            next(answers)
            daemon.raise_trigger()
            activation_of(next(answers))
        completed = daemon.wait_for_completed(1)

    assert completed == [("failed", "its server hung up before it was over")]


def test_a_single_class_is_handed_one_run_and_then_told_that_it_is_over(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}', concurrency="parallel", max_running=2)
    with daemon, daemon.connect() as server:
        answers = server.stream("org.hwbridge.RegisterClass", {"clsid": CLSID, "use": "single"})
        next(answers)
        daemon.raise_trigger(key="first")
        daemon.raise_trigger(key="second")
        instance_id = activation_of(next(answers))["instance_id"]
        second = daemon.wait_for_completed(1)
        server.tell("org.hwbridge.Complete", {"instance_id": instance_id, "succeeded": True})

        assert list(answers) == [{"action": "revoked"}]
        assert daemon.wait_for_completed(2)[1] == ("succeeded", "completed")
    assert second[0][1].startswith("nobody serves")


def test_a_revoked_class_is_told_so_behind_its_last_run(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}')
    with daemon, daemon.connect() as server:
        answers = server.stream("org.hwbridge.RegisterClass", {"clsid": CLSID})
        next(answers)
        daemon.raise_trigger()
        instance_id = activation_of(next(answers))["instance_id"]
        server.tell("org.hwbridge.RevokeClass", {"clsid": CLSID})
        server.tell("org.hwbridge.Complete", {"instance_id": instance_id, "succeeded": True, "detail": "fine"})

        assert list(answers) == [{"action": "revoked"}]
        assert daemon.wait_for_completed(1) == [("succeeded", "fine")]


def test_a_run_that_does_not_end_when_canceled_costs_its_server_the_connection(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}', run_limit="1s", cancel_grace="50ms")
    with daemon, daemon.connect() as server:
        answers = server.stream("org.hwbridge.RegisterClass", {"clsid": CLSID})
        next(answers)
        daemon.raise_trigger()
        instance_id = activation_of(next(answers))["instance_id"]

        assert next(answers) == {"action": "cancel", "instance_id": instance_id, "reason": "ExecutionTimeExceeded"}
        with pytest.raises(NoDaemonError):
            next(answers)
        assert [state for state, _ in daemon.wait_for_completed(1)] == ["failed"]


def test_what_no_server_has_cannot_be_completed(daemon: Python) -> None:
    daemon.handler("def Handler(instance):\n    say(instance.instance_id)\n    wait()")
    with daemon:
        daemon.raise_trigger()
        daemon.wait_until(lambda: bool(daemon.said()), "the run has begun")
        with pytest.raises(CallFailedError, match="NotAllowed"):
            daemon.call("Complete", instance_id=daemon.said()[0], succeeded=True)
        with pytest.raises(CallFailedError, match="UnknownInstance"):
            daemon.call("Complete", instance_id="1", succeeded=True)
        daemon.release()


@pytest.mark.parametrize("clsid", ["", "{}", "{00000000-0000-0000-0000-000000000000}"])
def test_what_is_no_guid_is_no_class(daemon: Python, clsid: str) -> None:
    with (
        daemon,
        daemon.connect() as server,
        pytest.raises(CallFailedError, match="InvalidParameter: parameter 'clsid'"),
    ):
        next(server.stream("org.hwbridge.RegisterClass", {"clsid": clsid}))


class Said:
    """A server's connection, as far as it is told something."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, object]] = []

    def tell(self, parameters: Mapping[str, object]) -> None:
        self.told.append(parameters)

    end = tell

    def hang_up(self) -> None:
        raise AssertionError("nobody has to")


@pytest.mark.parametrize(("pid", "revoked"), [(0, [True, False]), (7, [True, True])])
def test_a_process_revokes_what_it_serves_and_without_a_pid_what_its_connection_does(
    pid: int, revoked: list[bool]
) -> None:
    loop = asyncio.new_event_loop()
    classes = ClassHost(loop, lambda at: at, print)
    loop.close()
    clsid, lines = Guid.parse(CLSID), [Said(), Said()]
    for line in lines:
        classes.register(ServedBy(clsid=clsid, uid=1000, pid=pid, connection=line, line=line))

    assert not classes.revoke(clsid, 1001, pid, None)
    assert classes.revoke(clsid, 1000, pid, lines[0])
    assert [line.told == [{"action": "revoked"}] for line in lines] == revoked
    assert classes.revoke(clsid, 1000, pid, lines[0]) is False
