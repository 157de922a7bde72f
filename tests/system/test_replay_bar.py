"""The progress bar of a replay: for a person who waits at a terminal, and loaded for nobody else."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from daemon import DEADLINE_SECONDS, environment_of
from jack import RECORDING, TRANSCRIPT

ERASED = "\x1b[2K"


class Terminal:
    """A terminal, and what has been written to it."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.openpty()
        self.text = ""

    def wait_for(self, text: str) -> None:
        deadline = monotonic() + DEADLINE_SECONDS
        while text not in self.text:
            assert monotonic() < deadline, ascii(self.text)
            self._read(deadline - monotonic())

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], max(seconds, 0))[0]:
            return False
        self.text += os.read(self._ours, 64 * 1024).decode()
        return True

    def read_the_rest(self) -> None:
        while self._read(0):
            pass

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


def replaying(recording: Path, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    """A replay that waits for the rest of a recording, which comes through a pipe."""
    files = ["--rules", recording.parent / "rules.toml", "--tasks", recording.parent / "tasks.toml"]
    return subprocess.Popen(
        [sys.executable, "-m", "bridge", "replay", "-", *files],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env=environment_of({"TERM": "xterm"}),
    )


def test_a_bar_shows_at_the_terminal_and_is_gone_in_the_end(jack_recording: Path, terminal: Terminal) -> None:
    with replaying(jack_recording, subprocess.PIPE, terminal.theirs) as process:
        terminal.wait_for("checking")
        out, _ = process.communicate(RECORDING.encode(), DEADLINE_SECONDS)

    terminal.read_the_rest()
    assert (process.returncode, out.decode()) == (0, TRANSCRIPT)
    assert terminal.text.endswith(ERASED)


def test_lines_at_the_same_terminal_come_where_the_bar_was(jack_recording: Path, terminal: Terminal) -> None:
    with replaying(jack_recording, terminal.theirs, terminal.theirs) as process:
        terminal.wait_for("checking")
        process.communicate(RECORDING.encode(), DEADLINE_SECONDS)

    terminal.read_the_rest()
    assert process.returncode == 0
    assert terminal.text.rpartition(ERASED)[2] == TRANSCRIPT.replace("\n", "\r\n")


def test_an_error_at_the_terminal_comes_where_the_bar_was(jack_recording: Path, terminal: Terminal) -> None:
    with replaying(jack_recording, subprocess.DEVNULL, terminal.theirs) as process:
        terminal.wait_for("checking")
        process.communicate(b"no recording\n", DEADLINE_SECONDS)

    terminal.read_the_rest()
    assert process.returncode == 65
    assert terminal.text.rpartition(ERASED)[2].startswith("hwbridge: -:1: is not JSON")


@pytest.mark.parametrize("options", [(), ("--json",), ("--from", "1s"), ("--speed", "1000")], ids=" ".join)
def test_neither_what_draws_nor_what_runs_is_loaded_where_it_is_not_needed(
    jack_recording: Path, options: tuple[str, ...]
) -> None:
    files = ("--rules", jack_recording.parent / "rules.toml", "--tasks", jack_recording.parent / "tasks.toml")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bridge", "replay", jack_recording, *files, *options],
        env=environment_of(None),
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "msgspec" in loaded
    assert loaded.isdisjoint({"rich", "asyncio", "subprocess", "pyudev", "psutil", "evdev"})
