"""triggerhappy and acpid, as their packages start them, each with a configuration of ours. Nothing here compares them.

Both get a handler for a jack's headphones, and one for its microphone, which says that all before it has been told.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.inside.machine import udev_rules
from tests.lab.inside.waiting import wait_until

STOP_SECONDS = 30
HOT_PLUG = "60-triggerhappy.rules"
Words = Sequence[tuple[str, str, int, str]]
"""For each event the switch as triggerhappy calls it, as acpid does, its value, and the word that is noted."""
WORDS: Words = (
    ("SW_HEADPHONE_INSERT", "jack/headphone HEADPHONE plug", 1, "in"),
    ("SW_HEADPHONE_INSERT", "jack/headphone HEADPHONE unplug", 0, "out"),
    ("SW_MICROPHONE_INSERT", "jack/microphone MICROPHONE plug", 1, "end"),
)


class Other:
    """One of them as a process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def has_open(self, node: str) -> bool:
        """Whether it listens to the device."""
        links = Path(f"/proc/{self._process.pid}/fd")
        return any(os.readlink(link) == node for link in links.iterdir())

    def is_idle(self) -> bool:
        """Whether none of its handlers runs."""
        return not Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()

    def freeze(self) -> None:
        """Stops the process where it stands."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def triggerhappy(tools: Path, folder: Path, note: Callable[[str], str]) -> Iterator[Other]:
    """It listens while the block runs; udev hands it devices that come, by the rule of its package.

    `note` gives the command that notes a word.
    """
    folder.mkdir()
    (folder / "lab.conf").write_text("".join(f"{code} {value} {note(word)}\n" for code, _, value, word in WORDS))
    socket = folder / "socket"
    command = [tools / "usr/sbin/thd", "--triggers", folder / "lab.conf", "--socket", socket, "--user", "root"]
    passed = f"{tools / 'usr/sbin/th-cmd'} --socket {socket} --passfd --udev"
    rule = f'ACTION=="add", SUBSYSTEM=="input", ATTRS{{name}}!="triggerhappy", RUN+="{passed}"\n'
    with (
        udev_rules(HOT_PLUG, rule),
        _running([*map(str, command), "--deviceglob", "/dev/input/event*"], folder / "log") as other,
    ):
        wait_until(socket.exists, what="triggerhappy listens")
        yield other


@contextmanager
def acpid(tools: Path, folder: Path, note: Callable[[str], str]) -> Iterator[Other]:
    """It listens while the block runs, and finds devices that come by itself."""
    (folder / "events").mkdir(parents=True)
    for number, (_, event, _, word) in enumerate(WORDS):
        (folder / f"events/lab{number}").write_text(f"event={event}\naction={note(word)}\n")
    places = {"--confdir": "events", "--socketfile": "socket", "--pidfile": "pid", "--lockfile": "lock"}
    options = [each for option, name in places.items() for each in (option, str(folder / name))]
    command = [str(tools / "usr/sbin/acpid"), "--foreground", "--netlink", *options]
    with _running(command, folder / "log") as other:
        wait_until((folder / "socket").exists, what="acpid listens")
        yield other


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[Other]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        yield Other(process)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
