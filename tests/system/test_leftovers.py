"""What former daemons' runs have left is ended before anything is run again; with real processes, however they hide."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from cgroup_folder import empty_folder
from daemon import DEADLINE_SECONDS
from process_waiting import wait_for_end

from bridge.hosts.leftovers import kill_leftovers
from bridge.hosts.marks import INSTANCE_ID, Mark, passed_on
from bridge.hosts.processes import become_subreaper, children, process_of, reap

_numbers = count(1)

SAY = "sh -c 'echo $$; exec sleep 1000'"
"""A process that says its pid, and stays as it is until it is killed."""
SHED_MARKS = "env -i prlimit --locks=unlimited"
HIDING_PLACES = {
    "setsid": f"setsid {SAY} &",
    "double fork": f"(setsid {SAY} &) &",
    "without environment": f"(env -i setsid {SAY} &) &",
    "in the group of a leader that is gone": f'setsid sh -c "{SHED_MARKS} {SAY} & {SAY} &" &',
    "ignoring TERM": f"trap '' TERM HUP INT; setsid {SAY} &",
    "stopped": "setsid sh -c 'echo $$; kill -STOP $$' &",
}
HIDING_PLACES_BESIDE_THE_MAIN_PROCESS = {
    "without any mark, but with its parent": f"{SHED_MARKS} setsid {SAY} &",
    "without any mark, but in the group": f"({SHED_MARKS} {SAY} &) &",
}


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    become_subreaper()
    before = set(children(os.getpid()))
    yield
    while left := set(children(os.getpid())) - before:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            wait_for_end(pid)
            reap(pid)


@pytest.fixture
def start() -> str:
    """The start of a former daemon that no other test has."""
    return f"test{os.getpid()}x{next(_numbers)}"


def lives(pid: int) -> bool:
    process = process_of(pid)
    return process is not None and not process.ended


def left_by(instance_id: str, script: str, says: int) -> list[int]:
    """Runs a script as a host would, with its marks, in its own group; the pids that it and its children say."""
    environment = {INSTANCE_ID: instance_id, "PATH": "/usr/bin:/bin"}
    with passed_on(Mark.of(instance_id)):
        main = subprocess.Popen(
            ["/bin/sh", "-c", script],
            env=environment,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
    assert main.stdout is not None
    pids = [int(main.stdout.readline()) for _ in range(says)]
    main.stdout.close()
    main.returncode = 0  # the fixture reaps it, if nobody else does
    return pids


@pytest.mark.parametrize("main", ["exit 0", "exec sleep 1000"])
@pytest.mark.parametrize("script", HIDING_PLACES.values(), ids=HIDING_PLACES.keys())
def test_what_a_former_run_left_is_killed_wherever_it_is(start: str, script: str, main: str) -> None:
    pids = left_by(f"{start}-1", f"{script} {main}", script.count("echo $$"))

    assert kill_leftovers({start}) == ()
    assert [pid for pid in pids if lives(pid)] == []


@pytest.mark.parametrize(
    "script", HIDING_PLACES_BESIDE_THE_MAIN_PROCESS.values(), ids=HIDING_PLACES_BESIDE_THE_MAIN_PROCESS.keys()
)
def test_what_belongs_to_a_main_process_that_is_left_is_killed_with_it(start: str, script: str) -> None:
    main, pid = left_by(f"{start}-1", f"echo $$; {script} exec sleep 1000", 2)

    assert kill_leftovers({start}) == ()
    assert [lives(main), lives(pid)] == [False, False]


def test_fifty_that_keep_forking_are_killed(start: str) -> None:
    forking = "for k in $(seq 8); do (sleep 1000 &); done; sleep 1000"
    pids = left_by(f"{start}-1", f"for i in $(seq 50); do setsid sh -c 'echo $$; {forking}' & done; exit 0", 50)

    assert kill_leftovers({start}, seconds=30) == ()
    assert [pid for pid in pids if lives(pid)] == []
    assert kill_leftovers({start}, seconds=0) == ()


def test_a_zombie_is_not_waited_for(start: str) -> None:
    (zombie,) = left_by(f"{start}-1", "echo $$", 1)
    wait_for_end(zombie)

    assert kill_leftovers({start}, seconds=0) == ()


def test_whatever_the_time_there_is_one_attempt(start: str) -> None:
    (pid,) = left_by(f"{start}-1", "echo $$; exec sleep 1000", 1)

    assert kill_leftovers({start}, seconds=0) == ()
    assert not lives(pid)


def test_the_runs_of_every_start_are_ended_and_no_others(start: str) -> None:
    (first,) = left_by(f"{start}a-1", "echo $$; exec sleep 1000", 1)
    (second,) = left_by(f"{start}b-77", "echo $$; exec sleep 1000", 1)
    (other,) = left_by(f"{start}c-1", "echo $$; exec sleep 1000", 1)

    assert kill_leftovers({f"{start}a", f"{start}b"}) == ()
    assert [lives(pid) for pid in (first, second, other)] == [False, False, True]


def test_without_starts_nothing_is_looked_at(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (pid,) = left_by(f"{start}-1", "echo $$; exec sleep 1000", 1)
    monkeypatch.setattr(os, "listdir", lambda path: pytest.fail(f"{path} was read"))

    assert kill_leftovers(()) == ()
    assert lives(pid)


KILLING = "from bridge.hosts.leftovers import *; print(kill_leftovers({'START'}), flush=True)"


def test_a_daemon_that_a_handler_started_spares_itself_and_its_ancestors(start: str) -> None:
    program = f"{KILLING.replace('START', start)}; import os; print(os.getppid())"
    script = f"echo $$; sleep 1000 & echo $!; '{sys.executable}' -c \"{program}\"; echo $$"
    told = subprocess.run(
        ["/bin/sh", "-c", script],
        env={INSTANCE_ID: f"{start}-1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        process_group=0,
        check=True,
    ).stdout.split()
    shell, sibling = told[:2]

    assert told == [shell, sibling, "()", shell, shell]
    assert not lives(int(sibling))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can become a user who may not kill the process")
def test_what_may_not_be_killed_is_named_and_not_waited_for(start: str) -> None:
    (pid,) = left_by(f"{start}-1", "echo $$; kill -STOP $$", 1)
    os.setresuid(65534, 65534, 0)
    try:
        stayed = kill_leftovers({start}, seconds=DEADLINE_SECONDS)
    finally:
        os.setresuid(0, 0, 0)

    assert [str(one) for one in stayed] == [f"sh (pid {pid}): Operation not permitted"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can become another user")
def test_a_user_ends_what_their_own_runs_left(start: str) -> None:
    program = (
        "import os, subprocess; from bridge.hosts.leftovers import *\n"
        "os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        f"left = subprocess.Popen(['/bin/sleep', '1000'], env={{'{INSTANCE_ID}': '{start}-1'}})\n"
        f"print(kill_leftovers({{'{start}'}}), left.wait())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout == "() -9\n"


def test_what_a_control_group_still_holds_is_killed_and_the_group_removed(start: str) -> None:
    with empty_folder() as folder:
        group = folder / f"hwbridge-{start}-1"
        group.mkdir()
        (folder / f"hwbridge-{start}-2").mkdir()
        unmarked = subprocess.Popen(["/bin/sleep", "1000"])
        (group / "cgroup.procs").write_text(str(unmarked.pid))

        assert kill_leftovers({start}, folder) == ()
        assert unmarked.wait(DEADLINE_SECONDS) == -signal.SIGKILL


def test_a_control_group_elsewhere_is_known_by_its_name(start: str) -> None:
    with empty_folder() as folder:
        group = folder / f"hwbridge-{start}-1"
        group.mkdir()
        unmarked = subprocess.Popen(["/bin/sleep", "1000"])
        (group / "cgroup.procs").write_text(str(unmarked.pid))

        assert kill_leftovers({start}) == ()
        assert unmarked.wait(DEADLINE_SECONDS) == -signal.SIGKILL
        group.rmdir()


def test_a_daemon_within_the_control_group_of_a_former_run_spares_itself(start: str) -> None:
    with empty_folder() as folder:
        group = folder / f"hwbridge-{start}-1"
        group.mkdir()
        sibling = subprocess.Popen(["/bin/sleep", "1000"])
        (group / "cgroup.procs").write_text(str(sibling.pid))
        program = (
            f"open('{group}/cgroup.procs', 'w').write('0'); from pathlib import Path\n"
            f"from bridge.hosts.leftovers import *; print(kill_leftovers({{'{start}'}}, Path('{folder}')))"
        )
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        assert told.stdout == "()\n"
        assert sibling.wait(DEADLINE_SECONDS) == -signal.SIGKILL
        wait_until_empty(group)
        group.rmdir()


def wait_until_empty(group: Path) -> None:
    while "populated 1" in (group / "cgroup.events").read_text():
        os.sched_yield()
