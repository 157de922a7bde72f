"""`hwbridge replay --run`: programs really run, and for the recording no time passes while they do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest
from daemon import (
    DEADLINE_SECONDS,
    GUID,
    LOOK_EVERY_MILLISECONDS,
    Argument,
    Done,
    assert_no_traceback,
    environment_of,
    hwbridge,
    needs_root,
    task,
)

RULE = f"""
[[rule]]
name = "pressed"
source = "evdev"
match = {{ code = "KEY_A", value = 1 }}
raise = "{GUID}"
"""
TWICE = RULE + RULE.replace("pressed", "again")


class Folder:
    """Rules, tasks and a recording of a key that is pressed so many times, a second apart."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tasks = ""
        (path / "rules.toml").write_text(RULE)
        os.mkfifo(path / "go")
        self.press(1)

    def press(self, times: int) -> None:
        event = '{"at": %d, "source": "evdev", "device": "/dev/input/event1", "code": "KEY_A", "value": 1}\n'
        lines = ['{"hwbridge-recording": 1}\n', *(event % at for at in range(1, times + 1))]
        (self.path / "recording.jsonl").write_text("".join(lines))

    def task(self, name: str, script: str, **keys: object) -> None:
        """One task more, which runs a shell script in the folder."""
        self.tasks += task(name, script, folder=self.path, **keys)
        (self.path / "tasks.toml").write_text(self.tasks)

    def command(self, *options: Argument) -> list[Argument]:
        files = (self.path / f"{name}.toml" for name in ("rules", "tasks"))
        rules, tasks = files
        return ["replay", self.path / "recording.jsonl", "--rules", rules, "--tasks", tasks, *options]

    def replay(self, *options: Argument) -> Done:
        return hwbridge(*self.command(*options))

    def said(self) -> list[str]:
        path = self.path / "said"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + DEADLINE_SECONDS
    while not holds():
        assert monotonic() < deadline
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_EVERY_MILLISECONDS / 1000)
            raise AssertionError(f"it has ended with {process.returncode}")


