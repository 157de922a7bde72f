"""Python handlers in a real daemon: raised, canceled, and what is there when it ends."""

import os
import select
import sys
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, ROOT
from python_daemon import Python


@pytest.fixture
def daemon(tmp_path: Path) -> Python:
    return Python(tmp_path)


def ends(pid: int) -> bool:
    """Whether the process has ended, waited for."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with open(descriptor, "rb", buffering=0) as file:
        return bool(select.select([file], [], [], DEADLINE_SECONDS)[0])


def how_the_last_run_ended(daemon: Python) -> tuple[str, str, str]:
    """Its state, why it was canceled, and its detail."""
    last = [each for each in daemon.call("History")["entries"] if each["what"] == "completed"][-1]
    return last["state"], last["reason"], last["detail"]


def test_a_raise_runs_the_handler_and_the_next_one_finds_it_warm(daemon: Python) -> None:
    daemon.handler("def Handler(instance):\n    instance.progress = 10\n    say(instance.details['n'], os.getpid())")
    with daemon:
        daemon.raise_trigger(details={"n": "1"})
        daemon.wait_for_completed(1)
        daemon.raise_trigger(details={"n": "2"})
        completed = daemon.wait_for_completed(2)

    (first, pid), (second, same) = (line.split() for line in daemon.said())
    assert (first, second, pid == same) == ("1", "2", True)
    assert completed == [("succeeded", "returned")] * 2


def test_a_handler_that_raises_has_failed_with_its_traceback_in_the_history(daemon: Python) -> None:
    daemon.handler("def Handler(instance):\n    raise ValueError('no such jack')")
    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_completed(1)
        (entry,) = (each for each in daemon.call("History")["entries"] if each["what"] == "completed")

    assert (entry["state"], entry["detail"]) == ("failed", "ValueError: no such jack")
    assert entry["output"].endswith("ValueError: no such jack\n")


def test_an_endless_loop_is_canceled_by_its_limit_and_killed_after_its_grace(daemon: Python) -> None:
    daemon.handler(
        "def Handler(instance):\n"
        "    instance.canceled.connect(lambda instance, reason: say(reason.name))\n"
        "    while True: pass",
        run_limit="5s",  # the worker has come up by then
        cancel_grace="5s",
    )
    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_completed(1)
        ended = how_the_last_run_ended(daemon)

    assert daemon.said() == ["ExecutionTimeExceeded"]
    assert ended == ("failed", "ExecutionTimeExceeded", "killed by SIGKILL")


def test_a_handler_that_ends_at_its_limit_as_it_is_asked_to_was_over_it_all_the_same(daemon: Python) -> None:
    daemon.handler(
        "def Handler(instance):\n"
        "    enough = threading.Event()\n"
        "    instance.canceled.connect(lambda instance, reason: enough.set())\n"
        "    enough.wait()",
        run_limit="5s",
    )
    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_completed(1)
        ended = how_the_last_run_ended(daemon)

    assert ended == ("failed", "ExecutionTimeExceeded", "returned")


def test_a_daemon_that_stops_tells_handlers_so(daemon: Python) -> None:
    daemon.handler(
        "def Handler(instance):\n"
        "    ended = threading.Event()\n"
        "    def end(instance, reason):\n"
        "        say(reason.name)\n"
        "        ended.set()\n"
        "    instance.canceled.connect(end)\n"
        "    say('ready')\n"
        "    ended.wait()"
    )
    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("ready")

    assert daemon.said() == ["ready", "Terminating"]


def test_workers_end_when_the_daemon_is_killed_idle_or_not(daemon: Python) -> None:
    daemon.handler(
        "def Handler(instance):\n"
        "    ended = threading.Event()\n"
        "    instance.canceled.connect(lambda instance, reason: (say(reason.name), ended.set()))\n"
        "    say(os.getpid())\n"
        "    if instance.key: ended.wait()",
        max_running=2,
    )
    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_completed(1)
        daemon.raise_trigger(key="busy")
        daemon.wait_until(lambda: len(daemon.said()) == 2, "the second run has begun")
        daemon.raise_trigger()
        daemon.wait_for_completed(2)
        pids = {int(pid) for pid in daemon.said()}
        daemon.kill()

        assert len(pids) == 2
        assert all(map(ends, pids))
    assert daemon.said()[-1] == "Terminating"


def test_what_a_handler_calls_is_known_to_be_of_its_run(daemon: Python) -> None:
    daemon.handler(
        "import subprocess\n"
        "def Handler(instance):\n"
        f"    command = [{sys.executable!r}, '-m', 'bridge', 'progress', '42']\n"
        "    say(subprocess.run(command, env={**os.environ, 'PYTHONPATH': " + repr(str(ROOT)) + "}).returncode)"
    )
    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_completed(1)
        entries = daemon.call("History")["entries"]

    assert daemon.said() == ["0"]
    assert [each["progress"] for each in entries if each["what"] == "progress"] == [42]
