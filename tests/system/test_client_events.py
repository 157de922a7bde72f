"""An application is told of the runs of its tasks: each one once, also those that it missed."""

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from application import Application, end_listening
from daemon import DEADLINE_SECONDS, GUID, Daemon
from registering import shown

from bridge import (
    BackgroundTaskCompletedEventArgs,
    BackgroundTaskRegistration,
    CancellationReason,
    InstanceState,
    InvalidValueError,
    RunFailedError,
    raise_custom_system_event_trigger,
)
from bridge.client.connection import Connection


def count(name: str) -> str:
    return f"n=$(($(cat {name} 2>/dev/null || echo 0) + 1)); echo $n > {name}; echo $n"


def raise_and_wait(daemon: Daemon) -> None:
    raise_custom_system_event_trigger(GUID)
    daemon.wait_until_idle()


def told_of(application: Application, registration: BackgroundTaskRegistration) -> None:
    registration.completed.connect(application.completed)


def test_a_handler_is_told_how_a_run_ended(daemon: Daemon, application: Application) -> None:
    with daemon:
        registration = application.register("lamp", "echo it is on")
        told_of(application, registration)
        raise_custom_system_event_trigger(GUID, key="desk")

        name, args = application.next()

        assert name == "lamp"
        assert args == BackgroundTaskCompletedEventArgs(
            task="lamp",
            instance_id=args.instance_id,
            state=InstanceState.SUCCEEDED,
            at=args.at,
            trigger=GUID,
            key="desk",
            detail="exit 0",
            output="it is on\n",
            duration=args.duration,
        )
        args.check_result()


def test_a_run_that_failed_is_raised_when_it_is_checked(daemon: Daemon, application: Application) -> None:
    with daemon:
        told_of(application, application.register("lamp", "exit 3", retry={"attempts": 2, "backoff": "1ms"}))
        raise_custom_system_event_trigger(GUID)

        first, second = (application.next()[1] for _ in range(2))

        assert (first.again_in, second.again_in) == (1000, None)
        with pytest.raises(RunFailedError, match=r"run [0-9a-f]+-2 of task 'lamp' failed: exit 3"):
            second.check_result()


def test_a_run_that_took_too_long_says_so_when_it_is_checked(daemon: Daemon, application: Application) -> None:
    with daemon:
        told_of(application, application.register("lamp", "sleep 1000", run_limit="10ms"))
        raise_custom_system_event_trigger(GUID)

        _, args = application.next()

        assert (args.state, args.reason) == (InstanceState.FAILED, CancellationReason.ExecutionTimeExceeded)
        with pytest.raises(RunFailedError, match=r"failed \(ExecutionTimeExceeded\): killed by SIGTERM"):
            args.check_result()


def test_runs_are_told_in_order_and_on_one_thread(daemon: Daemon, application: Application) -> None:
    threads: list[threading.Thread] = []
    with daemon:
        lamp = application.register("lamp", count("lamp"), concurrency="queue")
        lamp.completed.connect(lambda registration, args: threads.append(threading.current_thread()))
        told_of(application, lamp)
        told_of(application, application.register("bell", "true"))
        for _ in range(5):
            raise_custom_system_event_trigger(GUID)

        runs = [application.next() for _ in range(5)]
        lamps = [args.output for name, args in runs if name == "lamp"]
        while len(lamps) < 5:
            name, args = application.next()
            lamps += [args.output] if name == "lamp" else []

        assert lamps == ["1\n", "2\n", "3\n", "4\n", "5\n"]
        assert set(threads) & {threading.main_thread()} == set()
        assert len(set(threads)) == 1


def test_progress_is_told_while_a_run_is_there(daemon: Daemon, application: Application) -> None:
    with daemon:
        registration = application.register("lamp", "read line < go")
        registration.progress.connect(application.progressed)
        told_of(application, registration)
        raise_custom_system_event_trigger(GUID)
        daemon.wait_until(lambda: daemon.status()["running"] == 1, "it runs")
        (run,) = shown(daemon, "lamp")["running"]

        daemon.call("ReportProgress", instance_id=run["instance_id"], progress=40)

        _, args = application.next()
        assert (args.instance_id, args.progress) == (run["instance_id"], 40)
        daemon.release()
        assert application.next()[1].state == "succeeded"


def test_a_run_that_was_over_before_the_handler_was_connected_is_told(daemon: Daemon, application: Application) -> None:
    with daemon:
        registration = application.register("lamp", count("lamp"))
        raise_and_wait(daemon)
        told_of(application, registration)

        assert application.next_runs(1) == [("lamp", "1")]