def processes_in(folder: Path) -> Iterator[int]:
    """The processes whose working directory is the folder: that of all handlers here."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") == str(folder):
                yield int(entry.name)
        except OSError:  # it has ended, or is not ours to look at
            continue


def test_handlers_run_one_after_another_where_one_follows_another(folder: Folder) -> None:
    folder.press(3)
    folder.task("lamp", "say run $HWBRIDGE_INSTANCE_ID")

    done = folder.replay("--run")

    assert (done.code, done.err) == (0, "")
    assert folder.said() == ["run 1", "run 2", "run 3"]


@pytest.mark.parametrize("concurrency", ["latest", "batch", "queue", "ignore", "restart", "parallel"])
@pytest.mark.parametrize("option", [(), ("--json",)], ids=["text", "json"])
def test_the_bytes_are_those_without_run_where_handlers_succeed(
    folder: Folder, concurrency: str, option: tuple[str, ...]
) -> None:
    (folder.path / "rules.toml").write_text(TWICE)
    folder.press(5)
    folder.task("lamp", "exit 0", concurrency=concurrency, max_running=2)
    folder.task("horn", "exit 0")

    really, only_said = folder.replay("--run", *option), folder.replay(*option)

    assert (really.code, really.out, really.err) == (0, only_said.out, "")
    assert really.out.count("activated") >= 10


def test_runs_of_one_raise_run_together_and_are_over_in_the_order_of_their_numbers(folder: Folder) -> None:
    folder.task("first", "read line < go; say $line")
    folder.task("second", "say second is done; echo then first > go")

    done = folder.replay("--run")

    assert folder.said() == ["second is done", "then first"]
    assert done.out.splitlines()[-2:] == [
        "1.000000 completed first 1 succeeded",
        "1.000000 completed second 2 succeeded",
    ]


def test_a_handler_that_fails_is_told_as_failed_and_why_on_stderr(folder: Folder) -> None:
    folder.task("lamp", "echo one; echo the bulb is broken >&2; exit 3")

    done = folder.replay("--run")

    assert done.code == 0
    assert done.out.splitlines()[-1] == "1.000000 completed lamp 1 failed"
    assert done.err == "hwbridge: lamp 1 failed: exit 3; last printed: the bulb is broken\n"
    assert json.loads(folder.replay("--run", "--json").out.splitlines()[-1])["detail"] == "exit 3"


def test_a_program_that_is_not_there_fails_its_run(folder: Folder) -> None:
    folder.task("lamp", "")
    (folder.path / "tasks.toml").write_text(folder.tasks.replace("/bin/sh", "/no/such"))

    assert folder.replay("--run").err == "hwbridge: lamp 1 failed: /no/such: not found\n"


def test_a_user_who_is_not_there_fails_the_run(folder: Folder) -> None:
    folder.task("lamp", "say ran", user="nosuchuser")

    done = folder.replay("--run")

    assert done.out.endswith("completed lamp 1 failed\n")
    assert "user 'nosuchuser'" in done.err
    assert folder.said() == []


@needs_root
def test_root_runs_a_task_as_its_user_and_with_no_more_rights(folder: Folder, public: Path) -> None:
    public.chmod(0o777)
    script = f"cd {public}; id -u > who; id -G >> who; grep -c CapEff:.0000000000000000 /proc/self/status >> who"
    folder.task("lamp", script, user="nobody")
    folder.path.chmod(0o755)
    (folder.path / "tasks.toml").write_text(folder.tasks.replace(f'cwd = "{folder.path}"', 'cwd = "/"'))

    done = folder.replay("--run")

    assert (done.err, done.out.splitlines()[-1]) == ("", "1.000000 completed lamp 1 succeeded")
    uid, groups, without_capabilities = (public / "who").read_text().splitlines()
    assert uid != "0"
    assert "0" not in groups.split()
    assert without_capabilities == "1"


def test_a_handler_is_told_what_it_would_be_told_and_reaches_no_daemon(folder: Folder) -> None:
    program = f"{sys.executable} -m bridge raise '{GUID}' 2>> said; say exit $?"
    folder.task("lamp", f"cat > input; {program}; say $HWBRIDGE_INSTANCE_ID $HWBRIDGE_DETAIL_CODE")

    folder.replay("--run")

    given = json.loads((folder.path / "input").read_text())
    assert (given["task"], given["instance_id"], given["key"]) == ("lamp", "1", "/dev/input/event1")
    assert given["raised_at"] > 1_700_000_000_000_000
    refused, code, ours = folder.said()
    assert refused.startswith("hwbridge: /dev/null: no daemon answers")
    assert (code, ours) == ("exit 3", "1 KEY_A")


def test_a_run_over_its_limit_is_canceled_at_the_time_of_its_activation(folder: Folder) -> None:
    folder.press(2)
    waits_at_first = "test $HWBRIDGE_INSTANCE_ID -gt 2 || read line < go"
    folder.task("lamp", waits_at_first, run_limit="50ms")
    folder.task("deaf", f"trap '' TERM; {waits_at_first}", run_limit="5s", cancel_grace="50ms")

    done = folder.replay("--run")

    assert done.out.splitlines()[:7] == [
        f"1.000000 raised {GUID} pressed",
        "1.000000 activated lamp 1",
        "1.000000 activated deaf 2",
        "1.000000 canceled lamp 1 ExecutionTimeExceeded",
        "1.000000 completed lamp 1 failed",
        "1.000000 canceled deaf 2 ExecutionTimeExceeded",
        "1.000000 completed deaf 2 failed",
    ]
    assert done.out.splitlines()[7] == f"2.000000 raised {GUID} pressed"
    assert done.err.splitlines()[:2] == [
        "hwbridge: lamp 1 failed: killed by SIGTERM",
        "hwbridge: deaf 2 failed: killed by SIGKILL",
    ]
    assert list(processes_in(folder.path)) == []


def test_a_run_that_another_raise_restarts_is_canceled_really(folder: Folder) -> None:
    (folder.path / "rules.toml").write_text(TWICE)
    folder.task("lamp", "test $HWBRIDGE_INSTANCE_ID = 2 || read line < go; say done", concurrency="restart")

    done = folder.replay("--run")

    assert [line.partition(" ")[2] for line in done.out.splitlines()] == [
        f"raised {GUID} pressed",
        "activated lamp 1",
        f"raised {GUID} again",
        "canceled lamp 1 Abort",
        "completed lamp 1 canceled",
        "activated lamp 2",
        "completed lamp 2 succeeded",
    ]
    assert folder.said() == ["done"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_ctrl_c_kills_what_runs_and_leaves_no_process(folder: Folder, number: signal.Signals) -> None:
    folder.task("one", "trap '' TERM INT HUP; say one; read line < go")
    folder.task("two", "(read line < go) & say two; wait")
    command = [sys.executable, "-m", "bridge", *folder.command("--run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment_of(None)) as process:
        wait_until(lambda: sorted(folder.said()) == ["one", "two"], process)
        process.send_signal(number)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)

    assert_no_traceback(err.decode())
    assert process.returncode == 130
    assert out.decode().splitlines()[1:] == ["1.000000 activated one 1", "1.000000 activated two 2"]
    assert list(processes_in(folder.path)) == []


def test_whoever_reads_no_more_ends_what_would_run(folder: Folder) -> None:
    folder.press(1000)
    folder.task("lamp", "say ran")
    command = [sys.executable, "-m", "bridge", *folder.command("--run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment_of(None)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert (process.returncode, errors) == (0, b"")
    assert len(folder.said()) < 1000
    assert list(processes_in(folder.path)) == []


def test_nothing_is_run_where_a_file_is_wrong(folder: Folder) -> None:
    folder.task("lamp", "say ran")

    (folder.path / "recording.jsonl").write_text("no recording")

    assert folder.replay("--run").code == 65
    folder.press(1)
    assert folder.replay("--run", "--expect", folder.path / "none").code == 1
    assert folder.said() == []
