"""What an `exec` handler is given, from an instance and an account."""

import json

import pytest

from bridge.errors import HandlerError
from bridge.hosts.accounts import Account
from bridge.hosts.invocation import LONGEST_DETAIL_VARIABLE, Invocation, invocation_of
from bridge.model.guid import Guid
from bridge.model.tasks import Exec, Instance, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised

GUID = Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
ALICE = Account(name="alice", uid=1000, gid=1000, home="/home/alice", shell="/bin/bash")
CLEAN = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/home/alice",
    "USER": "alice",
    "LOGNAME": "alice",
    "SHELL": "/bin/bash",
}
OURS = {
    "HWBRIDGE_TASK": "Jack",
    "HWBRIDGE_INSTANCE_ID": "7",
    "HWBRIDGE_TRIGGER": "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}",
    "HWBRIDGE_KEY": "card0",
    "HWBRIDGE_MERGED": "2",
    "HWBRIDGE_SOCKET": "/run/hwbridge/hwbridge.sock",
}


def invocation(
    *arguments: str,
    details: dict[str, str] | None = None,
    batch: tuple[dict[str, str], ...] = (),
    environment: dict[str, str] | None = None,
) -> Invocation:
    run = Exec(
        arguments=tuple(Template.parse(argument) for argument in arguments or ("/bin/true",)),
        environment=environment or {},
        cwd="/srv",
    )
    task = Registration(name="Jack", triggers=(CustomSystemEventTrigger(GUID),), run=run)
    raised = Raised(at=104_000, trigger=GUID, rule="headphones-in", key="card0", details=details or {})
    instance = Instance(instance_id="7", task=task, raised=raised, merged=2, batch=batch)
    return invocation_of(instance, ALICE, "/run/hwbridge/hwbridge.sock", raised_at=1_700_000_000_000_000)


def test_the_json_object_holds_the_contracts_names_in_their_order() -> None:
    given = invocation(details={"jack": "Kopfhörer"}, batch=({"jack": "mic"}, {"jack": "Kopfhörer"}))

    assert list(json.loads(given.standard_input).items()) == [
        ("task", "Jack"),
        ("instance_id", "7"),
        ("trigger", "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"),
        ("key", "card0"),
        ("details", {"jack": "Kopfhörer"}),
        ("merged", 2),
        ("redelivered", False),
        ("raised_at", 1_700_000_000_000_000),
        ("batch", [{"jack": "mic"}, {"jack": "Kopfhörer"}]),
    ]


def test_the_json_object_is_one_line_that_a_shell_can_read() -> None:
    given = invocation(details={"text": "two\nlines"})

    assert given.standard_input.endswith(b"}\n")
    assert given.standard_input.count(b"\n") == 1


def test_the_environment_is_clean_and_ours() -> None:
    assert invocation().environment == CLEAN | OURS


def test_details_are_variables_in_upper_case() -> None:
    environment = invocation(details={"jack": "headphone", "ID_PATH": "pci-0"}).environment

    assert environment == CLEAN | OURS | {"HWBRIDGE_DETAIL_JACK": "headphone", "HWBRIDGE_DETAIL_ID_PATH": "pci-0"}


def test_of_two_details_that_are_equal_in_upper_case_the_first_is_the_variable() -> None:
    environment = invocation(details={"Jack": "first", "jack": "second"}).environment

    assert environment["HWBRIDGE_DETAIL_JACK"] == "first"


def test_a_detail_over_8_kib_is_in_the_json_object_only() -> None:
    fits, too_long = "x" * LONGEST_DETAIL_VARIABLE, "ö" * (LONGEST_DETAIL_VARIABLE // 2) + "x"
    given = invocation(details={"fits": fits, "too_long": too_long, "TOO_LONG": "short"})

    assert given.environment == CLEAN | OURS | {"HWBRIDGE_DETAIL_FITS": fits}
    assert json.loads(given.standard_input)["details"]["too_long"] == too_long


def test_a_tasks_own_variables_replace_the_clean_ones_but_not_ours() -> None:
    environment = invocation(environment={"PATH": "/opt/bin", "A": "{b}", "HWBRIDGE_INSTANCE_ID": "8"}).environment

    assert environment == CLEAN | OURS | {"PATH": "/opt/bin", "A": "{b}"}


def test_a_template_stays_one_argument() -> None:
    given = invocation("/usr/bin/logger", "jack {dev}", "{dev}", "{absent}", details={"dev": "a  'b' $c\n*"})

    assert given.arguments == ("/usr/bin/logger", "jack a  'b' $c\n*", "a  'b' $c\n*", "")


def test_the_runs_own_names_win_over_details_of_the_same_name() -> None:
    details = {"key": "k", "trigger": "t", "task": "n", "instance_id": "i", "merged": "m"}
    given = invocation("/bin/echo", "{key} {task} {instance_id} {merged}", "{trigger}", details=details)

    assert given.arguments[1:] == ("card0 Jack 7 2", "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")


@pytest.mark.parametrize("template", ["{dev}", "{absent}{dev}"])
def test_an_argument_that_is_all_template_may_not_become_an_option(template: str) -> None:
    with pytest.raises(HandlerError, match=r"exec\[3\] is all \{(dev|absent)\} and became '-rf'"):
        invocation("/bin/rm", "--", template, details={"dev": "-rf"})


@pytest.mark.parametrize("template", ["-{dev}", "--name={dev}", "a{dev}", "-v"])
def test_an_argument_that_text_begins_may_become_an_option(template: str) -> None:
    assert invocation("/bin/rm", template, details={"dev": "-rf"}).arguments[1].endswith(("-rf", "-v"))


def test_the_cwd_is_the_tasks() -> None:
    assert invocation().cwd == "/srv"


@pytest.mark.parametrize("template", ["{dev}.txt", "{absent}-x", "{dev} x"])
def test_an_argument_with_text_of_its_own_may_begin_with_a_dash(template: str) -> None:
    given = invocation("/bin/echo", template, details={"dev": "-5"})

    assert given.arguments[1].startswith("-")
