"""triggerhappy and acpid, as their packages start them, each with a configuration of ours. Nothing here compares them.

Both get a handler for a jack's headphones, and one for its microphone, which says that all before it has been told.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.lab.inside.machine import udev_rules
from tests.lab.inside.process import GuestProcess

HOT_PLUG = "60-triggerhappy.rules"
Words = Sequence[tuple[str, str, int, str]]
"""For each event the switch as triggerhappy calls it, as acpid does, its value, and the word that is noted."""
WORDS: Words = (
    ("SW_HEADPHONE_INSERT", "jack/headphone HEADPHONE plug", 1, "in"),
    ("SW_HEADPHONE_INSERT", "jack/headphone HEADPHONE unplug", 0, "out"),
    ("SW_MICROPHONE_INSERT", "jack/microphone MICROPHONE plug", 1, "end"),
)


class Other(GuestProcess):
    """One of them as a process; it is ready when there is its `socket` in `folder`."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        self._socket = folder / "socket"
        super().__init__(command, folder / "log")

    def is_ready(self) -> bool:
        """Whether it listens."""
        return self._socket.exists()

    def has_open(self, node: str) -> bool:
        """Whether it listens to the device."""
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # it is closed by now
                if os.readlink(link) == node:
                    return True
        return False

    def is_idle(self) -> bool:
        """Whether none of its handlers runs."""
        return not Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()


@contextmanager
def triggerhappy(tools: Path, folder: Path, note: Callable[[str], str]) -> Iterator[Other]:
    """It listens while the block runs; udev hands it devices that come, by the rule of its package.

    `note` gives the command that notes a word.
    """
    folder.mkdir()
    (folder / "lab.conf").write_text("".join(f"{code} {value} {note(word)}\n" for code, _, value, word in WORDS))
    socket = folder / "socket"
    options: list[str | Path] = ["--triggers", folder / "lab.conf", "--socket", socket, "--user", "root"]
    options += ["--deviceglob", "/dev/input/event*"]
    passed = f"{tools / 'usr/sbin/th-cmd'} --socket {socket} --passfd --udev"
    rule = f'ACTION=="add", SUBSYSTEM=="input", ATTRS{{name}}!="triggerhappy", RUN+="{passed}"\n'
    with udev_rules(HOT_PLUG, rule), Other([tools / "usr/sbin/thd", *options], folder) as other:
        yield other


def acpid(tools: Path, folder: Path, note: Callable[[str], str]) -> Other:
    """It listens while the block runs, and finds devices that come by itself."""
    (folder / "events").mkdir(parents=True)
    for number, (_, event, _, word) in enumerate(WORDS):
        (folder / f"events/lab{number}").write_text(f"event={event}\naction={note(word)}\n")
    places = {"--confdir": "events", "--socketfile": "socket", "--pidfile": "pid", "--lockfile": "lock"}
    options: list[str | Path] = [each for option, name in places.items() for each in (option, folder / name)]
    return Other([tools / "usr/sbin/acpid", "--foreground", "--netlink", *options], folder)
