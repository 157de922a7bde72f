"""Triggers, principals, and tasks as values: what is not valid cannot be built."""

import pytest

from bridge.errors import InvalidValueError
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, Exec, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Principal, PrincipalKind, Recurrence

GUID = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
ECHO = Exec(arguments=(Template.parse("/bin/echo"),))


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("user:alice", PrincipalKind.USER, "alice"),
        ("group:audio", PrincipalKind.GROUP, "audio"),
        ("user:svc-1_x$", PrincipalKind.USER, "svc-1_x$"),
    ],
)
def test_a_principal_is_a_user_or_a_group_by_name(text: str, kind: PrincipalKind, name: str) -> None:
    assert Principal.parse(text) == Principal(kind, name)


@pytest.mark.parametrize("text", ["", "alice", "user:", ":alice", "users:alice", "User:alice", "user:a:b", "user:a\n"])
def test_anything_else_is_refused_and_says_what_was_meant(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Principal.parse(text)

    assert str(caught.value) == f'"{text}" is neither user:NAME nor group:NAME'


def test_recurrence_has_windows_numbers_then_ours_and_always_is_the_default() -> None:
    assert [(each.name, each.value) for each in Recurrence] == [("ONCE", 0), ("ALWAYS", 1), ("ONE_SHOT", 2)]
    assert CustomSystemEventTrigger(GUID).recurrence is Recurrence.ALWAYS


def test_cancellation_reasons_have_windows_names_and_numbers() -> None:
    assert [each.name for each in CancellationReason] == [
        "Abort",
        "Terminating",
        "LoggingOff",
        "ServicingUpdate",
        "IdleTask",
        "Uninstall",
        "ConditionLoss",
        "SystemPolicy",
        "QuietHoursEntered",
        "ExecutionTimeExceeded",
        "ResourceRevocation",
        "EnergySaver",
    ]
    assert [each.value for each in CancellationReason] == list(range(12))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": ""}, "task name '' is empty"),
        ({"name": "a\nb"}, r"task name 'a\\nb' is empty or holds characters that cannot be printed"),
        ({"triggers": ()}, "task 't' has no trigger"),
        ({"max_running": 0}, "max_running and queue_limit are at least 1"),
        ({"queue_limit": 0}, "max_running and queue_limit are at least 1"),
        ({"run_limit": 0}, "run_limit is more than 0"),
        ({"cancel_grace": -1}, "cancel_grace not less"),
    ],
)
def test_a_registration_that_makes_no_sense_cannot_be_built(wrong: dict[str, object], message: str) -> None:
    right = {"name": "t", "triggers": (CustomSystemEventTrigger(GUID),), "run": ECHO}

    assert Registration(**right).name == "t"  # type: ignore[arg-type]  # values of several types by name
    with pytest.raises(InvalidValueError, match=message):
        Registration(**{**right, **wrong})  # type: ignore[arg-type]  # as above


def test_a_program_needs_a_name_and_an_absolute_directory() -> None:
    with pytest.raises(InvalidValueError, match="exec is empty"):
        Exec(arguments=())
    with pytest.raises(InvalidValueError, match="cwd 'tmp' is not an absolute path"):
        Exec(arguments=ECHO.arguments, cwd="tmp")
