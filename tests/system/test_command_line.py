"""The command line as a whole: every exit code, words that nobody knows, what a terminal gets and a pipe does not."""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, GUID, ROOT, Argument, Daemon, User, environment_of, hwbridge, needs_root
from registering import ON_REQUEST, register

from bridge.cli.exit_codes import MEANINGS
from bridge.cli.verbs import NOT_YET, VERBS

NOBODYS = "{00000000-0000-0000-0000-000000000001}"
CLEAR = "\x1b[2J"
READING = ("list", "show", "history", "status", "monitor", "wait", "check", "replay", "explain")
ASKING = [verb for verb in VERBS if verb not in ("run", "check", "replay", "record")]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        daemon = Daemon(Path(folder))
        daemon.rules(f'[triggers]\ndoor = "{GUID}"\n')
        with daemon:
            register(daemon, "good", "say on", triggers=ON_REQUEST)
            register(daemon, "bad", f"printf '{CLEAR}off'; exit 3")
            yield daemon


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ("status",)),
        (0, ("raise", "door")),
        (1, ("raise", "door", "--wait")),
        (1, ("start", "bad")),
        (1, ("show", "nope")),
        (2, ("raise", "dor")),
        (2, ("raise", GUID[:-1])),
        (2, ("status", "--jsn")),
        (4, ("raise", NOBODYS)),
        (124, ("wait", "door", "--timeout", "1ms")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_the_exit_code_says_how_it_ended(daemon: Daemon, code: int, arguments: tuple[str, ...]) -> None:
    done = hwbridge(*arguments, "--socket", daemon.socket)

    assert done.code == code
    assert code in MEANINGS
    assert done.err.count("\n") <= 1


@pytest.mark.parametrize("verb", ASKING)
def test_without_a_daemon_each_verb_ends_with_3_and_says_where_it_looked(verb: str, tmp_path: Path) -> None:
    words = {"raise": [GUID], "wait": [GUID], "progress": ["1"], "explain": ["--task", "lamp"]}
    named = {"start", "cancel", "show", "unregister", "reset"}
    environment = {"HWBRIDGE_SOCKET": str(tmp_path / "nobody"), "HWBRIDGE_INSTANCE_ID": "1"}

    done = hwbridge(verb, *words.get(verb, ["lamp"] if verb in named else []), environment=environment)

    assert done.code == 3
    assert done.error.startswith(f"hwbridge: {tmp_path}/nobody: no daemon answers: No such file or directory; ")
    assert done.error.endswith(f"`hwbridge run --socket {tmp_path}/nobody`")


@needs_root
@pytest.mark.parametrize(
    "arguments", [("raise", "door"), ("list",), ("history",), ("reset", "bad"), ("start", "good")], ids=" ".join
)
def test_what_is_not_allowed_ends_with_77(daemon: Daemon, arguments: tuple[str, ...]) -> None:
    done = hwbridge(*arguments, "--socket", daemon.socket, user=User())

    assert done.code == 77
    assert "you may not" in done.error


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(("stauts",), "status"), (("monitr", "--json"), "monitor"), (("list", "--jsonn"), "--json")],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_an_unknown_word_is_refused_with_the_one_that_was_meant(arguments: tuple[str, ...], meant: str) -> None:
    done = hwbridge(*arguments)

    assert done.code == 2
    assert f"; did you mean {meant}?; see hwbridge" in done.error


@pytest.mark.parametrize("verb", sorted(NOT_YET))
def test_a_verb_that_is_not_there_yet_is_refused_by_name(verb: str) -> None:
    assert hwbridge(verb).error == f"hwbridge: {verb} is not there yet in this version of hwbridge; see hwbridge --help"


@pytest.mark.parametrize("verb", READING)
def test_each_verb_that_reads_takes_json(verb: str) -> None:
    assert " --json " in hwbridge(verb, "--help").out


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "record"])
def test_each_verb_can_be_told_whose_daemon_is_meant(verb: str) -> None:
    done = hwbridge(verb, "--user", "--system")

    assert done.code == 2
    assert "argument --system: not allowed with argument --user" in done.error


def on_terminal(daemon: Daemon, *arguments: Argument, **environment: str) -> str:
    """What a person sees, with what moves cursors and colours."""
    inside, outside = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "bridge", *arguments, "--socket", daemon.socket],
        stdin=subprocess.DEVNULL,
        stdout=outside,
        stderr=outside,
        env=environment_of({"COLUMNS": "60", "TERM": "xterm-256color", **environment}),
        cwd=ROOT,
    ) as process:
        os.close(outside)
        printed, deadline = b"", time.monotonic() + DEADLINE_SECONDS
        while select.select([inside], [], [], max(0, deadline - time.monotonic()))[0]:
            try:
                printed += os.read(inside, 65536)
            except OSError:  # nobody has the other side any more
                break
        process.wait(DEADLINE_SECONDS)
    os.close(inside)
    return printed.decode().replace("\r\n", "\n")


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def run_once(daemon: Daemon) -> None:
    hwbridge("raise", "door", "--wait", "--key", CLEAR, "--socket", daemon.socket)


def test_people_get_colours_and_lines_that_fold(daemon: Daemon) -> None:
    run_once(daemon)
    shown = on_terminal(daemon, "history")
    plain = without_colours(shown)

    assert "\x1b[31mfailed\x1b[0m" in shown
    assert "\x1b[" not in plain
    assert r"\x1b[2J" in plain.replace("\n", "").replace(" ", "")
    assert max(map(len, plain.splitlines())) <= 60
    for words in (("list",), ("show", "bad"), ("status",)):
        seen = without_colours(on_terminal(daemon, *words, COLUMNS="2000"))
        piped = hwbridge(*words, "--socket", daemon.socket).out
        assert [line.split() for line in seen.splitlines()] == [line.split() for line in piped.splitlines()]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}], ids=str)
def test_whoever_wants_no_colours_gets_none(daemon: Daemon, environment: dict[str, str]) -> None:
    run_once(daemon)

    for words in (("history",), ("list",), ("show", "bad"), ("status",)):
        assert "\x1b" not in on_terminal(daemon, *words, **environment)


def test_json_is_the_same_on_a_terminal(daemon: Daemon) -> None:
    assert on_terminal(daemon, "list", "--json") == hwbridge("list", "--json", "--socket", daemon.socket).out


@pytest.mark.parametrize("verb", ["list", "history", "status"])
def test_rich_is_loaded_only_where_a_person_looks(daemon: Daemon, verb: str) -> None:
    code = "import sys; from bridge.cli import main; main(); print('rich' in sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, verb, "--socket", daemon.socket],
        env=environment_of({"TERM": "xterm"}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "False\n")


def test_a_file_that_is_always_looked_at_and_cannot_be_is_named() -> None:
    home = f"/{'x' * 300}"  # longer than a name can be: root, too, is refused

    done = hwbridge("run", "--user", environment={"HOME": home, "XDG_RUNTIME_DIR": "/nowhere"})

    assert done.code == 1
    assert done.error.startswith(f"hwbridge: {home}/")
    assert done.error.endswith(": File name too long")