def test_what_was_missed_while_the_application_was_away_is_told_once(daemon: Daemon, application: Application) -> None:
    with daemon:
        told_of(application, application.register("lamp", count("lamp")))
        raise_and_wait(daemon)
        assert application.next_runs(1) == [("lamp", "1")]
        end_listening()
        raise_and_wait(daemon)
        raise_and_wait(daemon)

        told_of(application, application.register("lamp", count("lamp")))

        assert application.next_runs(2) == [("lamp", "2"), ("lamp", "3")]
        raise_and_wait(daemon)
        assert application.next_runs(1) == [("lamp", "4")]
        assert application.told.empty()


def test_each_task_has_a_bookmark_of_its_own(daemon: Daemon, application: Application) -> None:
    with daemon:
        lamp = application.register("lamp", count("lamp"))
        bell = application.register("bell", count("bell"))
        told_of(application, lamp)
        raise_and_wait(daemon)
        assert application.next_runs(1) == [("lamp", "1")]

        told_of(application, bell)  # while the other one is followed already

        assert application.next_runs(1) == [("bell", "1")]
        raise_and_wait(daemon)
        assert sorted(application.next_runs(2)) == [("bell", "2"), ("lamp", "2")]
        assert application.told.empty()


def test_who_did_not_register_a_task_is_told_from_now_on(daemon: Daemon, application: Application) -> None:
    daemon.task("lamp", count("lamp"))
    with daemon:
        raise_and_wait(daemon)
        (task,) = BackgroundTaskRegistration.all_tasks().values()
        told_of(application, task)
        daemon.wait_until(lambda: Path(bookmark_of(daemon, task)).exists(), "it is followed")
        raise_and_wait(daemon)

        assert application.next_runs(1) == [("lamp", "2")]


def bookmark_of(daemon: Daemon, task: BackgroundTaskRegistration) -> Path:
    return daemon.folder / "state-home/hwbridge-applications" / str(daemon.socket).replace("/", "!") / task.task_id


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
def test_a_daemon_that_comes_back_is_followed_on(daemon: Daemon, application: Application, end: signal.Signals) -> None:
    with daemon:
        told_of(application, application.register("lamp", count("lamp")))
        raise_and_wait(daemon)
        assert application.next_runs(1) == [("lamp", "1")]
        daemon.stop(end)
    with daemon:
        raise_and_wait(daemon)
        assert application.next_runs(1) == [("lamp", "2")]
    with daemon:
        raise_and_wait(daemon)
        assert application.next_runs(1) == [("lamp", "3")]
        assert application.told.empty()


def test_a_daemon_that_has_lost_its_history_is_followed_from_its_new_beginning(
    daemon: Daemon, application: Application
) -> None:
    with daemon:
        told_of(application, application.register("lamp", count("lamp")))
        for run in ("1", "2", "3"):
            raise_and_wait(daemon)
            assert application.next_runs(1) == [("lamp", run)]
    shutil.rmtree(daemon.folder / "state")
    daemon.task("lamp", count("lamp"))
    with daemon:
        raise_and_wait(daemon)

        assert application.next_runs(1) == [("lamp", "4")]
        assert application.told.empty()


def test_a_handler_that_fails_is_told_of_the_next_run_and_its_error_goes_to_the_hook(
    daemon: Daemon, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: errors.append(args.exc_value))

    def fails(registration: BackgroundTaskRegistration, args: BackgroundTaskCompletedEventArgs) -> None:
        raise RuntimeError(args.output)

    with daemon:
        registration = application.register("lamp", count("lamp"))
        registration.completed.connect(fails)
        told_of(application, registration)
        for run in ("1", "2"):
            raise_and_wait(daemon)
            assert application.next_runs(1) == [("lamp", run)]

    assert [str(error) for error in errors] == ["1\n", "2\n"]


