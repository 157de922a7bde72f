"""Task servers as an application has them: what they run, and when they end."""

import os
import re
import signal
from pathlib import Path

import pytest
from python_daemon import CLSID, Python


@pytest.fixture
def daemon(tmp_path: Path) -> Python:
    return Python(tmp_path)


def test_a_task_server_runs_what_comes_and_ends_when_nothing_does(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}')
    body = f"server.register_class('{CLSID}', Jack)\nsay('ready')\nserver.serve(idle='500ms')"
    with daemon, daemon.server(body, "class Jack:\n    def run(self, instance): say(instance.details)"):
        daemon.wait_for_words("ready")
        daemon.raise_trigger(details={"a": "b"})
        completed = daemon.wait_for_completed(1)

    assert daemon.said() == ["ready", "{'a': 'b'}"]
    assert completed == [("succeeded", "completed")]
    assert daemon.server_said() == "over\n"


def test_a_task_server_with_two_runs_does_not_end_with_the_first(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}', max_running=2)
    body = f"server.register_class('{CLSID}', Handler)\nsay('ready')\nserver.serve(idle='0s')"
    handler = "def Handler(instance):\n    say(instance.key)\n    if instance.key == 'second': wait()\n"
    with daemon, daemon.server(body.replace("0s", "200ms"), handler):
        daemon.wait_for_words("ready")
        daemon.raise_trigger(key="second")
        daemon.wait_for_words("second")
        daemon.raise_trigger(key="first")
        first = daemon.wait_for_completed(1)
        daemon.release()
        both = daemon.wait_for_completed(2)

    assert (len(first), both) == (1, [("succeeded", "completed")] * 2)


def test_no_run_is_lost_when_an_idle_server_ends(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}', concurrency="queue")
    body = (
        f"while not os.path.exists('{daemon.folder}/enough'):\n"
        "    server = TaskServer()\n"
        f"    server.register_class('{CLSID}', Handler)\n"
        "    say('ready')\n"
        "    server.serve(idle='1ms')"
    )
    with daemon, daemon.server(body, "def Handler(instance): say(instance.details['n'])"):
        daemon.wait_for_words("ready")
        for number in range(60):
            daemon.raise_trigger(details={"n": str(number)})
        ends = daemon.wait_for_completed(60)
        (daemon.folder / "enough").touch()

    assert {detail for _, detail in ends} <= {
        "completed",
        f"nobody serves {CLSID}: start the task server of uid {os.geteuid()}",
    }
    assert len([word for word in daemon.said() if word != "ready"]) == [state for state, _ in ends].count("succeeded")


def test_a_run_of_a_suspended_class_waits_until_it_is_served(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}')
    body = (
        f"server.register_class('{CLSID}', Handler, Use.SUSPENDED)\n"
        "say('registered')\n"
        "wait()\n"
        "say('serves')\n"
        "server.serve(idle='1ms')"
    )
    with daemon, daemon.server(body, "def Handler(instance): say('ran')"):
        daemon.wait_for_words("registered")
        daemon.raise_trigger()
        daemon.wait_until(lambda: daemon.status()["running"] == 1, "the run waits")
        daemon.release()
        completed = daemon.wait_for_completed(1)

    assert daemon.said() == ["registered", "serves", "ran"]
    assert completed == [("succeeded", "completed")]


def test_a_run_of_a_suspended_class_that_is_never_served_is_over_its_limit(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}', run_limit="50ms", cancel_grace="10ms")
    body = f"server.register_class('{CLSID}', Handler, Use.SUSPENDED)\nsay('registered')\nwait()"
    with daemon, daemon.server(body, "def Handler(instance): say('ran')"):
        daemon.wait_for_words("registered")
        daemon.raise_trigger()
        completed = daemon.wait_for_completed(1)
        daemon.release()

    assert [state for state, _ in completed] == ["failed"]
    assert re.fullmatch(r"its server was hung up on: run \S+ did not end", completed[0][1])


def test_a_server_ends_by_name_when_the_daemon_goes_and_its_runs_are_told(daemon: Python) -> None:
    daemon.declare(f'{{ clsid = "{CLSID}" }}')
    handler = (
        "def Handler(instance):\n"
        "    ended = threading.Event()\n"
        "    instance.canceled.connect(lambda instance, reason: (say(reason.name), ended.set()))\n"
        "    say('running')\n"
        "    ended.wait()"
    )
    body = (
        f"server.register_class('{CLSID}', Handler)\n"
        "say('ready')\n"
        "try: server.serve()\n"
        "except Exception as error: print(type(error).__name__)"
    )
    with daemon, daemon.server(body, handler):
        daemon.wait_for_words("ready")
        daemon.raise_trigger()
        daemon.wait_for_words("running")
        daemon.stop(signal.SIGTERM)

    assert daemon.said() == ["ready", "running", "Terminating"]
    assert daemon.server_said() == "NoDaemonError\nover\n"


def test_mistakes_of_a_server_are_told_in_words(daemon: Python) -> None:
    body = (
        "def told(call, *arguments):\n"
        "    try: call(*arguments)\n"
        "    except Exception as error: print(f'{type(error).__name__}: {error}')\n"
        "told(server.register_class, 'x', Jack)\n"
        f"told(server.register_class, '{CLSID}', object)\n"
        f"told(server.register_class, '{CLSID}', 5)\n"
        f"told(server.register_class, '{CLSID}', Jack, 'often')\n"
        "told(server.serve)\n"
        f"server.register_class('{CLSID}', Jack)\n"
        f"told(server.register_class, '{CLSID}', Jack)\n"
        "told(server.serve, 'soon')\n"
        "told(TaskServer('/no/such').register_class, '{14C5882B-35D3-41BE-86B2-5106269B97E7}', Jack)"
    )
    with daemon, daemon.server(body, "class Jack:\n    def run(self, instance): pass"):
        pass

    lines = daemon.server_said().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "InvalidGuidError",
        "InvalidValueError",
        "HandlerError",
        "InvalidValueError",
        "InvalidValueError",
        "InvalidValueError",
        "InvalidDurationError",
        "NoDaemonError",
        "over",
    ]
