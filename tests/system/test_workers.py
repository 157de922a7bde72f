"""The `python` host with real workers: what a handler is given, what it may do, and what becomes of what it says."""

import os
import pwd
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from daemon import ROOT, needs_root
from worker_bench import WorkerBench

from bridge.hosts.host import Ended
from bridge.hosts.invocation import PATH
from bridge.model.tasks import CancellationReason


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WorkerBench]:
    with WorkerBench(tmp_path) as bench:
        yield bench


GIVEN = """
class Handler:
    def run(self, instance):
        names = "instance_id task trigger key details merged batch redelivered progress raised_at suspended_count"
        print({name: getattr(instance, name) for name in names.split()})
"""


def test_a_handler_is_given_its_run(bench: WorkerBench) -> None:
    bench.handler(GIVEN)
    ended = bench.does(details={"jack": "Kopfhörer"}, batch=({"a": "1"}, {"a": "2"}))

    assert (ended.succeeded, ended.detail) == (True, "returned")
    assert eval(ended.output) == {
        "instance_id": "1",
        "task": "Jack",
        "trigger": "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}",
        "key": "card0",
        "details": {"jack": "Kopfhörer"},
        "merged": 2,
        "batch": ({"a": "1"}, {"a": "2"}),
        "redelivered": False,
        "progress": 0,
        "raised_at": 104_000,
        "suspended_count": 0,
    }


def test_the_next_run_is_in_the_same_process_with_an_object_of_its_own(bench: WorkerBench) -> None:
    bench.handler(
        "seen = []\nclass Handler:\n    def run(self, instance):\n        seen.append(self)\n        print(seen)"
    )
    bench.does()
    objects = bench.does().output

    assert len(set(re.findall("at (0x[0-9a-f]+)", objects))) == 2


@pytest.mark.parametrize(
    "source",
    [
        "def Handler(instance): print('ran')",
        "async def Handler(instance): print('ran')",
        "class Handler:\n    async def run(self, instance): print('ran')",
        "class Made:\n    def run(self, instance): print('ran')\nHandler = Made()",
    ],
)
def test_a_handler_may_be_a_function_an_object_or_a_coroutine(bench: WorkerBench, source: str) -> None:
    bench.handler(source)

    assert [bench.does().output, bench.does().output] == ["ran\n", "ran\n"]


def test_what_a_handler_returns_means_nothing(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance): return False")

    assert bench.does().succeeded


def test_an_exception_fails_the_run_and_its_traceback_begins_in_the_handler(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance):\n    raise ValueError('no such\\njack')")
    ended = bench.does()

    assert (ended.succeeded, ended.detail) == (False, r"ValueError: no such\njack")
    assert ended.output.startswith("Traceback (most recent call last):\n")
    assert re.findall('File "(.*)"', ended.output) == [str(bench.path / "tasks.py")]
    assert bench.does().detail == r"ValueError: no such\njack"


def test_the_traceback_of_a_coroutine_begins_in_the_handler_too(bench: WorkerBench) -> None:
    bench.handler("async def Handler(instance):\n    raise KeyError('jack')")
    ended = bench.does()

    assert ended.detail == "KeyError: 'jack'"
    assert re.findall('File "(.*)"', ended.output) == [str(bench.path / "tasks.py")]


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("", Ended(instance_id="1", succeeded=True, detail="exit 0")),
        ("0", Ended(instance_id="1", succeeded=True, detail="exit 0")),
        ("3", Ended(instance_id="1", succeeded=False, detail="exit 3")),
        ("75", Ended(instance_id="1", succeeded=False, again=True, detail="exit 75")),
    ],
)
def test_sys_exit_means_what_it_does_in_a_program_and_the_worker_stays(
    bench: WorkerBench, code: str, ended: Ended
) -> None:
    bench.handler(f"def Handler(instance):\n    sys.exit({code})")

    assert bench.does() == ended
    assert len(bench.workers()) == 1


def test_canceled_comes_on_another_thread_than_a_sync_run(bench: WorkerBench) -> None:
    bench.handler(
        "def Handler(instance):\n"
        "    ended, here = threading.Event(), threading.get_ident()\n"
        "    def end(given, reason):\n"
        "        print(given is instance, reason.name, threading.get_ident() != here)\n"
        "        ended.set()\n"
        "    instance.canceled.connect(end)\n"
        "    say('ready')\n"
        "    ended.wait()"
    )
    run = bench.begin()
    bench.hear("ready")
    bench.host.cancel(run, CancellationReason.ConditionLoss)
    ended = bench.end(run)

    assert (ended.succeeded, ended.output) == (True, "True ConditionLoss True\n")


def test_canceled_comes_on_the_loop_of_an_async_run(bench: WorkerBench) -> None:
    bench.handler(
        "async def Handler(instance):\n"
        "    import asyncio\n"
        "    ended = asyncio.get_running_loop().create_future()\n"
        "    instance.canceled.connect(lambda instance, reason: ended.set_result(asyncio.get_running_loop()))\n"
        "    say('ready')\n"
        "    print(await ended is asyncio.get_running_loop())"
    )
    run = bench.begin()
    bench.hear("ready")
    bench.host.cancel(run, CancellationReason.Abort)

    assert bench.end(run).output == "True\n"


def test_a_run_that_is_canceled_before_its_worker_is_there_is_told_when_it_is(bench: WorkerBench) -> None:
    bench.handler(
        "def Handler(instance):\n"
        "    ended = threading.Event()\n"
        "    instance.canceled.connect(lambda instance, reason: ended.set())\n"
        "    ended.wait()"
    )
    run = bench.begin()
    bench.host.cancel(run, CancellationReason.Abort)

    assert bench.end(run).succeeded