def test_what_was_lost_because_the_application_was_too_slow_is_asked_for_again(
    daemon: Daemon, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_are_over, watches, watch = threading.Event(), [], Connection.stream

    def too_slow_at_first(connection: Connection, *asked: Any) -> Iterator[dict[str, Any]]:
        watches.append(asked)
        for answer in watch(connection, *asked):
            yield answer
            if len(watches) == 1 and answer["entry"]["what"] == "completed":
                all_are_over.wait(DEADLINE_SECONDS)
                yield {"gap": {"lost": 3}}

    monkeypatch.setattr(Connection, "stream", too_slow_at_first)
    with daemon:
        told_of(application, application.register("lamp", count("lamp")))
        for _ in range(3):
            raise_and_wait(daemon)
        all_are_over.set()
        raise_and_wait(daemon)

        assert application.next_runs(4) == [("lamp", run) for run in ("1", "2", "3", "4")]
        assert application.told.empty()
        assert len(watches) == 2


def test_what_the_history_has_not_kept_is_passed_over(
    daemon: Daemon, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    watches, watch = [], Connection.stream

    def with_a_gap_first(connection: Connection, *asked: Any) -> Iterator[dict[str, Any]]:
        watches.append(asked)
        yield {"gap": {"lost": None}}
        yield from watch(connection, *asked)

    monkeypatch.setattr(Connection, "stream", with_a_gap_first)
    with daemon:
        told_of(application, application.register("lamp", count("lamp")))
        daemon.wait_until(lambda: bool(watches), "it is followed")
        raise_and_wait(daemon)

        assert application.next_runs(1) == [("lamp", "1")]
        assert len(watches) == 1


def test_a_handler_that_is_disconnected_is_told_nothing_more(daemon: Daemon, application: Application) -> None:
    with daemon:
        lamp = application.register("lamp", count("lamp"))
        told_of(application, lamp)
        told_of(application, application.register("bell", count("bell")))
        lamp.completed.disconnect(application.completed)
        raise_and_wait(daemon)

        assert application.next_runs(1) == [("bell", "1")]
        assert application.told.empty()


def test_what_cannot_be_called_cannot_be_connected(daemon: Daemon, application: Application) -> None:
    with daemon:
        registration = application.register("lamp")

        with pytest.raises(InvalidValueError, match=r"connect wants a function \(registration, args\), found None"):
            registration.completed.connect(None)  # type: ignore[arg-type] - it is what is tested


def test_a_handler_may_unregister_its_task(daemon: Daemon, application: Application) -> None:
    with daemon:
        registration = application.register("lamp", count("lamp"))
        registration.completed.connect(lambda task, args: task.unregister())
        told_of(application, registration)
        raise_custom_system_event_trigger(GUID)

        assert application.next_runs(1) == [("lamp", "1")]
        assert BackgroundTaskRegistration.all_tasks() == {}


def test_a_process_that_was_forked_is_told_what_it_connects(daemon: Daemon, application: Application) -> None:
    program = (
        "import os, sys, threading, bridge\n"
        "(task,) = bridge.BackgroundTaskRegistration.all_tasks().values()\n"
        "task.completed.connect(print)\n"
        "child = os.fork()\n"
        "if child:\n"
        "    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "told = threading.Event()\n"
        "task.completed.connect(lambda task, args: told.set())\n"
        "bridge.raise_custom_system_event_trigger(task.trigger)\n"
        f"os._exit(0 if told.wait({DEADLINE_SECONDS}) else 1)\n"
    )
    with daemon:
        application.register("lamp")

        assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=False).returncode == 0


APPLICATION = """
import os, threading, bridge
(task,) = bridge.BackgroundTaskRegistration.all_tasks().values()
# In one piece: print writes the end of the line by itself, and it may be killed before.
task.completed.connect(lambda task, args: os.write(1, f"{args.instance_id}\\n".encode()))
threading.Event().wait()
"""


def test_an_application_that_is_killed_at_any_time_misses_nothing(
    daemon: Daemon, application: Application, tmp_path: Path
) -> None:
    told, killed = tmp_path / "told", 5
    with daemon, told.open("ab") as output:
        application.register("lamp", concurrency="queue")
        for _ in range(killed):
            before = told.stat().st_size
            with subprocess.Popen([sys.executable, "-c", APPLICATION], stdout=output) as process:
                try:
                    for _ in range(10):
                        raise_custom_system_event_trigger(GUID)
                    daemon.wait_until(lambda before=before: told.stat().st_size > before, "it is told of a run")
                finally:
                    process.kill()
        daemon.wait_until_idle()
        told_of(application, *BackgroundTaskRegistration.all_tasks().values())
        over = {
            entry["instance_id"]
            for entry in daemon.call("History", limit=1000)["entries"]
            if entry["what"] == "completed"
        }
        runs = told.read_text().split()
        while missed := over - set(runs):
            try:
                runs.append(application.next()[1].instance_id)
            except Empty:
                pytest.fail(f"never told of {sorted(missed)}, but of {runs}")

    assert len(over) == 10 * killed
    assert len(runs) - len(over) <= killed  # one that is killed while it is told of a run is told of it again
