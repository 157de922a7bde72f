"""An application registers tasks, finds them again, raises triggers and requests runs, by the library `bridge`."""

import json
import os
import socket
from typing import Any

import pytest
from application import Application
from daemon import GUID, Daemon
from registering import shown, state

from bridge import (
    ApplicationTrigger,
    BackgroundTaskBuilder,
    BackgroundTaskRegistration,
    BackgroundTaskRegistrationGroup,
    CustomSystemEventTrigger,
    RaiseOutcome,
    RaiseResult,
    Recurrence,
    RequestResult,
    TimeTrigger,
    UnknownNameError,
    raise_custom_system_event_trigger,
)


def test_a_registered_task_is_there_under_its_name_and_id(daemon: Daemon, application: Application) -> None:
    with daemon:
        registration = application.register("lamp", group="desk")

        view = shown(daemon, "lamp")
        assert (view["task_id"], view["group"], view["from_file"]) == (registration.task_id, "desk", False)
        assert (registration.name, registration.group) == ("lamp", "desk")
        assert registration.trigger == CustomSystemEventTrigger(GUID, Recurrence.ALWAYS)


def test_to_register_again_keeps_the_id(daemon: Daemon, application: Application) -> None:
    with daemon:
        first = application.register("lamp")

        assert application.register("lamp", run_limit="5s").task_id == first.task_id
        assert shown(daemon, "lamp")["definition"]["run_limit"] == "5s"


def test_all_tasks_has_each_by_its_id(daemon: Daemon, application: Application) -> None:
    with daemon:
        builder = application.builder("lamp", "true", group="desk")
        builder.add_trigger(TimeTrigger("15m", one_shot=True))
        lamp, bell = builder.register(), application.register("bell")

        tasks = BackgroundTaskRegistration.all_tasks()

        assert tasks == {lamp.task_id: lamp, bell.task_id: bell}
        assert (tasks[lamp.task_id].group, tasks[bell.task_id].group) == ("desk", None)
        assert tasks[lamp.task_id].triggers == (
            CustomSystemEventTrigger(GUID),
            TimeTrigger("15m", one_shot=True),
        )


def test_all_task_groups_has_each_with_its_tasks(daemon: Daemon, application: Application) -> None:
    with daemon:
        lamp = application.register("lamp", group=BackgroundTaskRegistrationGroup("desk"))
        application.register("bell")

        groups = BackgroundTaskRegistration.all_task_groups()

        assert groups == {"desk": BackgroundTaskRegistrationGroup("desk")}
        assert groups["desk"].all_tasks() == {lamp.task_id: lamp}


def test_what_is_wrong_is_said_before_it_is_registered(daemon: Daemon, application: Application) -> None:
    with daemon:
        builder = application.builder("lamp", "true", run_limit="fast", expires="soon")
        builder.add_condition("docked")

        assert [str(reason).partition(":")[0] for reason in builder.validate()] == [
            "conditions[1]", "expires", "run_limit",
        ]  # fmt: skip
        assert application.builder("lamp", "true").validate() == []
        assert BackgroundTaskRegistration.all_tasks() == {}


def test_unregister_ends_it(daemon: Daemon, application: Application) -> None:
    with daemon:
        registration = application.register("lamp")
        registration.unregister()

        assert BackgroundTaskRegistration.all_tasks() == {}
        with pytest.raises(UnknownNameError, match="no task has the name 'lamp'"):
            registration.unregister()


@pytest.mark.parametrize(("cancel_task", "ends"), [(True, "canceled"), (False, "succeeded")])
def test_unregister_cancels_runs_where_it_is_asked_to(
    daemon: Daemon, application: Application, cancel_task: bool, ends: str
) -> None:
    with daemon:
        registration = application.register("lamp", "read line < go & wait $!")
        registration.completed.connect(application.completed)
        raise_custom_system_event_trigger(GUID)
        daemon.wait_until(lambda: state(daemon, "lamp") == "running", "the lamp runs")

        registration.unregister(cancel_task)
        if not cancel_task:
            daemon.release()

        assert application.next()[1].state == ends


