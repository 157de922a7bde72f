"""Scenarios of a clock that is really set, and of a machine that really sleeps. None says what is right.

The guest sleeps as far as that goes without hardware to wake it: devices are suspended, and so is the kernel's time;
only the last step, to cut the power, is left out (kernel, Documentation/power/basic-pm-debugging.rst, `core`). What
the guest reads its files from does not outlive that, so it is the last scenario, and opens no file after its sleep.
"""

import json
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab.inside.daemon import Daemon
from tests.lab.inside.jack import NAME as JACK
from tests.lab.inside.jack import Jack
from tests.lab.inside.waiting import SECONDS, NotInTimeError
from tests.lab.inside.workplace import Workplace

Seen = dict[str, object]
LOCALTIME, LOCALTIME_BEFORE = Path("/etc/localtime"), Path("/etc/localtime.before")
POWER = Path("/sys/power")
HOUR = 3600
WINTER = datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp()
SUMMER = datetime(2027, 7, 15, 12, tzinfo=UTC).timestamp()

STEP_RULES = """
[triggers]
"clock.stepped" = "{5D0E3C52-93B7-4C0B-8C2E-0A4D1F6B7E91}"

[[rule]]
name = "clock-stepped"
source = "system"
match = { name = "ClockStep" }
raise = "clock.stepped"
"""
_CHUNK = 1 << 16
_NEEDED = "python"
"""What has to go on after the sleep, by what the names of the processes begin with: `python3` is one, too."""

SLEEP_RULES = f"""
[triggers]
"slept" = "{{0B7F2D6A-5C1E-4E38-9D53-7A1C8E24F6B0}}"

[[rule]]
name = "slept"
source = "system"
match = {{ name = "Resume" }}
raise = "slept"

[[rule]]
name = "jack-turned"
source = "evdev"
match = {{ name = "{JACK}", code = "SW_HEADPHONE_INSERT" }}
raise = "slept"
"""


def clock_set(place: Workplace) -> Seen:
    """In Berlin's winter the clock is set on by an hour, then to summer; then the machine moves to Tokyo."""
    place.add_rules(STEP_RULES)
    place.add_task("stepped", "clock.stepped", concurrency="queue")
    place.add_system_task("zone", "TimeZoneChange")
    before = time.clock_gettime(time.CLOCK_REALTIME) - time.monotonic()
    LOCALTIME.rename(LOCALTIME_BEFORE)
    try:
        _link_zone("Europe/Berlin")
        time.clock_settime(time.CLOCK_REALTIME, WINTER)
        with Daemon(place) as daemon:
            time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME) + HOUR)
            daemon.wait_for_runs(1)
            time.clock_settime(time.CLOCK_REALTIME, SUMMER)
            daemon.wait_for_runs(3)
            _link_zone("Asia/Tokyo")
            daemon.wait_for_runs(4)
            return {"runs": place.runs()}
    finally:
        LOCALTIME_BEFORE.replace(LOCALTIME)
        time.clock_settime(time.CLOCK_REALTIME, before + time.monotonic())


def machine_sleeps(place: Workplace) -> Seen:
    """A jack is heard, the machine sleeps, and the jack is heard again. No process ends: it would close files."""
    place.add_rules(SLEEP_RULES)
    jack, daemon = Jack(), Daemon(place).__enter__()
    daemon.wait_for_device(jack.node)
    with Watched(place, daemon) as watched:
        jack.plug()
        watched.until(lambda event: event["source"] == "evdev")
        _keep_programs_in_memory()
        seen: Seen = {"slept": _sleep()}
        try:
            seen["resume"] = watched.until(lambda event: event["source"] == "system")
            jack.unplug()
            seen["jack"] = watched.until(lambda event: event["source"] == "evdev")
        except (NotInTimeError, OSError) as error:  # told without a traceback, which reads the program's text
            seen["error"] = str(error)
    return seen


class Watched:
    """The events that the daemon tells whoever watches (`org.hwbridge.Watch`), from now on."""

    def __init__(self, place: Workplace, daemon: Daemon) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(place.socket))
        self._socket.sendall(b'{"method": "org.hwbridge.Watch", "parameters": {"events": true}, "more": true}\0')
        self._received = b""
        for _ in range(2):  # the daemon has taken the call when it has taken one that was made later
            daemon.status()

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next event that is `wanted`."""
        deadline = time.monotonic() + SECONDS
        while True:
            while b"\0" not in self._received:
                if not select.select([self._socket], [], [], max(0, deadline - time.monotonic()))[0]:
                    raise NotInTimeError(f"not within {SECONDS} s: the daemon tells of an event")
                received = self._socket.recv(1 << 16)
                if not received:
                    raise ConnectionError("the daemon hung up")
                self._received += received
            answer, _, self._received = self._received.partition(b"\0")
            event = json.loads(answer)["parameters"].get("event")
            if event is not None and wanted(event):
                return dict(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()


def _keep_programs_in_memory() -> None:
    """Has ourselves and the daemon read all that we have mapped of files, so that no page is missing later.

    Read through each process, since a file that is opened twice is two files to the guest (9p without a cache).
    """
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if (process / "comm").read_text().startswith(_NEEDED):
                _read_all_mapped(process)


def _read_all_mapped(process: Path) -> None:
    with open(process / "mem", "rb", buffering=0) as memory:
        for line in (process / "maps").read_text().splitlines():
            place, rights, _, _, inode, *_ = line.split()
            if "r" not in rights or inode == "0":
                continue
            begin, end = (int(each, 16) for each in place.split("-"))
            for at in range(begin, end, _CHUNK):
                memory.seek(at)
                with suppress(OSError):  # behind the end of the file
                    memory.read(min(_CHUNK, end - at))


def _sleep() -> int:
    """Puts the machine to sleep, until the kernel ends the test; how many microseconds that was by the clocks."""
    Path("/sys/module/suspend/parameters/pm_test_delay").write_text("3")
    (POWER / "pm_test").write_text("core")
    before = _asleep()
    (POWER / "state").write_text("mem")
    return (_asleep() - before) // 1000


def _asleep() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()


def _link_zone(name: str) -> None:
    """As `ln -sf` does, and timedatectl."""
    new = LOCALTIME.with_name("localtime.new")
    new.symlink_to(Path("/usr/share/zoneinfo") / name)
    new.rename(LOCALTIME)


CLOCK_SCENARIOS = {scenario.__name__: scenario for scenario in (clock_set, machine_sleeps)}
LAST = "machine_sleeps"
"""After it the guest cannot read a file."""
