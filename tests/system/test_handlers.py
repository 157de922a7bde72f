"""Handlers that do wrong, in the real daemon: one clear line that names the task, and others are served meanwhile."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import GUID, Daemon

GOOD = "{00000000-0000-0000-0000-0000000000AA}"
OTHER = "{5B0E3C1D-7C26-4C39-8F0E-2D0C1F6A9E57}"
STAY = "sleep 1000 & wait"
WRONG = {
    "exits": ("exit 3", "failed: exit 3"),
    "crashes": ("echo before; kill -SEGV $$", "failed: killed by SIGSEGV; last printed: before"),
    "is not found": ("exec /no/such/program", "failed: exit 127; last printed: .* /no/such/program: not found"),
    "prints megabytes": (
        "head -c 5000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 1",
        "failed: exit 1; last printed: the end",
    ),
    "prints one long line": (
        "head -c 5000000 /dev/zero | tr '\\0' x; exit 1",
        "failed: exit 1; last printed: x{200}",
    ),
    "never reads its input": ("exit 4", "failed: exit 4"),
    "closes everything": ("exec 0<&- 1>&- 2>&-; exit 5", "failed: exit 5"),
    "moves the cursor": (
        r"printf '\033[31mred\n\377\n\033[2J'; exit 6",
        r"failed: exit 6; last printed: \\x1b\[2J",
    ),
    "forks away": ("setsid sleep 1000 & exit 0", r"failed: left 1 process behind: sleep \(pid \d+\)"),
    "kills its group": ("kill -KILL 0", "failed: killed by SIGKILL"),
    "stops itself": ("kill -STOP $$", "failed ExecutionTimeExceeded: killed by SIGKILL"),
    "is deaf": (f"trap '' TERM; {STAY}; {STAY}", "failed ExecutionTimeExceeded: killed by SIGKILL"),
    "is slow": (STAY, "failed ExecutionTimeExceeded: killed by SIGTERM"),
}


def guid(place: int) -> str:
    return f"{{00000000-0000-0000-0000-{place:012X}}}"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with a task for each wrong, on a trigger of its own, and a good one on its own trigger."""
    daemon = Daemon(tmp_path_factory.mktemp("handlers"))
    for place, (name, (script, ends)) in enumerate(WRONG.items(), start=1):
        limit = "5s" if "ExecutionTimeExceeded" in ends else "1h"  # who stops or is deaf is so by then
        daemon.task(name, script, triggers=(guid(place),), run_limit=limit, cancel_grace="300ms")
    daemon.task("good", "say good", triggers=(GOOD,))
    with daemon:
        yield daemon


@pytest.mark.parametrize("name", WRONG)
def test_a_handler_that_does_wrong_is_named_and_another_one_runs_meanwhile(daemon: Daemon, name: str) -> None:
    place, good_before = list(WRONG).index(name) + 1, len(daemon.said())
    daemon.raise_trigger(guid(place), details={"long": "x" * 30_000})
    daemon.raise_trigger(GOOD)

    daemon.wait_until(lambda: len(daemon.said()) > good_before, "the good handler has run")
    daemon.wait_for_log(f"completed {name} ")
    lines = [line for line in daemon.log().splitlines() if f"completed {name} " in line]
    assert len(lines) == 1
    assert re.fullmatch(rf"hwbridge: completed {name} \S+ {WRONG[name][1]}", lines[0])


def test_a_run_over_its_limit_is_cancelled_for_that_and_killed_if_it_does_not_end(daemon: Daemon) -> None:
    daemon.raise_trigger(guid(list(WRONG).index("is deaf") + 1), key="again")
    daemon.wait_for_log("killed is deaf ")

    assert re.search(r"canceled is deaf \S+ ExecutionTimeExceeded\n", daemon.log())


@pytest.mark.parametrize(
    ("run", "more", "line"),
    [
        ('exec = ["/no/such/program"]', "", "/no/such/program: not found"),
        ('exec = ["no-such-program"]', "", "no-such-program: not found"),
        ('exec = ["/dev/null"]', "", "/dev/null: .* may not execute it"),
        ('exec = ["/bin/true"], cwd = "/no/such/folder"', "", "cwd /no/such/folder: No such file or directory"),
        ('exec = ["/bin/echo", "{who}"]', "", r"exec\[2\] is all \{who\} and became '-rf', .* an option"),
        ('exec = ["{nothing}"]', "", r"exec\[1\] became empty: it names no program"),
        ('exec = ["/bin/true"]', 'user = "no-such-user"', "user 'no-such-user' is not known on this machine"),
    ],
)
def test_what_cannot_be_started_is_named(tmp_path: Path, run: str, more: str, line: str) -> None:
    daemon = Daemon(tmp_path)
    (daemon.folder / "tasks/wrong.toml").write_text(
        f'[[task]]\nname = "wrong"\ntriggers = [{{ custom = "{GUID}" }}]\nrun = {{ {run} }}\n{more}\n'
    )
    daemon.task("good", "say good")

    with daemon:
        assert daemon.raise_trigger(details={"who": "-rf"}) == "Raised"
        daemon.wait_for_words("good")
        daemon.wait_for_log("completed wrong ")

    assert re.search(rf"hwbridge: completed wrong \S+ failed: {line}\n", daemon.log())


def test_every_task_of_a_trigger_runs_and_every_trigger_of_a_task_runs_it(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.task("one", 'say "one $HWBRIDGE_TRIGGER"', triggers=(GUID, OTHER))
    daemon.task("two", 'say "two $HWBRIDGE_TRIGGER"')

    with daemon:
        answers = [daemon.call("Raise", trigger=trigger)["subscribers"] for trigger in (GUID, OTHER)]
        daemon.wait_for_words(f"one {GUID}", f"one {OTHER}", f"two {GUID}")
        daemon.wait_until_idle()

    assert answers == [2, 1]
    assert len(daemon.said()) == 3


def test_three_disks_are_three_runs_and_one_button_is_one_and_a_follow_up_with_the_newest(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.task("disks", 'say "$HWBRIDGE_KEY"; read line < go', max_running=3)

    with daemon:
        for key in ("sda", "sdb", "sdc"):
            daemon.raise_trigger(key=key)
        daemon.wait_for_words("sda", "sdb", "sdc")
        for number in range(5):
            daemon.raise_trigger(key="sda", details={"number": str(number)})
        daemon.task("disks", 'cat > told; say "merged $HWBRIDGE_MERGED"', max_running=3)
        daemon.reload()
        for _ in range(3):
            daemon.release()
        daemon.wait_for_words("merged 5")
        daemon.wait_until_idle()

    assert json.loads((daemon.folder / "told").read_text())["details"] == {"number": "4"}
    assert len(daemon.said()) == 4


def test_a_handler_may_raise_a_trigger_itself(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.task("second", 'say "second $HWBRIDGE_KEY"', triggers=(OTHER,))
    call = json.dumps({"method": "org.hwbridge.Raise", "parameters": {"trigger": OTHER, "key": "from the first"}})
    script = f"""
import os, socket
with socket.socket(socket.AF_UNIX) as peer:
    peer.connect(os.environ["HWBRIDGE_SOCKET"])
    peer.sendall({call.encode() + bytes(1)!r})
    peer.recv(65536)
"""
    (daemon.folder / "first.py").write_text(script)
    daemon.task("first", f"{json.dumps(sys.executable)} first.py")

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("second from the first")
        daemon.wait_until_idle()