def test_a_raise_tells_how_many_tasks_it_reaches(daemon: Daemon, application: Application) -> None:
    with daemon:
        assert raise_custom_system_event_trigger(GUID) == RaiseResult(
            outcome=RaiseOutcome.NO_SUBSCRIBERS, subscribers=0
        )
        application.register("lamp")
        application.register("bell")

        raised = raise_custom_system_event_trigger(GUID.lower())

        assert raised == RaiseResult(outcome=RaiseOutcome.RAISED, subscribers=2)


def test_details_and_key_of_a_raise_reach_the_handler(daemon: Daemon, application: Application) -> None:
    with daemon:
        registration = application.register("lamp", "cat")
        registration.completed.connect(application.completed)

        raise_custom_system_event_trigger(CustomSystemEventTrigger(GUID), {"jack": "headphone"}, key="left")

        _, args = application.next()
        told = json.loads(args.output)
        assert (told["details"], told["key"], args.key, args.trigger) == ({"jack": "headphone"}, "left", "left", GUID)


def test_a_trigger_may_be_called_by_its_name_in_a_rules_file(daemon: Daemon, application: Application) -> None:
    daemon.rules(f'[triggers]\n"door.opened" = "{GUID}"\n')
    with daemon:
        builder = BackgroundTaskBuilder("bell", exec=["/usr/bin/true"])
        builder.set_trigger(CustomSystemEventTrigger.named("door.opened", Recurrence.ONE_SHOT))
        builder.register()

        assert raise_custom_system_event_trigger(CustomSystemEventTrigger.named("door.opened")).subscribers == 1
        (task,) = BackgroundTaskRegistration.all_tasks().values()
        assert task.trigger == CustomSystemEventTrigger(GUID, Recurrence.ONE_SHOT)


def test_an_application_requests_its_own_task(daemon: Daemon, application: Application) -> None:
    trigger = ApplicationTrigger()
    with daemon:
        builder = BackgroundTaskBuilder("sync", exec=["/bin/sh", "-c", "cat; read line < go"], cwd=str(daemon.folder))
        builder.set_trigger(trigger)
        registration = builder.register()
        registration.completed.connect(application.completed)

        assert trigger.request({"folder": "music"}, key="a") is RequestResult.Allowed
        assert trigger.request() is RequestResult.CurrentlyRunning
        daemon.release()
        assert json.loads(application.next()[1].output)["details"] == {"folder": "music"}


def test_a_task_that_is_found_again_can_be_requested(daemon: Daemon, application: Application) -> None:
    with daemon:
        builder = BackgroundTaskBuilder("sync", exec=["/usr/bin/true"])
        builder.set_trigger(ApplicationTrigger())
        builder.register()

        (task,) = BackgroundTaskRegistration.all_tasks().values()

        assert isinstance(task.trigger, ApplicationTrigger)
        assert task.trigger.request() is RequestResult.Allowed


def test_the_daemon_that_an_application_means_is_the_users_if_it_is_there(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge.client.daemon import socket_to_call

    runtime: Any = daemon.folder / "runtime"
    (runtime / "hwbridge").mkdir(parents=True)
    monkeypatch.delenv("HWBRIDGE_SOCKET", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert socket_to_call() == "/run/hwbridge/hwbridge.sock"

    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(runtime / "hwbridge/hwbridge.sock"))
    assert socket_to_call() == "/run/hwbridge/hwbridge.sock"
    (runtime / "hwbridge/hwbridge.sock").unlink()

    with daemon:
        os.symlink(daemon.socket, runtime / "hwbridge/hwbridge.sock")

        assert socket_to_call() == str(runtime / "hwbridge/hwbridge.sock")
        assert BackgroundTaskRegistration.all_tasks() == {}
