"""`timedatectl set-timezone`, done by systemd's own timedated on a bus of the test's own, in a mount namespace.

The monitor asks no bus: whatever timedated is told, it is the link in /etc that says which zone holds.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clock_heard import Heard
from made_bus import MOCK, MadeBus, made_bus, why_not
from made_zones import HOUR, make_zones
from namespace import in_namespace

from bridge.model.events import Origin
from bridge.monitors.bus_words import Call
from bridge.monitors.clock import LIVE, ClockMonitor
from bridge.service.clock import monotonic

TIMEDATED = "/usr/lib/systemd/systemd-timedated"
SERVICE, PLACE = "org.freedesktop.timedate1", "/org/freedesktop/timedate1"
EAST = 5 * HOUR + HOUR // 2

pytestmark = [
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.skipif(not Path(TIMEDATED).exists(), reason=f"systemd's {TIMEDATED} is not installed"),
    pytest.mark.skipif(shutil.which("timedatectl") is None, reason="systemd's timedatectl is not installed"),
]


@contextmanager
def a_bus_of_a_machine() -> Iterator[MadeBus]:
    """A bus on which everybody believes that systemd runs the machine, which is in the zone Made/West."""
    for folder in ("/etc", "/usr/share/zoneinfo"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    make_zones(Path("/usr/share/zoneinfo"))
    Path("/etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    Path("/etc/localtime").symlink_to("../usr/share/zoneinfo/Made/West")
    Path("/run/systemd/system").mkdir(parents=True)
    Path("/run/bus").mkdir()
    with made_bus(Path("/run/bus")) as bus:
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
        yield bus


@contextmanager
def timedated() -> Iterator[None]:
    """Systemd's own, which runs meanwhile."""
    with subprocess.Popen([TIMEDATED], stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def watched() -> Heard:
    monitor = LIVE.open(clock=monotonic, settings={})
    assert isinstance(monitor, ClockMonitor)
    return Heard(monitor)


@in_namespace
def test_a_zone_that_timedatectl_sets_is_one_change() -> None:
    with a_bus_of_a_machine() as bus, timedated():
        bus.hand.wait_until(SERVICE, is_there=True)
        heard = watched()

        subprocess.run(["timedatectl", "--no-ask-password", "set-timezone", "Made/East"], check=True)

        assert heard.wait() == [(Origin.LIVE, "TimeZoneChange", "Made/East", EAST)]
        subprocess.run(["timedatectl", "--no-ask-password", "set-timezone", "Made/East"], check=True)
        assert heard.all() == []


@in_namespace
def test_a_zone_that_is_only_said_on_the_bus_holds_nowhere_and_is_not_told() -> None:
    with a_bus_of_a_machine() as bus:
        bus.mock("timedated", SERVICE)
        heard = watched()

        bus.hand.call(Call(SERVICE, PLACE, SERVICE, "SetTimezone", "sb", ("Made/East", False)))
        bus.hand.call(Call(SERVICE, PLACE, MOCK, "GetMethodCalls", "s", ("SetTimezone",)))

        assert heard.all() == []
