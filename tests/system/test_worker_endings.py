"""The `python` host with real workers: how they fail and end, and what stays for the next run."""

import os
import pwd
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from daemon import ROOT, needs_root
from worker_bench import WorkerBench

from bridge.hosts import workers
from bridge.model.tasks import SECOND, CancellationReason


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WorkerBench]:
    with WorkerBench(tmp_path) as bench:
        yield bench


@pytest.mark.parametrize(
    ("does", "detail"),
    [
        ("os._exit(3)", "exit 3"),
        ("os._exit(0)", "exit 0 before the run was over"),
        ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("os.abort()", "killed by SIGABRT"),
    ],
)
def test_a_handler_that_ends_its_process_fails_its_run_alone(bench: WorkerBench, does: str, detail: str) -> None:
    bench.handler(f"def Handler(instance):\n    print('begun')\n    if instance.details:\n        {does}")
    pid = bench.workers()
    bench.does()
    ended = bench.does(details={"now": "end"})

    assert (ended.succeeded, ended.detail) == (False, detail)
    assert ended.output.startswith("begun\n")
    assert bench.does().succeeded
    assert bench.workers() != pid


def test_a_crash_says_where(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance):\n    import ctypes\n    ctypes.string_at(0)")

    assert 'tasks.py", line 10 in Handler' in bench.does().output


def test_os_exit_75_asks_for_another_run_as_a_program_does(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance):\n    os._exit(75)")

    assert bench.does().again


def test_an_endless_loop_is_asked_to_end_and_then_killed(bench: WorkerBench) -> None:
    bench.handler(
        "def Handler(instance):\n"
        "    instance.canceled.connect(lambda instance, reason: say(reason.name))\n"
        "    say('ready')\n"
        "    while True: pass"
    )
    run = bench.begin()
    bench.hear("ready")
    bench.host.cancel(run, CancellationReason.ExecutionTimeExceeded)
    bench.hear("ExecutionTimeExceeded")
    bench.host.kill(run)

    assert bench.end(run).detail == "killed by SIGKILL"


LOADING = [
    (
        "nosuch:Handler",
        "",
        "cannot import nosuch: ModuleNotFoundError: No module named 'nosuch'; looked for in {path}, ",
    ),
    ("tasks:Handler", "import nosuch", "cannot import tasks: ModuleNotFoundError: No module named 'nosuch'"),
    ("tasks:Handler", "raise OSError('no')", "cannot import tasks: OSError: no"),
    ("tasks:Handler", "sys.exit(0)", "cannot import tasks: SystemExit: 0"),
    ("tasks:Handler", "def (", "cannot import tasks: SyntaxError: invalid syntax (tasks.py, line 8)"),
    ("tasks:Handler", "", "tasks has no Handler"),
    ("tasks:Handler", "Handler = 5", "5 is no handler: a class or an object with run(instance), or a function"),
    ("tasks:os.nosuch", "", "tasks has no os.nosuch"),
]


@pytest.mark.parametrize(("entry_point", "source", "detail"), LOADING)
def test_a_handler_that_cannot_be_loaded_fails_its_run_by_name(
    bench: WorkerBench, entry_point: str, source: str, detail: str
) -> None:
    bench.handler(source)
    ended = bench.does(entry_point)

    assert not ended.succeeded
    assert ended.detail.startswith(detail.format(path=bench.path))


@needs_root
def test_a_module_in_a_folder_that_its_user_may_not_read_is_told_so() -> None:
    with TemporaryDirectory() as folder:  # pytest's own are closed to others
        Path(folder).chmod(0o755)
        with WorkerBench(Path(folder)) as bench:
            closed = bench.path / "closed"
            closed.mkdir(mode=0o700)
            shutil.copytree(ROOT / "bridge", bench.path / "bridge", ignore=shutil.ignore_patterns("__pycache__"))
            bench.handler(
                "from bridge.client.loading import EntryPoint\n"
                f"def Handler(instance):\n    sys.path.insert(0, {str(closed)!r})\n    EntryPoint('desk:Copy').load()"
            )
            ended = bench.does(user="nobody", interpreter="/usr/bin/python3")

    assert ended.detail.startswith(
        "HandlerError: cannot import desk: ModuleNotFoundError: No module named 'desk';"
        f" this user may not read {closed}; looked for in {closed}, "
    )


