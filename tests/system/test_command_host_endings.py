"""The `exec` host with real children: cancelled, killed, and left behind."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cgroup_folder import empty_folder
from command_bench import Bench, shell

from bridge.hosts import families, processes
from bridge.hosts.marks import Mark, limit_of
from bridge.hosts.processes import environment_of, process_of
from bridge.model.tasks import SECOND, CancellationReason


@pytest.fixture
def plain_bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as bench:
        yield bench


@pytest.fixture(params=["without control groups", "with control groups"])
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "without control groups":
        with Bench(tmp_path) as bench:
            yield bench
        return
    monkeypatch.setattr(families, "ENCLOSE_AFTER_SECONDS", 0)
    with empty_folder() as cgroup, Bench(tmp_path, cgroup) as bench:
        yield bench


def carriers_of(instance_id: str) -> list[int]:
    """The living processes that carry a mark of the run, wherever they are."""
    mark = Mark.of(instance_id)
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    carriers = [pid for pid in pids if limit_of(pid) == mark.limit or mark.entry in (environment_of(pid) or ())]
    return [pid for pid in carriers if (process := process_of(pid)) is not None and not process.ended]


def test_cancel_is_term_to_the_whole_group(bench: Bench) -> None:
    bench.start(*shell(f"sleep 1000 & echo ready > {bench.said}; wait"))
    bench.hear("ready")
    bench.host.cancel("1", CancellationReason.ExecutionTimeExceeded)

    assert bench.end().detail == "killed by SIGTERM"


def test_a_cancelled_program_may_end_well(bench: Bench) -> None:
    bench.start(*shell(f"trap 'echo bye; exit 0' TERM; echo ready > {bench.said}; while :; do sleep 0.1; done"))
    bench.hear("ready")
    bench.host.cancel("1", CancellationReason.Abort)

    ended = bench.end()

    assert (ended.succeeded, ended.detail) == (True, "exit 0")
    assert ended.output.endswith("bye\n")


def test_a_program_that_ignores_term_is_killed_and_no_other(bench: Bench) -> None:
    bench.start(*shell(f"trap '' TERM; echo ready > {bench.said}; sleep 1000"))
    bench.hear("ready")
    bench.start(*shell(f"echo ready > {bench.said}; cat /dev/stdin; read x < {bench.go}"), instance_id="2")
    bench.hear("ready")
    bench.host.cancel("1", CancellationReason.ExecutionTimeExceeded)
    bench.host.kill("1")

    assert bench.end("1").detail == "killed by SIGKILL"
    assert "2" not in bench.reported
    bench.release()
    assert bench.end("2").succeeded


def test_a_run_that_is_over_can_be_cancelled_and_killed(bench: Bench) -> None:
    bench.run("/bin/true")
    bench.host.cancel("1", CancellationReason.Abort)
    bench.host.kill("1")
    bench.start("/bin/true", instance_id="2")

    assert bench.end("2").succeeded


@pytest.mark.parametrize("script", ["sleep 1000 &", "setsid sleep 1000 &", "(setsid sh -c 'sleep 1000 & wait' &) &"])
def test_what_outlives_the_main_process_and_its_grace_is_killed_and_fails_the_run(bench: Bench, script: str) -> None:
    ended = bench.run(*shell(f"{script} exit 0"), cancel_grace=SECOND // 100)

    assert not ended.succeeded
    assert re.fullmatch(r"left [12] process(es)? behind: \w+ \(pid \d+\)(, \w+ \(pid \d+\))?", ended.detail)


def test_what_outlives_the_main_process_may_end_within_the_grace(bench: Bench) -> None:
    bench.start(*shell(f"setsid sh -c 'echo ready > {bench.said}; read x < {bench.go}; echo done' &"))
    bench.hear("ready")
    bench.release()

    ended = bench.end()

    assert (ended.succeeded, ended.detail, ended.output) == (True, "exit 0", "done\n")


def test_the_status_comes_before_what_was_left_behind(bench: Bench) -> None:
    ended = bench.run(*shell("sleep 1000 & exit 75"), cancel_grace=0)

    assert ended.detail.startswith("exit 75; left 1 process behind: ")
    assert not ended.again


def test_whatever_leaves_in_the_middle_of_an_exec_is_found(bench: Bench) -> None:
    numbers = [str(number) for number in range(40)]
    for number in numbers:
        bench.start(*shell("setsid sleep 1000 & exit 0"), instance_id=number, cancel_grace=0)

    assert [n for n in numbers if not bench.end(n).detail.startswith("left 1 process behind: ")] == []


def test_what_cannot_be_told_at_first_is_looked_at_again(plain_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bool | None] = []

    def carries(pid: int, mark: Mark) -> bool | None:
        answers.append(None if len(answers) < 3 else told(pid, mark))
        if len(answers) == 3:
            plain_bench.release()
        return answers[-1]

    told = processes._carries
    monkeypatch.setattr(processes, "_carries", carries)
    orphan = f"(setsid sh -c 'echo ready > {plain_bench.said}; read x < {plain_bench.go}; exit' &)"
    plain_bench.start(*shell(f"{orphan}; echo ready > {plain_bench.said}; read x < {plain_bench.go}"))
    plain_bench.hear("ready", "ready")
    plain_bench.host.cancel("1", CancellationReason.Abort)

    assert plain_bench.end().detail == "killed by SIGTERM"
    assert answers[:3] == [None, None, None]


def test_cancel_reaches_orphans_outside_of_the_group(bench: Bench) -> None:
    orphan = bench.said.with_name("orphan")
    orphan.write_text(
        "import signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        f"print('ready', file=open('{bench.said}', 'w'), flush=True)\n"
        "signal.sigwait([signal.SIGTERM])\n"
        f"print('bye', file=open('{bench.said}', 'w'), flush=True)\n"
    )
    bench.start(*shell(f"trap 'exit 0' TERM; (setsid {sys.executable} {orphan} &); read x < {bench.go}"))
    bench.hear("ready")
    bench.host.cancel("1", CancellationReason.Abort)
    bench.hear("bye")

    assert bench.end().succeeded


HIDING_PLACES = {
    "in its group": "sleep 1000 &",
    "in another session": "setsid sleep 1000 &",
    "in another session without its parent": "(setsid sleep 1000 &);",
    "under its parent without a trace": "env -i setsid sleep 1000 &",
    "under an orphan without a trace": "(setsid sh -c 'env -i setsid sleep 1000 & wait' &);",
    "ignoring TERM": "trap '' TERM; setsid sh -c 'sleep 1000; sleep 1000' &",
}


@pytest.mark.parametrize("script", HIDING_PLACES.values(), ids=HIDING_PLACES.keys())
def test_kill_ends_what_the_run_started_wherever_it_is(bench: Bench, script: str) -> None:
    bench.start(*shell(f"{script} echo ready > {bench.said}; sleep 1000"))
    bench.hear("ready")
    bench.host.kill("1")

    assert bench.end().detail == "killed by SIGKILL"


def let_the_host_see_the_end_of(pid: int, bench: Bench) -> None:
    """Waits until the process has ended, and then lets the loop run once around for sure: for another run."""
    while (process := process_of(pid)) is not None and not process.ended:
        os.sched_yield()
    bench.start("/bin/true", instance_id="later")
    bench.end("later")


def test_kill_does_not_wait_for_the_grace_of_what_was_left_behind(bench: Bench) -> None:
    bench.start(*shell(f"setsid sh -c 'read x < {bench.go}' & echo $$ > {bench.said}"), cancel_grace=10**12)
    let_the_host_see_the_end_of(bench.hear_pid(), bench)
    bench.host.kill("1")

    assert re.fullmatch(r"left 1 process behind: \w+ \(pid \d+\)", bench.end().detail)


@pytest.mark.parametrize("most_watched", [4, 64])
def test_fifty_processes_in_sessions_of_their_own_are_killed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, most_watched: int
) -> None:
    monkeypatch.setattr(families, "MOST_WATCHED", most_watched)
    bench.start(*shell("for i in $(seq 50); do setsid sleep 1000 & done; exit 0"), cancel_grace=0)

    assert re.fullmatch(r"left \d+ processes behind: (\w+ \(pid \d+\), ){5}\.\.\.", bench.end().detail)


def test_a_bomb_of_forks_is_killed(bench: Bench) -> None:
    bomb = "bomb() { [ $1 = 0 ] && exec sleep 1000; bomb $(($1-1)) & setsid sh -c 'sleep 1000 &' & bomb $(($1-1)); }"
    bench.start(*shell(f"{bomb}; echo ready > {bench.said}; bomb 5"))
    bench.hear("ready")
    bench.host.kill("1")

    assert bench.end().detail == "killed by SIGKILL"


GONE_AFTER_A_KILL = {
    "setsid": "setsid sh -c 'READY' &",
    "double fork": "(setsid sh -c 'READY' &) &",
    "double fork without environment": "(env -i setsid sh -c 'READY' &) &",
    "fifty": "for i in $(seq 49); do (env -i setsid sleep 1000 &) & done; (setsid sh -c 'READY' &);",
    "stopped": "(setsid sh -c 'echo ready > SAID; kill -STOP $$' &) &",
    "keeps forking": (
        "for i in $(seq 50); do setsid sh -c 'for k in $(seq 8); do (sleep 1000 &); done; sleep 1000' & done;"
        "(setsid sh -c 'READY' &);"
    ),
}


@pytest.mark.parametrize("script", GONE_AFTER_A_KILL.values(), ids=GONE_AFTER_A_KILL.keys())
def test_after_a_kill_nothing_carries_the_mark(bench: Bench, script: str) -> None:
    instance_id = f"{os.getpid()}-1"
    script = script.replace("READY", "echo ready > SAID; sleep 1000").replace("SAID", str(bench.said))
    bench.start(*shell(f"{script} sleep 1000"), instance_id=instance_id)
    bench.hear("ready")
    bench.host.kill(instance_id)

    assert bench.end(instance_id).detail == "killed by SIGKILL"
    assert carriers_of(instance_id) == []


def test_a_run_that_was_killed_does_not_ask_to_be_run_again(bench: Bench) -> None:
    bench.start(*shell(f"sh -c 'echo $$ > {bench.said}; read x < {bench.go}' & exit 75"), cancel_grace=10**12)
    bench.hear_pid()
    bench.host.kill("1")

    assert not bench.end().again


def test_close_kills_what_runs_and_what_was_left_and_reports_it(bench: Bench) -> None:
    bench.start(*shell(f"trap '' TERM; echo ready > {bench.said}; sleep 1000"))
    bench.start(*shell(f"setsid sh -c 'read x < {bench.go}' & echo $$ > {bench.said}"), instance_id="2")
    bench.hear("ready")
    let_the_host_see_the_end_of(bench.hear_pid(), bench)
    bench.close()

    assert bench.reported["1"].detail == "killed by SIGKILL"
    assert bench.reported["2"].detail.startswith("left 1 process behind: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can become a user who may not kill the handler")
@pytest.mark.parametrize("script", ["echo ready > SAID; read x < GO", "sh -c 'echo ready > SAID; read x < GO' &"])
def test_what_we_are_not_permitted_to_kill_is_named_and_not_waited_for(
    plain_bench: Bench, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(families, "KILL_SECONDS", 0.01)
    plain_bench.start(*shell(script.replace("SAID", str(plain_bench.said)).replace("GO", str(plain_bench.go))))
    plain_bench.hear("ready")
    os.setresuid(65534, 65534, 0)
    try:
        plain_bench.host.kill("1")
        ended = plain_bench.end()
    finally:
        os.setresuid(0, 0, 0)
    plain_bench.release()

    assert re.fullmatch(r"(left .*; )?cannot kill 1 process: sh \(pid \d+\): Operation not permitted", ended.detail)
