"""Control groups of version 2 for runs: found, made, left, frozen, killed and removed."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cgroup_folder import empty_folder
from command_bench import DEADLINE_SECONDS, Bench, shell

from bridge.errors import DeviceError
from bridge.hosts import cgroups, families
from bridge.hosts.cgroups import ControlGroup, folder_for_runs, folder_of, membership, remove, throttled
from bridge.hosts.enclosing import Enclosures
from bridge.hosts.marks import Mark
from bridge.hosts.processes import process_of

MOUNTS = """\
23 1 0:21 / / rw - ext4 /dev/vda rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
"""
SHED_EVERYTHING = "(env -i prlimit --locks=unlimited setsid sh -c 'echo $$ > SAID; read x < GO' &);"
"""A process that keeps neither group nor environment, limit and parent; it says its pid, and waits."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with empty_folder() as folder:
        yield folder


@pytest.fixture
def enclosing_bench(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(families, "ENCLOSE_AFTER_SECONDS", 0)
    with Bench(tmp_path, folder) as bench:
        yield bench


def spin_until(condition: Callable[[], bool]) -> None:
    async def holds() -> None:
        while not condition():
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(holds(), DEADLINE_SECONDS))


def start_enclosed(bench: Bench, folder: Path, script: str) -> int:
    """Starts a shell that goes on with its script once it is in its control group; its pid."""
    said, go = str(bench.said), str(bench.go)
    script = script.replace("SAID", said).replace("GO", go)
    bench.start(*shell(f"echo $$ > {said}; read x < {go}; {script}"))
    pid = bench.hear_pid()
    bench.spin_until(lambda: membership(pid).endswith(f"/{folder.name}/hwbridge-1"))
    bench.release()
    return pid


def lives(pid: int) -> bool:
    process = process_of(pid)
    return process is not None and not process.ended


@pytest.mark.parametrize(
    ("group", "mount", "folder"),
    [
        ("/", "40 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw", "/sys/fs/cgroup/unified"),
        ("/a.slice", "40 31 0:38 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw", "/sys/fs/cgroup/a.slice"),
        ("/box/1/a", "40 31 0:38 /box/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "/sys/fs/cgroup/a"),
        ("/a", r"40 31 0:38 / /my\040groups rw - cgroup2 cgroup2 rw", "/my groups/a"),
        ("/box/12", "40 31 0:38 /box/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw", None),
        ("/../other", "40 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", None),
        ("", "40 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", None),
        ("/", "40 31 0:38 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids", None),
    ],
)
def test_a_control_group_is_found_where_its_file_system_is_mounted(group: str, mount: str, folder: str | None) -> None:
    assert folder_of(group, f"{MOUNTS}{mount}\n") == (None if folder is None else Path(folder))


def test_our_own_control_group_holds_us(folder: Path) -> None:
    assert str(os.getpid()) in (folder_for_runs() / "cgroup.procs").read_text().split()


def test_where_no_such_file_system_is_mounted_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "membership", lambda pid: "")

    with pytest.raises(DeviceError, match="no file system of control groups of version 2 shows the one that we are in"):
        folder_for_runs()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can become another user")