def test_a_module_that_is_mended_runs_next_time(bench: WorkerBench) -> None:
    bench.handler("import nosuch")
    bench.does()
    bench.handler("def Handler(instance): print('mended')")

    assert bench.does().output == "mended\n"


def test_a_module_that_has_changed_on_the_disk_is_run_as_it_is_now(bench: WorkerBench) -> None:
    bench.handler("VALUE = 'helper'", module="helper")
    bench.handler("import helper\ndef Handler(instance): print('old', helper.VALUE)")
    bench.does()
    bench.handler("import helper\ndef Handler(instance): print('new', helper.VALUE)")
    after = bench.does().output
    bench.handler("VALUE = 'other'", module="helper")

    assert [after, bench.does().output] == ["new helper\n", "new other\n"]


MEDDLING = {
    "closes": ("os.closerange(3, 500)", r"exit 74"),
    "writes": ("os.write(ours, b'{}\\0'); wait()", "what its worker was told to send .* a call has no method"),
    "calls": (
        """os.write(ours, b'{"method": "org.hwbridge.Reset", "parameters": {"name": "x"}}\\0'); wait()""",
        "what its worker was told to send .* org.hwbridge.Reset is not what a worker calls",
    ),
    "shuts": (
        "import socket; socket.socket(fileno=os.dup(ours)).shutdown(socket.SHUT_WR); wait()",
        "killed by SIGKILL; closed its worker's connection to hwbridge",
    ),
    "floods": (
        """os.write(ours, b'{"method": "org.hwbridge.Complete", "parameters": {"x": "' + b'y' * 500_000); wait()""",
        "what its worker was told to send .* a message has more than 262144 bytes",
    ),
}


@pytest.mark.parametrize(("does", "detail"), MEDDLING.values(), ids=MEDDLING)
def test_a_handler_that_meddles_with_our_socket_fails_its_run_alone(
    bench: WorkerBench, monkeypatch: pytest.MonkeyPatch, does: str, detail: str
) -> None:
    monkeypatch.setattr(workers, "DEAF_SECONDS", 0.05)
    bench.handler(
        "def Handler(instance):\n"
        "    if instance.details:\n"
        "        import stat\n"
        "        ours = next(fd for fd in range(3, 500) if is_socket(fd))\n"
        f"        {does}\n"
        "def is_socket(fd):\n"
        "    import stat\n"
        "    try: return stat.S_ISSOCK(os.fstat(fd).st_mode)\n"
        "    except OSError: return False"
    )
    ended = bench.does(details={"meddle": "1"})

    assert not ended.succeeded
    assert re.search(detail, ended.detail)
    assert bench.does().succeeded


def test_runs_at_once_have_a_worker_each_and_these_stay(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance):\n    say('ready')\n    wait()\n    print(os.getpid())")
    runs = [bench.begin(), bench.begin()]
    bench.hear("ready", "ready")
    bench.release()
    bench.release()
    pids = {bench.end(run).output for run in runs}
    bench.release()

    assert len(pids) == 2
    assert bench.does().output in pids


def test_another_task_has_another_worker(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance): print(os.getpid())")

    assert bench.does().output != bench.does(task="Lamp").output


def test_a_worker_that_has_been_idle_ends(bench: WorkerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.0)
    bench.handler("def Handler(instance): pass")
    bench.does()

    bench.spin_until(lambda: not bench.workers())

    assert bench.does().succeeded


