"""What the daemon refuses reaches an application under its own name, in words that say what to do."""

from importlib.resources import files
from typing import Any

import pytest

from bridge import BridgeError, BusyError, CallFailedError, InvalidTaskError, NotAllowedError, StoreFullError
from bridge.client.event_args import completed_args
from bridge.client.refusals import named
from bridge.errors import RunFailedError, UnknownNameError
from bridge.varlink.interface import read_interface

INTERFACE = read_interface(files("bridge.varlink").joinpath("org.hwbridge.varlink").read_text(encoding="utf-8"))
TIMED_OUT = "TimedOut"
"""Of Wait, which applications do not call."""
COMPLETED = {"task": "lamp", "what": "completed", "instance_id": "7-1", "state": "succeeded", "at": 5}


def refused(error: str, **fields: Any) -> CallFailedError:
    return named(CallFailedError(f"org.hwbridge.{error}", fields))


@pytest.mark.parametrize(
    ("refusal", "kind", "words"),
    [
        (refused("NotAllowed", method="Register"), NotAllowedError, "members of the group hwbridge may, and root"),
        (refused("NotAllowed", trigger="door"), NotAllowedError, 'let `allow = ["user:..."]` beside it'),
        (refused("NotAllowed", user="alice", method=None), NotAllowedError, "may not have a task run as alice"),
        (refused("NotAllowed", name="lamp"), NotAllowedError, "the task 'lamp' is another user's"),
        (refused("TaskOfFile", name="lamp"), NotAllowedError, "is in a tasks file: change it there"),
        (refused("UnknownTask", name="lamp"), UnknownNameError, "no task has the name 'lamp'"),
        (refused("UnknownTrigger", trigger="door"), UnknownNameError, "'door' is no trigger"),
        (refused("Busy", trigger="door"), BusyError, "ask again later"),
        (refused("TooManyTasks", limit=1000), BusyError, "you have 1000 tasks"),
        (refused("StoreFull", reason="the disk is full"), StoreFullError, "accepts nothing new: the disk is full"),
    ],
    ids=lambda each: each.error.rpartition(".")[2] if isinstance(each, CallFailedError) else None,
)
def test_a_refusal_has_a_name_and_says_what_to_do(
    refusal: CallFailedError, kind: type[CallFailedError], words: str
) -> None:
    assert type(refusal) is kind
    assert words in str(refusal)


def test_everything_that_is_wrong_in_a_task_is_said() -> None:
    reasons = [{"key": "triggers[1].custom", "message": "missing"}, {"key": "", "message": "not there"}]

    refusal = refused("InvalidTask", reasons=reasons)

    assert isinstance(refusal, InvalidTaskError)
    assert str(refusal) == "the task cannot be registered: triggers[1].custom: missing; not there"


def test_each_error_of_the_interface_is_said_in_words() -> None:
    values: dict[str, Any] = {"reasons": [], "limit": 1}
    for name, error in INTERFACE.errors.items():
        fields = {field: values.get(field, "x") for field in error.fields}
        plain = CallFailedError(f"org.hwbridge.{name}", fields)
        assert name == TIMED_OUT or str(named(plain)) != str(plain), name


def test_a_refusal_that_is_not_known_or_lacks_a_field_says_what_it_says() -> None:
    assert str(refused("Tired", of="you")) == "Tired: of 'you'"
    assert str(refused("UnknownTask")) == "UnknownTask"


def test_whatever_is_refused_can_be_caught_as_pythons_own_error() -> None:
    assert isinstance(refused("NotAllowed", method="Register"), PermissionError)
    assert isinstance(refused("UnknownTask", name="lamp"), LookupError)
    assert isinstance(refused("InvalidTask", reasons=[]), ValueError)
    assert isinstance(refused("NotAllowed", method="Register"), BridgeError)


def test_a_run_that_succeeded_has_nothing_to_check() -> None:
    completed_args(COMPLETED).check_result()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"state": "failed", "detail": "exit 3"}, "run 7-1 of task 'lamp' failed: exit 3"),
        ({"state": "canceled"}, "run 7-1 of task 'lamp' was canceled"),
        (
            {"state": "failed", "reason": "ExecutionTimeExceeded", "detail": "killed by SIGKILL"},
            "run 7-1 of task 'lamp' failed (ExecutionTimeExceeded): killed by SIGKILL",
        ),
        ({"state": "again", "detail": "exit 75"}, "run 7-1 of task 'lamp' asked to be run again: exit 75"),
    ],
    ids=lambda each: " ".join(each.values()) if isinstance(each, dict) else "",
)
def test_a_run_that_did_not_succeed_is_raised_when_it_is_checked(said: dict[str, Any], message: str) -> None:
    with pytest.raises(RunFailedError) as failed:
        completed_args({**COMPLETED, **said}).check_result()

    assert str(failed.value) == message
