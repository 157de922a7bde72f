"""What an application is told when something is wrong: what was given, what is meant, what to do."""

import os
from pathlib import Path
from typing import Any

import pytest
from application import Application
from daemon import GUID, Daemon
from registering import wait_for_state

import bridge
from bridge import (
    ApplicationTrigger,
    BackgroundTaskBuilder,
    BackgroundTaskRegistration,
    BusyError,
    CallFailedError,
    CustomSystemEventTrigger,
    InvalidTaskError,
    InvalidValueError,
    NoDaemonError,
    NotAllowedError,
    UnknownEntryPointError,
    raise_custom_system_event_trigger,
)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory in which no daemon is."""
    monkeypatch.delenv("HWBRIDGE_SOCKET", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(os.path.exists("/run/hwbridge/hwbridge.sock"), reason="a daemon of the system runs here")
def test_without_a_daemon_it_is_said_where_one_was_looked_for_and_how_one_is_started(nowhere: Path) -> None:
    with pytest.raises(NoDaemonError) as missing:
        BackgroundTaskRegistration.all_tasks()

    assert str(missing.value) == (
        "/run/hwbridge/hwbridge.sock: no daemon answers: No such file or directory;"
        f" looked for one at {nowhere}/hwbridge/hwbridge.sock and /run/hwbridge/hwbridge.sock;"
        " start your own with `hwbridge run --user`, or the system's with `systemctl start hwbridge`"
    )


def test_where_a_variable_names_a_socket_only_that_one_is_meant(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWBRIDGE_SOCKET", f"{nowhere}/own")

    with pytest.raises(NoDaemonError) as missing:
        raise_custom_system_event_trigger(GUID)

    assert str(missing.value) == (
        f"{nowhere}/own: no daemon answers: No such file or directory; HWBRIDGE_SOCKET names it: start a daemon there"
        f" with `hwbridge run --socket {nowhere}/own`, or unset the variable"
    )


def test_a_registration_belongs_to_the_daemon_that_it_was_asked_of(
    daemon: Daemon, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    with daemon:
        registration = application.register("lamp")
    monkeypatch.setenv("HWBRIDGE_SOCKET", "/nonexistent")

    with pytest.raises(NoDaemonError, match=f"start it with `hwbridge run --socket {daemon.socket}`"):
        registration.unregister()


def test_an_invalid_task_is_refused_with_everything_that_is_wrong(daemon: Daemon, application: Application) -> None:
    with daemon:
        with pytest.raises(InvalidTaskError) as refused:
            application.register("lamp", run_limit="fast", concurrency="lates")

        assert str(refused.value) == (
            "the task cannot be registered: concurrency: expected one of latest, batch, queue, ignore, restart,"
            " parallel, found string \"lates\"; did you mean latest?; run_limit: 'fast' is not a duration: a number"
            " and one of us, ms, s, m, h, d, as in '20ms'"
        )
        assert BackgroundTaskRegistration.all_tasks() == {}


def test_a_task_that_runs_two_things_or_nothing_is_refused(daemon: Daemon, application: Application) -> None:
    with daemon:
        both, nothing = application.builder("both", "true"), BackgroundTaskBuilder("nothing")
        both.set_task_entry_point_clsid(GUID)
        nothing.set_trigger(CustomSystemEventTrigger(GUID))

        for builder in (both, nothing):
            (reason,) = builder.validate()
            assert reason.key.partition(".")[0] == "run"


def test_who_builds_a_task_is_told_in_a_builders_words_that_nothing_is_to_be_run(
    daemon: Daemon, application: Application
) -> None:
    words = "run: nothing is to be run: set task_entry_point or exec, or call set_task_entry_point_clsid"
    nothing = BackgroundTaskBuilder("nothing")
    nothing.set_trigger(CustomSystemEventTrigger(GUID))
    with daemon:
        assert [str(reason) for reason in nothing.validate()] == [words]
        with pytest.raises(InvalidTaskError) as refused:
            nothing.register()

    assert str(refused.value) == f"the task cannot be registered: {words}"


def test_a_task_without_a_trigger_is_refused(daemon: Daemon, application: Application) -> None:
    with daemon, pytest.raises(InvalidTaskError, match="a task has at least one trigger"):
        BackgroundTaskBuilder("lamp", exec=["/usr/bin/true"]).register()


def test_an_entry_point_that_is_not_there_is_refused_before_anything_is_registered(
    daemon: Daemon, application: Application
) -> None:
    with daemon:
        builder = BackgroundTaskBuilder("jack", task_entry_point="bridge.client.builder:Nobody")
        builder.set_trigger(CustomSystemEventTrigger(GUID))

        with pytest.raises(UnknownEntryPointError, match=r"module bridge\.client\.builder has no class or function"):
            builder.register()
        assert [str(reason) for reason in builder.validate()] == [
            "run.python: module bridge.client.builder has no class or function 'Nobody'"
        ]
        assert BackgroundTaskRegistration.all_tasks() == {}


def test_what_is_no_entry_point_at_all_is_refused_as_in_a_tasks_file(daemon: Daemon, application: Application) -> None:
    with daemon:
        builder = BackgroundTaskBuilder("jack", task_entry_point="fabrikam.tasks.Jack")
        builder.set_trigger(CustomSystemEventTrigger(GUID))

        with pytest.raises(InvalidTaskError, match=r"run\.python: .*is not a module and a class"):
            builder.register()


def test_an_entry_point_that_is_no_text_is_refused_by_name(daemon: Daemon, application: Application) -> None:
    wrong: Any = 5
    with daemon:
        builder = BackgroundTaskBuilder("jack", task_entry_point=wrong)
        builder.set_trigger(CustomSystemEventTrigger(GUID))

        with pytest.raises(InvalidTaskError, match=r"run\.python: .*found integer 5"):
            builder.register()


@pytest.mark.parametrize(
    ("details", "key", "words"),
    [
        ([1], "", r"details map names to texts, found \[1\]"),
        ({"level": 5}, "", r"details map names to texts, found 'level': 5; say str\(5\)"),
        ({5: "level"}, "", "details map names to texts, found 5: 'level'; a name is a text"),
        ({}, 7, "a key is a text, found 7"),
    ],
)
def test_details_that_are_no_texts_are_refused_before_they_are_sent(
    nowhere: Path, details: Any, key: Any, words: str
) -> None:
    trigger = ApplicationTrigger()
    trigger.belong("lamp", f"{nowhere}/none")
    with pytest.raises(InvalidValueError, match=words):
        raise_custom_system_event_trigger(GUID, details, key)
    with pytest.raises(InvalidValueError, match=words):
        trigger.request(details, key)


def test_a_value_that_cannot_be_said_is_refused_by_name(daemon: Daemon, application: Application) -> None:
    wrong: Any = object()
    with daemon, pytest.raises(bridge.BridgeError, match="Register: what is sent must be what JSON has"):
        application.register("lamp", run_limit=wrong)


def test_a_full_queue_is_busy(daemon: Daemon, application: Application) -> None:
    with daemon:
        application.register("lamp", "read line < go", concurrency="queue", queue_limit=1)
        raise_custom_system_event_trigger(GUID)
        wait_for_state(daemon, "lamp", "running")
        raise_custom_system_event_trigger(GUID)

        with pytest.raises(BusyError, match=r"a queue for the trigger .* is full: ask again later"):
            raise_custom_system_event_trigger(GUID)
        daemon.release()
        daemon.wait_until(lambda: daemon.status()["waiting"] == 0, "the second one runs")
        daemon.release()


def test_details_that_break_a_limit_are_refused_by_name(daemon: Daemon, application: Application) -> None:
    with daemon:
        application.register("lamp")
        with pytest.raises(CallFailedError, match="detail 'a-b': a name is a letter or _"):
            raise_custom_system_event_trigger(GUID, {"a-b": "c"})


def test_a_task_of_a_file_is_changed_in_its_file(daemon: Daemon, application: Application) -> None:
    daemon.task("lamp", "true")
    with daemon:
        (task,) = BackgroundTaskRegistration.all_tasks().values()

        with pytest.raises(NotAllowedError, match="task 'lamp' is in a tasks file: change it there"):
            task.unregister()
        with pytest.raises(NotAllowedError, match="task 'lamp' is in a tasks file: change it there"):
            application.register("lamp")