def test_more_idle_workers_than_are_kept_end_those_first_that_waited_longest(
    bench: WorkerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MOST_IDLE", 1)
    bench.handler("def Handler(instance): print(os.getpid())")
    bench.does()
    kept = int(bench.does(task="Lamp").output)

    bench.spin_until(lambda: bench.workers() == [kept])


def test_a_process_that_ends_within_the_grace_costs_only_the_worker(bench: WorkerBench) -> None:
    bench.handler(
        "import subprocess\n"
        "def Handler(instance):\n"
        f"    subprocess.Popen(['/bin/sh', '-c', 'echo ready > {bench.said}; read x < {bench.go}'])\n"
        "    print(os.getpid())"
    )
    run = bench.begin()
    bench.hear("ready")
    bench.release()
    first = bench.end(run)

    assert (first.succeeded, first.detail) == (True, "returned")


@pytest.mark.parametrize("grace", [0, SECOND // 2], ids=["before its worker has ended", "after it"])
def test_a_process_that_does_not_end_within_the_grace_is_killed_and_fails_the_run(
    bench: WorkerBench, grace: int
) -> None:
    bench.handler("import subprocess\ndef Handler(instance): subprocess.Popen(['/bin/sleep', '1000'])")
    ended = bench.does(cancel_grace=grace)

    assert re.fullmatch(r"left 1 process behind: sleep \(pid \d+\)", ended.detail)


def test_a_kill_ends_what_the_handler_started(bench: WorkerBench) -> None:
    bench.handler(
        "import subprocess\n"
        "def Handler(instance):\n"
        "    subprocess.Popen(['/usr/bin/setsid', '/bin/sleep', '1000'])\n"
        "    say('ready')\n"
        "    wait()"
    )
    run = bench.begin()
    bench.hear("ready")
    bench.host.kill(run)

    assert bench.end(run).detail == "killed by SIGKILL"
    assert bench.workers() == []


def test_processes_of_a_worker_belong_to_the_run_that_it_has(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance):\n    say(os.getpid())\n    wait()")
    first = bench.begin()
    pid = bench.hear_pid()
    of_first = bench.host.run_of(pid)
    bench.release()
    bench.end(first)
    idle = bench.host.run_of(pid)
    second = bench.begin()
    bench.hear_pid()
    of_second = bench.host.run_of(pid)
    bench.release()
    bench.end(second)

    assert (of_first, idle, of_second) == ("1", None, "2")


def program(folder: Path, text: str) -> str:
    script = folder / "program"
    script.write_text(text)
    script.chmod(0o755)
    return str(script)


def test_an_interpreter_that_has_no_hwbridge_is_told_by_name(bench: WorkerBench, tmp_path: Path) -> None:
    interpreter = program(tmp_path, f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bench.handler("def Handler(instance): pass")

    assert bench.does(interpreter=interpreter).detail == (
        f"{interpreter}: cannot import bridge (ModuleNotFoundError: No module named 'bridge'): install hwbridge for it,"
        " or name as `interpreter` that of an environment that has it"
    )


@pytest.mark.parametrize(
    ("interpreter", "detail"),
    [
        ("/no/such", "interpreter /no/such: not found; `interpreter` in the task's run names the one to use"),
        (
            "/etc/passwd",
            "interpreter /etc/passwd: {me} may not execute it; `interpreter` in the task's run names the one",
        ),
        ("/bin/true", "/bin/true: exit 0 before it took the run: is it a Python interpreter?"),
        ("/bin/ls", "/bin/ls: exit 2 before it took the run ("),
    ],
)
def test_an_interpreter_that_is_none_fails_the_run_by_name(bench: WorkerBench, interpreter: str, detail: str) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name

    assert bench.does(interpreter=interpreter).detail.startswith(detail.replace("{me}", me))


def test_an_interpreter_that_never_asks_for_its_run_is_killed(
    bench: WorkerBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "BEGIN_SECONDS", 0.05)

    assert bench.does(interpreter=program(tmp_path, "#!/bin/sh\nsleep 1000\n")).detail == (
        "killed by SIGKILL; did not ask for its run in 0.05 s"
    )


def test_closing_ends_idle_workers_and_kills_the_others(bench: WorkerBench) -> None:
    bench.handler("def Handler(instance):\n    say('ready')\n    wait()")
    first, second = bench.begin(), bench.begin()
    bench.hear("ready", "ready")
    bench.release()
    bench.until(lambda: len(bench.reported) == 1)
    bench.close()

    assert sorted(bench.reported[run].detail for run in (first, second)) == ["killed by SIGKILL", "returned"]
    assert bench.workers() == []
