"""The daemon on a full disk, which is a small tmpfs: new raises are refused, what was accepted is done, and once."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon import GUID, Daemon, hwbridge
from namespace import in_namespace

from bridge.errors import CallFailedError

PLACE = Path("/run/daemon")
"""Inside the namespace, where `/run` is empty and only the test's own."""
STATE = PLACE / "state"
SCRIPT = "say on $HWBRIDGE_DETAIL_N; read line < go && say off $HWBRIDGE_DETAIL_N"


@contextmanager
def small_disk(size: str) -> Iterator[Daemon]:
    """A daemon, not started yet, whose state directory is a disk of its own."""
    PLACE.mkdir()
    daemon = Daemon(PLACE)
    daemon.task("lamp", SCRIPT, concurrency="queue")
    STATE.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", STATE], check=True)
    yield daemon


def fill() -> None:
    """Takes all that is left of the disk, to the last page."""
    descriptor = os.open(STATE / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with suppress(OSError):
        while os.write(descriptor, bytes(4096)):
            pass
    os.close(descriptor)


def free() -> None:
    (STATE / "filler").unlink()


class Raises:
    """Raises, each with a number of its own. One that is refused when it finds the disk full may run nevertheless."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.accepted: list[str] = []
        self.refused: list[str] = []

    def accept(self, times: int) -> None:
        """So many that are accepted."""
        for _ in range(times):
            assert self._reason() == ""

    def until_refused(self) -> str:
        """As many as it takes until one is refused; why it is."""
        while not (reason := self._reason()):
            pass
        return reason

    def _reason(self) -> str:
        number = str(len(self.accepted) + len(self.refused))
        details = {"n": number, "large": "x" * 20_000}
        try:
            assert self.daemon.raise_trigger(details=details) == "Raised"
        except CallFailedError as error:
            if error.error != "org.hwbridge.StoreFull":
                raise
            self.refused.append(number)
            return str(error.parameters["reason"])
        self.accepted.append(number)
        return ""

    def run(self) -> None:
        """Lets the accepted ones run, one after another."""
        for number in self.accepted:
            self._wait_for(number)
            self.daemon.release()
            self.daemon.wait_for_words(f"off {number}")

    def _wait_for(self, number: str) -> None:
        self.daemon.wait_until(lambda: self._runs_now(number), f"{number} runs")

    def _runs_now(self, number: str) -> bool:
        """Whether this one runs; refused ones that do are let go on."""
        said = self.daemon.said()
        if f"on {number}" in said:
            return True
        if said and said[-1].partition(" ")[2] in self.refused and said[-1].startswith("on "):
            self.daemon.release()
            self.daemon.wait_until(lambda: len(self.daemon.said()) > len(said), "it ends")
        return False

    def assert_each_ran_once(self) -> None:
        said = [line for line in self.daemon.said() if line.partition(" ")[2] not in self.refused]
        assert said == [f"{word} {number}" for number in self.accepted for word in ("on", "off")], self.daemon.said()


@in_namespace
def test_new_raises_are_refused_and_what_was_accepted_before_runs_and_is_not_run_again() -> None:
    with small_disk("16m") as daemon:
        raises = Raises(daemon)
        with daemon:
            raises.accept(5)
            fill()
            reason = raises.until_refused()

            assert reason == f"{STATE}/store.db: database or disk is full"
            refused = hwbridge("raise", GUID, "--socket", daemon.socket)
            assert (refused.code, refused.error) == (1, f"hwbridge: the daemon accepts nothing new: {reason}")
            assert f"  new raises are refused: {reason}\n" in hwbridge("status", "--socket", daemon.socket).out
            assert f"hwbridge: {reason}: new raises are refused, what was accepted is kept\n" in daemon.log()
            raises.run()
        with daemon:
            pass

        raises.assert_each_ran_once()


@in_namespace
def test_raises_are_accepted_again_when_there_is_room() -> None:
    with small_disk("16m") as daemon:
        raises = Raises(daemon)
        with daemon:
            raises.accept(1)
            fill()
            raises.until_refused()
            free()
            daemon.wait_for_log("the store is writable again: new raises are accepted")

            raises.accept(1)
            assert "new raises are refused" not in hwbridge("status", "--socket", daemon.socket).out
            raises.run()

        raises.assert_each_ran_once()


@in_namespace
def test_after_a_crash_on_a_full_disk_what_was_accepted_runs() -> None:
    with small_disk("16m") as daemon:
        raises = Raises(daemon)
        with daemon:
            raises.accept(5)
            fill()
            raises.until_refused()
            daemon.wait_for_words("on 0")
            daemon.kill()
        (daemon.folder / "said").unlink()
        with daemon:
            raises.run()

        raises.assert_each_ran_once()


@in_namespace
def test_a_start_on_a_disk_without_any_room_waits_for_some_and_loses_nothing() -> None:
    with small_disk("16m") as daemon:
        raises = Raises(daemon)
        with daemon:
            raises.accept(5)
            daemon.wait_for_words("on 0")
            daemon.kill()
        (STATE / "store.reserve").unlink()
        (daemon.folder / "said").unlink()
        fill()
        with daemon:
            assert raises.until_refused().startswith(f"{STATE}/store.")
            free()
            raises.run()

        raises.assert_each_ran_once()


def accepts_or_says_why_not(size: str) -> None:
    """On a disk of this size, what is accepted runs, and what is refused is refused with the reason."""
    with small_disk(size) as daemon:
        raises = Raises(daemon)
        with daemon:
            assert raises.until_refused().startswith((f"{STATE}/store.", "what is owed fills the store"))
            raises.run()

        raises.assert_each_ran_once()


@in_namespace
def test_a_disk_of_64_kib_is_too_small_and_that_is_said() -> None:
    accepts_or_says_why_not("64k")


@in_namespace
def test_a_disk_of_256_kib_is_too_small_and_that_is_said() -> None:
    accepts_or_says_why_not("256k")


@in_namespace
def test_a_disk_of_1_mib_is_too_small_and_that_is_said() -> None:
    accepts_or_says_why_not("1m")


@in_namespace
def test_a_disk_of_4_mib_is_used_until_it_is_full() -> None:
    accepts_or_says_why_not("4m")