@pytest.mark.parametrize("delegated", [False, True])
def test_a_user_makes_groups_where_they_are_delegated(folder: Path, delegated: bool) -> None:
    theirs = folder / "theirs"
    theirs.mkdir()
    if delegated:  # as systemd.resource-control(5) has it for Delegate=
        for path in (theirs, theirs / "cgroup.procs", theirs / "cgroup.subtree_control", theirs / "cgroup.threads"):
            os.chown(path, 65534, 65534)
    program = (
        "import os, subprocess\n"
        "from bridge.errors import DeviceError\n"
        "from bridge.hosts.cgroups import *\n"
        f"open('{theirs}/cgroup.procs', 'w').write('0')\n"
        "os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        "try: folder = folder_for_runs()\n"
        "except DeviceError as error: raise SystemExit(str(error))\n"
        "sleep = subprocess.Popen(['/bin/sleep', '1000'])\n"
        "group = ControlGroup(folder / 'hwbridge-1'); group.add(sleep.pid)\n"
        "print(membership(sleep.pid)); group.kill()\n"
        "print(sleep.wait(), remove(folder / 'hwbridge-1'))\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    theirs.rmdir()

    if delegated:
        assert told.stdout.splitlines() == [
            f"{membership(os.getpid()).rstrip('/')}/{folder.name}/theirs/hwbridge-1",
            "-9 True",
        ]
    else:
        assert told.stderr == f"{theirs}: we may not move processes within this control group\n"


def test_a_run_that_is_there_for_a_while_is_in_its_own_group_and_the_group_goes_with_it(
    enclosing_bench: Bench, folder: Path
) -> None:
    start_enclosed(enclosing_bench, folder, "echo done")
    ended = enclosing_bench.end()

    assert (ended.detail, ended.suspended) == ("exit 0", 0)
    assert not (folder / "hwbridge-1").exists()


def test_a_run_that_is_over_before_gets_no_group(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "ENCLOSE_AFTER_SECONDS", 1000)
    with Bench(tmp_path, folder) as bench:
        ended = bench.run(*shell("echo done"))

    assert (ended.detail, ended.suspended, ended.throttled) == ("exit 0", None, None)


def test_what_was_started_before_comes_into_the_group_too(enclosing_bench: Bench, folder: Path) -> None:
    bench = enclosing_bench
    bench.start(*shell(f"(env -i setsid sh -c 'echo $$ > {bench.said}; read x < {bench.go}' &); read x < {bench.go}"))
    orphan = bench.hear_pid()
    bench.spin_until(lambda: membership(orphan).endswith(f"/{folder.name}/hwbridge-1"))
    bench.host.kill("1")

    assert bench.end().detail == "killed by SIGKILL"
    assert not lives(orphan)


def test_what_sheds_everything_is_killed_in_its_group(enclosing_bench: Bench, folder: Path) -> None:
    start_enclosed(enclosing_bench, folder, f"{SHED_EVERYTHING} sleep 1000")
    orphan = enclosing_bench.hear_pid()
    enclosing_bench.host.kill("1")

    assert enclosing_bench.end().detail == "killed by SIGKILL"
    assert not lives(orphan)


def test_what_sheds_everything_and_stays_behind_fails_its_run(enclosing_bench: Bench, folder: Path) -> None:
    pid = start_enclosed(enclosing_bench, folder, f"{SHED_EVERYTHING} exit 0")
    orphan = enclosing_bench.hear_pid()
    enclosing_bench.spin_until(lambda: not lives(pid))
    enclosing_bench.host.kill("1")

    assert enclosing_bench.end().detail == f"left 1 process behind: sh (pid {orphan})"
    assert not lives(orphan)


def test_what_sheds_everything_escapes_where_there_is_no_group(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        script = SHED_EVERYTHING.replace("SAID", str(bench.said)).replace("GO", str(bench.go))
        bench.start(*shell(f"{script} sleep 1000"))
        orphan = bench.hear_pid()
        bench.host.kill("1")
        bench.end()

        assert lives(orphan)
        bench.release()


def test_groups_that_a_handler_made_within_its_own_go_too(enclosing_bench: Bench, folder: Path) -> None:
    moved = "echo 0 > GROUP/inner/most/cgroup.procs; echo ready > SAID; sleep 1000"
    script = f"mkdir GROUP/inner GROUP/inner/most; sh -c '{moved}'"
    start_enclosed(enclosing_bench, folder, script.replace("GROUP", f"{folder}/hwbridge-1"))
    enclosing_bench.hear("ready")
    enclosing_bench.host.kill("1")

    assert enclosing_bench.end().detail == "killed by SIGKILL"


def test_before_linux_5_14_a_group_is_killed_one_by_one(
    enclosing_bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "kill", lambda folder: None)  # as without the file cgroup.kill
    start_enclosed(enclosing_bench, folder, f"{SHED_EVERYTHING} sleep 1000")
    orphan = enclosing_bench.hear_pid()
    enclosing_bench.host.kill("1")

    assert enclosing_bench.end().detail == "killed by SIGKILL"
    assert not lives(orphan)


def test_a_group_of_that_name_that_is_in_use_is_left_alone(tmp_path: Path, folder: Path) -> None:
    (folder / "hwbridge-1").mkdir()
    stranger = subprocess.Popen(["/bin/sleep", "1000"])
    (folder / "hwbridge-1" / "cgroup.procs").write_text(str(stranger.pid))
    loop = asyncio.new_event_loop()
    enclosures = Enclosures(loop, folder, lambda instance_id: None)
    main = subprocess.Popen(["/bin/sleep", "1000"])
    group = loop.run_until_complete(enclosures.enclose("1", main.pid, Mark.of("1"), {main.pid}))
    enclosures.close()
    loop.close()
    main.kill()
    main.wait()

    assert group is None
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert remove(folder / "hwbridge-1")


def test_an_empty_group_of_that_name_is_no_hindrance(enclosing_bench: Bench, folder: Path) -> None:
    (folder / "hwbridge-1").mkdir()
    start_enclosed(enclosing_bench, folder, "echo done")

    assert enclosing_bench.end().suspended == 0


def test_each_time_that_a_run_is_frozen_counts(folder: Path) -> None:
    changes: list[str] = []
    loop = asyncio.new_event_loop()
    enclosures = Enclosures(loop, folder, changes.append)
    main = subprocess.Popen(["/bin/sleep", "1000"])

    async def frozen_and_thawed(times: int) -> int:
        group = await enclosures.enclose("1", main.pid, Mark.of("1"), {main.pid})
        assert group is not None
        for time in range(1, times + 1):
            (folder / "hwbridge-1" / "cgroup.freeze").write_text("1")
            while group.suspended < time:
                await asyncio.sleep(0)
            (folder / "hwbridge-1" / "cgroup.freeze").write_text("0")
            changes.clear()
            while not changes:
                await asyncio.sleep(0)
        main.kill()
        main.wait()
        enclosures.release(group)
        return group.suspended

    counted = loop.run_until_complete(asyncio.wait_for(frozen_and_thawed(3), DEADLINE_SECONDS))
    enclosures.close()
    loop.close()

    assert counted == 3
    assert set(changes) <= {"1"}


def test_a_frozen_run_can_be_killed_and_says_that_it_was_suspended(enclosing_bench: Bench, folder: Path) -> None:
    start_enclosed(enclosing_bench, folder, "echo ready > SAID; sleep 1000")
    enclosing_bench.hear("ready")
    (folder / "hwbridge-1" / "cgroup.freeze").write_text("1")
    spin_until(lambda: "frozen 1" in (folder / "hwbridge-1" / "cgroup.events").read_text())
    enclosing_bench.host.kill("1")

    assert enclosing_bench.end().suspended == 1


def test_a_group_that_cannot_go_yet_goes_later(folder: Path) -> None:
    loop = asyncio.new_event_loop()
    enclosures = Enclosures(loop, folder, lambda instance_id: None)
    main = subprocess.Popen(["/bin/sleep", "1000"])
    group = loop.run_until_complete(enclosures.enclose("1", main.pid, Mark.of("1"), {main.pid}))
    assert group is not None
    enclosures.release(group)
    assert (folder / "hwbridge-1").exists()
    main.kill()
    main.wait()
    spin_until(lambda: "populated 0" in (folder / "hwbridge-1" / "cgroup.events").read_text())
    enclosures.close()
    loop.close()

    assert not (folder / "hwbridge-1").exists()


def test_an_ended_process_is_not_moved(folder: Path) -> None:
    group = ControlGroup(folder / "hwbridge-1")
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    group.add(ended.pid)

    assert group.processes() == []
    group.close()
    assert remove(folder / "hwbridge-1")


def test_throttling_is_counted_by_the_nearest_group_that_a_controller_counts(tmp_path: Path) -> None:
    inner = tmp_path / "service" / "run"
    inner.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "service", inner):
        (folder / "cgroup.procs").touch()
        (folder / "cpu.stat").write_text("usage_usec 7\nuser_usec 7\n")
    assert throttled(inner) is None

    (tmp_path / "service" / "cpu.stat").write_text("usage_usec 7\nnr_periods 5\nnr_throttled 3\nthrottled_usec 9\n")
    assert throttled(inner) == 3


def test_throttling_is_counted_from_the_time_when_the_group_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([3, 8])
    monkeypatch.setattr(cgroups, "throttled", lambda folder: next(counts))
    group = ControlGroup(folder / "hwbridge-1")
    since = group.throttled()
    group.close()

    assert since == 5
    assert remove(folder / "hwbridge-1")
