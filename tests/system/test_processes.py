"""Finding, signalling and reaping real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from process_waiting import wait_for_end

from bridge.hosts import processes
from bridge.hosts.marks import Mark, limit_of, passed_on
from bridge.hosts.processes import Process, become_subreaper, belongings, children, process_of, reap, reap_orphans, send

MARK = Mark.of("7")
MARKED = {"HWBRIDGE_INSTANCE_ID": "7", "PATH": "/usr/bin:/bin"}


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    reap_orphans(())  # what killed daemons of other tests have left to us
    before = children(os.getpid())
    yield
    assert children(os.getpid()) == before


class Main:
    """A main process that prints a line once all it starts is there, and then waits; ended with all that is left."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        become_subreaper()
        self._before = set(children(os.getpid()))
        self.process = subprocess.Popen(
            arguments, env=environment or MARKED, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline().decode().strip()

    def found(self, mark: Mark = MARK) -> list[int]:
        return [process.pid for process in belongings(self.process.pid, mark, {self.process.pid}).processes]

    def orphan(self) -> int:
        """The pid that the line says, once we have adopted that process."""
        while (process := process_of(int(self.line))) is None or process.parent != os.getpid():
            os.sched_yield()
        return int(self.line)

    def end(self) -> None:
        """Lets the main process end; it stays a zombie."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        wait_for_end(self.process.pid)

    def __enter__(self) -> "Main":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        while left := set(children(os.getpid())) - self._before:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
                wait_for_end(pid)
                reap(pid)
        self.process.stdin.close()
        self.process.stdout.close()


def shell(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script + " read x")


STARTED = "sh -c 'echo $$; kill -STOP $$'"
"""A process that says its pid and stays as it is until it is killed."""


def test_a_process_is_read_from_proc_whatever_its_name() -> None:
    name = "a) R 1 (\n"
    program = f"open('/proc/self/comm', 'w').write({name!r}); print('there', flush=True); input()"
    with Main(sys.executable, "-c", program) as main:
        process = process_of(main.process.pid)

        assert process is not None
        assert (process.name, process.state, process.parent) == (name, process.state, os.getpid())
        assert process.group == process.pid == main.process.pid


def test_a_process_that_is_gone_has_neither_stat_nor_children() -> None:
    process = subprocess.Popen(["/bin/true"])
    process.wait()

    assert process_of(process.pid) is None
    assert children(process.pid) == []


@pytest.mark.parametrize("children_file", ["children", "absent"])
def test_children_are_found_with_and_without_their_files(monkeypatch: pytest.MonkeyPatch, children_file: str) -> None:
    monkeypatch.setattr(processes, "_CHILDREN", children_file)
    with Main(*shell(f"{STARTED} &")) as main:
        assert main.process.pid in children(os.getpid())
        assert children(main.process.pid) == [int(main.line)]


def test_a_run_with_nothing_but_its_main_process_has_no_belongings() -> None:
    with Main(*shell("echo there;")) as main:
        assert main.found() == []


@pytest.mark.parametrize(
    "script",
    [
        f"{STARTED} &",
        f"setsid {STARTED} &",
        f"(setsid {STARTED} &);",
        f"env -i {STARTED} &",
    ],
)
def test_what_a_main_process_started_belongs_to_its_run(script: str) -> None:
    with Main(*shell(script)) as main:
        main.end()

        assert main.found() == [int(main.line)]


def test_what_shed_its_group_and_every_mark_belongs_while_it_has_its_parent() -> None:
    with Main(*shell(f"env -i setsid {STARTED} &")) as main:
        assert main.found() == [int(main.line)]
        main.end()
        assert main.found() == []  # only a cgroup could tell


def test_what_shed_its_group_and_environment_and_parent_belongs_by_its_limit() -> None:
    with passed_on(MARK), Main(*shell(f"(env -i setsid {STARTED} &);")) as main:
        main.orphan()
        main.end()

        assert main.found() == [int(main.line)]
        assert main.found(mark=Mark.of("77")) == []


def test_the_limit_is_passed_on_to_children_and_ours_is_as_before() -> None:
    before = limit_of(os.getpid())
    with passed_on(MARK):
        main = Main(*shell(f"{STARTED} &"))
    with main:
        assert limit_of(int(main.line)) == limit_of(main.process.pid) == MARK.limit
    assert limit_of(os.getpid()) == before
    assert limit_of(main.process.pid) is None


def test_a_lower_hard_limit_leaves_children_without_the_mark() -> None:
    program = (
        "import os, resource; from bridge.hosts.marks import *; resource.setrlimit(10, (7, 7));"
        "mark = Mark.of('7')\n"
        "with passed_on(mark): print(limit_of(os.getpid()))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"7\n"


def test_another_runs_orphans_do_not_belong() -> None:
    with Main(*shell(f"(setsid {STARTED} &);")) as main:
        main.end()

        assert main.found(mark=Mark.of("77")) == []


def test_another_runs_main_process_is_not_looked_into() -> None:
    with Main(*shell(f"{STARTED} &")) as main, Main(*shell(f"{STARTED} &")) as other:
        spawned = {main.process.pid, other.process.pid}
        found = belongings(main.process.pid, Mark.of("8"), spawned).processes

        assert [process.pid for process in found] == [int(main.line)]


def test_a_process_without_any_environment_is_nobodys_and_not_unsure() -> None:
    with Main(*shell(f"(env -i setsid {STARTED} &);")) as main:
        main.orphan()
        found = belongings(main.process.pid, MARK, {main.process.pid})

        assert found.processes == []
        assert not found.unsure


def test_a_process_whose_first_thread_has_ended_belongs() -> None:
    program = (
        "import ctypes, os, threading; os.setsid(); print(os.getpid(), flush=True);"
        "threading.Thread(target=input).start(); ctypes.CDLL(None).pthread_exit(None)"
    )
    with Main(*shell(f"('{sys.executable}' -c '{program}' <&3 &) 3<&0;")) as main:
        orphan = main.orphan()
        while (process := process_of(orphan)) is None or process.state != "Z":
            os.sched_yield()

        assert not process.ended
        assert main.found() == [orphan]


def test_a_process_in_the_middle_of_an_exec_makes_us_unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_an_exec(pid: int) -> Process | None:
        process = process_of(pid)
        return replace(process, environment_end=0) if process is not None else None

    with Main(*shell(f"(setsid {STARTED} &);")) as main:
        main.orphan()
        monkeypatch.setattr(processes, "_environment", lambda pid: b"")
        monkeypatch.setattr(processes, "process_of", in_an_exec)
        found = belongings(main.process.pid, MARK, {main.process.pid})

        assert (found.processes, found.unsure) == ([], True)


def test_a_zombie_is_no_belonging() -> None:
    with Main(*shell("(sh -c 'echo $$' &);")) as main:
        wait_for_end(main.orphan())

        assert main.found() == []


def test_reaping_orphans_leaves_the_status_of_those_that_are_waited_for() -> None:
    become_subreaper()
    waited_for = subprocess.Popen(["/bin/sh", "-c", "exit 3"])
    wait_for_end(waited_for.pid)
    with Main(*shell("(setsid sh -c 'echo $$' &);")) as main:
        orphan = main.orphan()
        wait_for_end(orphan)
        reap_orphans({waited_for.pid, main.process.pid})

        assert orphan not in children(os.getpid())
        assert waited_for.wait() == 3


def test_a_signal_does_not_reach_who_got_the_pid_later() -> None:
    with Main(*shell("echo there;")) as main:
        process = process_of(main.process.pid)
        assert process is not None
        send(replace(process, started_at=process.started_at - 1), signal.SIGKILL)
        main.end()

        assert main.process.wait() == 1  # what `read` returns at the end of its input