def test_a_callback_that_fails_is_told_and_fails_nothing(bench: WorkerBench) -> None:
    bench.handler(
        "def Handler(instance):\n"
        "    def end(instance, reason):\n"
        "        ended.set()\n"
        "        raise ValueError('callback')\n"
        "    ended = threading.Event()\n"
        "    instance.canceled.connect(end)\n"
        "    say('ready')\n"
        "    ended.wait()\n"
        "    for thread in threading.enumerate():\n"
        "        if thread.name == 'canceled': thread.join()"
    )
    run = bench.begin()
    bench.hear("ready")
    bench.host.cancel(run, CancellationReason.Abort)
    ended = bench.end(run)

    assert ended.succeeded
    assert ended.output.endswith("ValueError: callback\n")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_run_is_over_when_every_deferral_is_completed(bench: WorkerBench, kind: str) -> None:
    bench.handler(
        f"{kind} Handler(instance):\n"
        "    deferral = instance.get_deferral()\n"
        "    def later():\n"
        "        wait()\n"
        "        print('later')\n"
        "        deferral.complete()\n"
        "    threading.Thread(target=later).start()\n"
        "    say('returned')"
    )
    run = bench.begin()
    bench.hear("returned")
    bench.release()

    assert bench.end(run).output == "later\n"


def test_progress_is_told_as_it_is_set(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance):\n    instance.progress = 10\n    instance.progress += 32\n    wait()")
    run = bench.begin()
    bench.until(lambda: len(bench.progress) == 2)
    bench.release()

    assert bench.end(run).succeeded
    assert bench.progress == [("1", 10), ("1", 42)]


def test_progress_that_is_none_is_the_handlers_error(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance):\n    instance.progress = 'half'")

    assert bench.does().detail == "InvalidValueError: progress is 'half', not an integer from 0 to 4294967295"


def test_of_megabytes_that_are_printed_the_end_is_kept_and_nobody_waits(bench: WorkerBench) -> None:
    bench.handler(
        "def Handler(instance):\n    print('x' * 20_000_000 if instance.details else 'second')\n    print('the end')"
    )
    first, second = bench.does(details={"much": "1"}), bench.does()

    assert first.output == "x" * (8192 - len("\nthe end\n")) + "\nthe end\n"
    assert second.output == "second\nthe end\n"


def test_what_a_run_prints_is_its_own(bench: WorkerBench) -> None:
    bench.handler(
        "print('loaded')\ndef Handler(instance):\n    os.write(2, b'raw ')\n    print(instance.instance_id, end='')"
    )

    assert [bench.does().output, bench.does().output] == ["loaded\nraw 1", "raw 2"]


def test_the_environment_is_clean_and_names_the_run(bench: WorkerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the daemon")
    bench.handler("def Handler(instance):\n    print(dict(os.environ), os.getcwd())\n    os.chdir('/usr')")
    me = pwd.getpwuid(os.geteuid())
    bench.does()
    environment, _, cwd = bench.does().output.strip().rpartition(" ")

    assert cwd == "/"
    assert eval(environment) == {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "HOME": me.pw_dir,
        "USER": me.pw_name,
        "LOGNAME": me.pw_name,
        "SHELL": me.pw_shell,
        "HWBRIDGE_TASK": "Jack",
        "HWBRIDGE_INSTANCE_ID": "2",
        "HWBRIDGE_SOCKET": "/run/test.sock",
    }


def test_what_a_handler_starts_has_three_descriptors_and_none_of_ours(bench: WorkerBench) -> None:
    bench.handler("import subprocess\ndef Handler(instance):\n    subprocess.run(['/bin/ls', '-l', '/proc/self/fd'])")
    lines = bench.does().output.splitlines()[1:]

    assert [line.split()[-3] for line in lines] == ["0", "1", "2", "3"]
    assert lines[0].endswith("/dev/null")


def test_modules_are_searched_where_the_task_says_then_where_the_interpreter_does(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance): print(sys.path)")
    path = eval(bench.does().output)

    assert path[0] == str(bench.path)
    assert "" not in path
    assert len(path) == len(set(path))


@needs_root
def test_a_handler_has_its_users_rights() -> None:
    nobody = pwd.getpwnam("nobody")
    with TemporaryDirectory() as folder:  # pytest's own are closed to others
        Path(folder).chmod(0o755)
        with WorkerBench(Path(folder)) as bench:
            bench.handler(
                "def Handler(instance):\n"
                "    ids = [*os.getresuid(), *os.getresgid()]\n"
                "    print((ids, sorted(os.getgroups()), os.umask(0), os.environ['HOME']))"
            )
            shutil.copytree(ROOT / "bridge", bench.path / "bridge", ignore=shutil.ignore_patterns("__pycache__"))
            ended = bench.does(user="nobody", interpreter="/usr/bin/python3")

    uid, gid = nobody.pw_uid, nobody.pw_gid
    groups = sorted(os.getgrouplist("nobody", gid))
    assert ended.output == f"{([uid] * 3 + [gid] * 3, groups, 0o077, nobody.pw_dir)}\n"


def test_progress_without_end_does_not_hold_up_the_others(bench: WorkerBench) -> None:
    enough = bench.path / "enough"
    bench.handler(
        "def Handler(instance):\n"
        f"    while not os.path.exists({str(enough)!r}): instance.progress = 1 + instance.progress % 1000\n"
        "    instance.progress = 0\n"
        "def Other(instance): print('beside')"
    )
    flood = bench.begin()
    bench.until(lambda: bool(bench.progress))
    beside = bench.does("tasks:Other", task="Lamp")
    enough.touch()

    assert beside.output == "beside\n"
    assert bench.end(flood).succeeded
    assert bench.progress[-1] == (flood, 0)
