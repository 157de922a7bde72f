"""ServicingComplete: it goes off once for those tasks whose package has another version than when it was seen last."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from bridge.dispatch.decisions import Decision, Looked
from bridge.dispatch.dispatcher import Dispatcher
from bridge.dispatch.kept import Restored, TaskKept, TaskState
from bridge.model.events import Event
from bridge.model.packages import PackageVersion
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import CancellationReason, Registration
from bridge.model.triggers import Raised, SystemTrigger
from bridge.pipeline.facts import RegisterTask
from bridge.pipeline.pipeline import Pipeline
from tests.pure.test_dispatcher import dispatcher_of, raised, said, started, task

SERVICING = SystemTriggerType.SERVICING_COMPLETE
OLD, NEW = PackageVersion("fabrikam", "1.0-1"), PackageVersion("fabrikam", "1.1-1")


def asking(name: str = "migrate", **more: object) -> Registration:
    given = {"triggers": (SystemTrigger(SERVICING),), "definition": "first", **more}
    return replace(task(name), **given)  # type: ignore[arg-type]  # fields of several types by name


def looked(dispatcher: Dispatcher, at: int = 1, **packages: PackageVersion) -> list[Decision]:
    return dispatcher.looked(Looked(at=at, packages=packages))


def details(decisions: Sequence[Decision]) -> list[tuple[str, Mapping[str, str]]]:
    """What runs begin, and what they are told."""
    return [(each.task.name, each.raised.details) for each in started([*decisions])]


def kept(decisions: Sequence[Decision]) -> list[str]:
    return [each.state.package for each in decisions if isinstance(each, TaskKept)]


def test_a_package_that_is_seen_for_the_first_time_was_installed_and_not_serviced() -> None:
    decisions = looked(dispatcher_of(asking()), migrate=OLD)

    assert started(decisions) == []
    assert kept(decisions) == ["fabrikam 1.0-1"]


def test_another_version_is_servicing_and_is_told_once() -> None:
    dispatcher = dispatcher_of(asking())
    looked(dispatcher, migrate=OLD)

    assert details(looked(dispatcher, migrate=NEW)) == [("migrate", {"task": "migrate", "version": "1.1-1"})]
    assert looked(dispatcher, migrate=NEW) == []


def test_an_older_version_is_another_one_too() -> None:
    dispatcher = dispatcher_of(asking())
    looked(dispatcher, migrate=NEW)

    assert details(looked(dispatcher, migrate=OLD)) == [("migrate", {"task": "migrate", "version": "1.0-1"})]


def test_a_task_whose_program_is_another_packages_now_was_not_updated_but_may_be_later() -> None:
    dispatcher = dispatcher_of(asking())
    looked(dispatcher, migrate=OLD)
    dispatcher.declare([asking(definition="another program")], 2)

    assert started(looked(dispatcher, migrate=PackageVersion("fabrikam-tools", "7"))) == []
    assert len(started(looked(dispatcher, migrate=PackageVersion("fabrikam-tools", "8")))) == 1


def test_only_tasks_of_the_package_run() -> None:
    dispatcher = dispatcher_of(asking("migrate"), asking("other"))
    looked(dispatcher, migrate=OLD, other=PackageVersion("contoso", "7"))

    decisions = looked(dispatcher, migrate=NEW, other=PackageVersion("contoso", "7"))

    assert [name for name, _ in details(decisions)] == ["migrate"]


def test_a_task_that_nobody_can_tell_of_keeps_what_is_known() -> None:
    dispatcher = dispatcher_of(asking())
    looked(dispatcher, migrate=OLD)

    assert looked(dispatcher) == []
    assert details(looked(dispatcher, migrate=NEW)) == [("migrate", {"task": "migrate", "version": "1.1-1"})]


def test_a_task_that_does_not_ask_is_told_nothing_and_nothing_is_kept_of_it() -> None:
    dispatcher = dispatcher_of(task("migrate"))

    assert looked(dispatcher, migrate=OLD) == looked(dispatcher, migrate=NEW) == []


def test_a_new_version_that_says_something_else_of_the_task_is_servicing_all_the_same() -> None:
    dispatcher = dispatcher_of(asking())
    looked(dispatcher, migrate=OLD)

    dispatcher.declare([asking(definition="second", max_running=2)], 2)

    assert details(looked(dispatcher, migrate=NEW)) == [("migrate", {"task": "migrate", "version": "1.1-1"})]


def test_a_package_that_was_updated_while_the_daemon_was_down_is_servicing() -> None:
    dispatcher = Dispatcher(lambda: "1")
    state = TaskState(name="migrate", definition="of the former version", package=str(OLD))
    dispatcher.restore(Restored(at=0, tasks=(state,)))
    dispatcher.declare([asking()], 0)

    assert details(looked(dispatcher, migrate=NEW)) == [("migrate", {"task": "migrate", "version": "1.1-1"})]


def test_what_is_kept_of_the_package_stays_when_nothing_happened_since() -> None:
    dispatcher = Dispatcher(lambda: "1")
    state = TaskState(name="migrate", definition="first", package=str(OLD))
    dispatcher.restore(Restored(at=0, tasks=(state,)))
    dispatcher.declare([asking()], 0)

    assert looked(dispatcher, migrate=OLD) == []
    assert kept([each for each in dispatcher.owed() if isinstance(each, TaskKept)]) == [str(OLD)]


def test_a_task_that_is_gone_and_comes_back_is_installed_anew() -> None:
    dispatcher = dispatcher_of(asking())
    looked(dispatcher, migrate=OLD)
    dispatcher.declare([], 2)
    dispatcher.declare([asking()], 3)

    assert started(looked(dispatcher, migrate=NEW)) == []


def test_who_asks_for_one_update_is_told_of_one() -> None:
    dispatcher = dispatcher_of(replace(asking(), triggers=(SystemTrigger(SERVICING, one_shot=True),)))
    looked(dispatcher, migrate=OLD)

    assert len(started(looked(dispatcher, migrate=NEW))) == 1
    assert started(looked(dispatcher, migrate=OLD)) == []


def test_an_update_may_cancel_the_runs_of_its_own_package_and_of_no_other() -> None:
    dispatcher = dispatcher_of(task("mine", cancel_on=(SERVICING,)), task("others", cancel_on=(SERVICING,)))
    mine, _ = started(dispatcher.raised(raised(1)))
    looked(dispatcher, mine=OLD, others=OLD)

    decisions = looked(dispatcher, mine=NEW, others=OLD)

    assert said(decisions) == [("cancel", mine.instance_id, CancellationReason.ResourceRevocation.name)]


def test_an_event_of_a_recording_is_for_the_task_that_it_names() -> None:
    numbers = iter("12")
    pipeline = Pipeline(lambda: next(numbers))
    for name in ("migrate", "other"):
        pipeline.receive(RegisterTask(at=0, registration=replace(asking(name), from_file=False)))
    fields = {"name": "ServicingComplete", "task": "other", "version": "2"}

    outcomes = pipeline.receive(Event("system", 1, fields))

    assert [each.task for each in outcomes if isinstance(each, Raised)] == ["other"]
    assert details([each for each in outcomes if not isinstance(each, Raised)]) == [  # type: ignore[misc]  # decisions
        ("other", {"task": "other", "version": "2"})
    ]
