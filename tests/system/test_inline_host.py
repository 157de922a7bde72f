"""The inline host: functions instead of programs."""

import asyncio
import sys

import pytest

from bridge.hosts.host import Ended
from bridge.hosts.inline import Handler, InlineHost
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, Exec, Instance, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised

GUID = Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
TASK = Registration(
    name="Jack",
    triggers=(CustomSystemEventTrigger(GUID),),
    run=Exec(arguments=(Template.parse("/bin/true"),)),
)
INSTANCE = Instance(
    instance_id="1",
    task=TASK,
    raised=Raised(at=0, trigger=GUID, rule=None, key="card0", details={"jack": "headphone"}),
)


def run(handlers: dict[str, Handler]) -> list[Ended]:
    reported: list[Ended] = []
    InlineHost(handlers, reported.append).start(INSTANCE)
    return reported


def test_a_handler_is_called_with_its_instance_before_start_returns() -> None:
    called: list[Instance] = []
    reported = run({"Jack": called.append})

    assert called == [INSTANCE]
    assert reported == [Ended(instance_id="1", succeeded=True, detail="returned")]


def test_a_task_without_a_handler_succeeds_at_once() -> None:
    called: list[Instance] = []
    reported = run({"Another": called.append})

    assert called == []
    assert reported == [Ended(instance_id="1", succeeded=True, detail="no handler")]


def fails(instance: Instance) -> None:
    raise ValueError(f"no jack\nin {instance.raised.key}")


def leaves(instance: Instance) -> None:
    sys.exit(3)


@pytest.mark.parametrize(("handler", "detail"), [(fails, r"ValueError: no jack\nin card0"), (leaves, "SystemExit: 3")])
def test_an_exception_fails_its_run_in_printable(handler: Handler, detail: str) -> None:
    assert run({"Jack": handler}) == [Ended(instance_id="1", succeeded=False, detail=detail)]


def test_a_run_that_is_over_can_be_neither_cancelled_nor_killed() -> None:
    reported: list[Ended] = []
    host = InlineHost({}, reported.append)
    host.start(INSTANCE)
    host.cancel("1", CancellationReason.Abort)
    host.kill("1")
    asyncio.run(host.close())

    assert len(reported) == 1
