"""The udev monitor on real netlink sockets: in a namespace with a udevd made up, and with the kernel itself."""

import logging
import os
import select
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from fake_machine import asking
from fake_udevd import RUN, FakeUdevd, write_down
from namespace import in_namespace

from bridge.errors import DeclarationError
from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.merged import Filter
from bridge.monitors.udev import Libudev, UdevMonitor, open_monitor
from bridge.monitors.uevents import UeventSocket

NULL = "/devices/virtual/mem/null"
ZERO = "/devices/virtual/mem/zero"
NULL_UEVENT = Path("/sys/class/mem/null/uevent")
OURS = "0d1f6b0e-5c3a-4b67-9a55-2f1f3c7d8e90"
"""The SYNTH_UUID of events that are written here: others may write some, too (sysfs-uevent)."""
MEM = asking({"subsystem": "mem"})
DEADLINE_SECONDS = 30
needs_ip = pytest.mark.skipif(shutil.which("ip") is None, reason="ip (iproute2) is not installed")
Told = Sequence[Event | DeviceGone]


class SmallQueues(Libudev):
    """Libudev with sockets that a few hundred events overflow."""

    def subscribe(self, one: Filter) -> UeventSocket:
        return UeventSocket(group=self.group, subsystems=one.subsystems, tag=one.tag, receive_buffer=64 << 10)


class Lines(logging.Handler):
    """What was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def monitor_of(group: str) -> UdevMonitor:
    return open_monitor(clock=lambda: 7, settings={"group": group})


def is_readable(monitor: UdevMonitor, seconds: float = 0) -> bool:
    return bool(select.select([monitor], [], [], seconds)[0])


def read_all(monitor: UdevMonitor) -> list[Event | DeviceGone]:
    told: list[Event | DeviceGone] = []
    while is_readable(monitor):
        told += monitor.read()
    return told


def in_short(told: Told) -> list[tuple[str, str, str]]:
    return [
        ("", "gone", one.owner)
        if isinstance(one, DeviceGone)
        else (one.origin.value, str(one.fields["action"]), str(one.fields["devpath"]))
        for one in told
    ]


def there_at_the_end(told: Told) -> set[str]:
    there: set[str] = set()
    for one in told:
        assert isinstance(one, Event)
        devpath = str(one.fields["devpath"])
        there.discard(devpath)
        if one.fields["action"] != "remove":
            there.add(devpath)
    return there


@in_namespace
def test_an_event_that_both_sockets_hear_is_told_once() -> None:
    with FakeUdevd() as udevd, closing(monitor_of("udev")) as monitor:
        monitor.watch(MEM)
        udevd.send("add", "/devices/a", "mem", tags=["hwbridge"])
        udevd.send("add", "/devices/b", "mem")
        udevd.send("add", "/devices/c", "tty", tags=["hwbridge"], HWBRIDGE_TRIGGER="{g}")

        told = read_all(monitor)

    assert in_short(told) == [
        ("live", "add", "/devices/a"),
        ("live", "add", "/devices/b"),
        ("live", "add", "/devices/c"),
    ]
    assert isinstance(told[2], Event)
    assert told[2].fields["HWBRIDGE_TRIGGER"] == "{g}"
    assert told[2].at == 7


@in_namespace
def test_devices_that_no_rule_asks_for_do_not_wake_us() -> None:
    with FakeUdevd() as udevd, closing(monitor_of("udev")) as monitor:
        monitor.watch(MEM)
        udevd.send("add", "/devices/a", "tty", tags=["systemd"])
        assert not is_readable(monitor)

        monitor.watch(asking())
        udevd.send("add", "/devices/b", "mem")
        assert not is_readable(monitor)

        monitor.watch(asking({"action": "*"}))
        udevd.send("add", "/devices/c", "tty")
        assert in_short(monitor.read()) == [("live", "add", "/devices/c")]


@in_namespace
def test_events_that_wait_are_told_in_the_order_of_their_numbers() -> None:
    with FakeUdevd() as udevd, closing(monitor_of("udev")) as monitor:
        monitor.watch(MEM)
        udevd.send("add", "/devices/late", "mem", number=12)
        udevd.send("add", "/devices/early", "tty", tags=["hwbridge"], number=11)
        udevd.send("add", "/devices/first", "mem", number=10)

        told = monitor.read()

    assert [devpath for _, _, devpath in in_short(told)] == ["/devices/first", "/devices/early", "/devices/late"]


@in_namespace
def test_at_the_start_devices_are_told_with_what_udevd_wrote_down() -> None:
    write_down("c1:3", tags=["hwbridge"], ID_TEST="null")
    write_down("c1:5", ID_TEST="zero")
    asks = asking({"subsystem": "mem", "attr.dev": "*", "attr.none": True, "@ID_TEST": "*", "@attr.dev": "*"})

    with closing(monitor_of("udev")) as monitor:
        told = monitor.watch(asks)

        assert sorted(in_short(told)) == [("start", "add", NULL), ("start", "add", ZERO)]
        (null,) = (event for event in monitor.snapshot() if event.fields["devpath"] == NULL)
        assert null.origin is Origin.START
        assert null.fields["devnode"] == "/dev/null"
        assert null.fields["ID_TEST"] == null.fields["@ID_TEST"] == "null"
        assert null.fields["attr.dev"] == null.fields["@attr.dev"] == "1:3"
        assert "attr.none" not in null.fields
        assert sorted(in_short(monitor.watch(MEM))) == []


@in_namespace
def test_a_reload_tells_of_what_is_newly_watched_and_loses_nothing() -> None:
    write_down("c1:3", tags=["hwbridge"])
    write_down("c1:5")
    with FakeUdevd() as udevd, closing(monitor_of("udev")) as monitor:
        assert in_short(monitor.watch(asking({"subsystem": "tty"}))) == [("start", "add", NULL)]
        udevd.send("add", "/devices/waits", "tty")

        told = monitor.watch(MEM)

        assert in_short(told) == [("live", "add", "/devices/waits"), ("start", "add", ZERO)]
        udevd.send("remove", "/devices/waits", "tty")
        assert not is_readable(monitor)
        assert monitor.report().devices == ("group udev, subsystems mem", "group udev, tag hwbridge")


@in_namespace
def test_after_an_overflow_what_was_told_is_what_is_there() -> None:
    write_down("c1:3", tags=["hwbridge"])
    write_down("c1:5")
    with FakeUdevd() as udevd, closing(UdevMonitor(clock=lambda: 0, machine=SmallQueues("udev"))) as monitor:
        told = list(monitor.watch(MEM))
        udevd.send("remove", NULL, "mem", tags=["hwbridge"])  # a reader that stalls hears this, and not what follows
        for number in range(5000):
            udevd.send("add", f"/devices/{number}", "mem", tags=["hwbridge"])

        told += read_all(monitor)

        assert there_at_the_end(told) == {NULL, ZERO}
        assert ("resync", "add", NULL) in in_short(told)
        assert ("resync", "remove", "/devices/0") in in_short(told)
        assert monitor.report().lost > 0
        assert not is_readable(monitor)
        udevd.send("change", ZERO, "mem")
        assert in_short(monitor.read()) == [("live", "change", ZERO)]


@in_namespace
def test_closing_and_reloading_leave_no_descriptor() -> None:
    monitor_of("udev").close()
    before = sorted(os.listdir("/proc/self/fd"))

    monitor = monitor_of("udev")
    monitor.watch(MEM)
    watching = sorted(os.listdir("/proc/self/fd"))
    monitor.watch(asking({"action": "*"}))
    monitor.watch(MEM)
    assert sorted(os.listdir("/proc/self/fd")) == watching
    monitor.close()
    monitor.close()

    assert sorted(os.listdir("/proc/self/fd")) == before


@in_namespace
def test_without_sysfs_events_come_and_the_report_says_what_is_missing() -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/sys"], check=True)
    with FakeUdevd() as udevd, closing(UdevMonitor(clock=lambda: 0, machine=SmallQueues("udev"))) as monitor:
        assert monitor.watch(MEM) == []
        assert monitor.report().refused == ("/sys is not mounted: devices that are there already cannot be found",)

        for number in range(5000):
            udevd.send("add", f"/devices/{number}", "mem")
        told = read_all(monitor)

    assert {origin for origin, _, _ in in_short(told)} == {"live"}


@in_namespace
def test_without_a_udevd_the_kernel_tells_and_one_line_says_so() -> None:
    (RUN / "control").unlink()
    log = Lines()
    logging.getLogger("bridge.monitors.udev").addHandler(log)

    with closing(open_monitor(clock=lambda: 0, settings={})) as monitor:
        assert log.lines == [
            "no udevd runs here: device events come from the kernel, without udev's properties and tags"
        ]
        monitor.watch(asking())
        assert monitor.report().devices == ()
        assert {devpath for _, _, devpath in in_short(monitor.watch(MEM))} > {NULL, ZERO}
        assert monitor.report().devices == ("group kernel, subsystems mem",)


@needs_ip
@in_namespace
def test_real_network_devices_come_move_and_go() -> None:
    net = "/devices/virtual/net"
    with closing(monitor_of("kernel")) as monitor:
        assert in_short(monitor.watch(asking({"subsystem": "net"}))) == [("start", "add", f"{net}/lo")]

        for change in ("add name one type bridge", "set one name two", "del two"):
            subprocess.run(["ip", "link", *change.split()], check=True)
        told = read_all(monitor)

    assert in_short(told) == [
        ("live", "add", f"{net}/one"),
        ("", "gone", f"{net}/one"),
        ("live", "move", f"{net}/two"),
        ("live", "remove", f"{net}/two"),
    ]


@needs_ip
@in_namespace
def test_a_real_device_that_went_still_says_what_it_was() -> None:
    asks = asking({"subsystem": "net", "attr.type": 1, "@INTERFACE": True})
    with closing(monitor_of("kernel")) as monitor:
        monitor.watch(asks)
        subprocess.run(["ip", "link", "add", "bridge0", "type", "bridge"], check=True)
        (came,) = monitor.read()
        subprocess.run(["ip", "link", "del", "bridge0"], check=True)

        (went,) = monitor.read()

    assert isinstance(came, Event)
    assert isinstance(went, Event)
    assert went.fields["action"] == "remove"
    assert went.fields["devtype"] == came.fields["devtype"] == "bridge"
    assert went.fields["attr.type"] == came.fields["attr.type"] == "1"
    assert went.fields["@INTERFACE"] == "bridge0"


@needs_ip
@in_namespace
def test_a_real_device_whose_name_is_not_utf8_is_told_readably() -> None:
    with closing(monitor_of("kernel")) as monitor:
        monitor.watch(asking({"subsystem": "net", "attr.type": 1}))
        subprocess.run([b"ip", b"link", b"add", b"name", b"caf\xe9", b"type", b"bridge"], check=True)
        (came,) = monitor.read()
        present = {str(event.fields["devpath"]): event.fields for event in monitor.snapshot()}

    assert isinstance(came, Event)
    assert came.fields["devpath"] == "/devices/virtual/net/caf\\xe9"
    assert came.fields["INTERFACE"] == "caf\\xe9"
    assert came.fields["attr.type"] == "1"
    assert present["/devices/virtual/net/caf\\xe9"]["attr.type"] == "1"


@needs_ip
@in_namespace
def test_an_overflow_of_the_kernels_own_events_ends_in_the_true_state() -> None:
    net = "/devices/virtual/net"
    with closing(UdevMonitor(clock=lambda: 0, machine=SmallQueues("kernel"))) as monitor:
        told = list(monitor.watch(asking({"action": "*"})))
        before = there_at_the_end(told)
        lines = [f"link add name x{number} type bridge\nlink del x{number}\n" for number in range(300)]
        lines += ["link add name stays type bridge\n", "link set lo name loop\n"]
        subprocess.run(["ip", "-batch", "-"], input="".join(lines), text=True, check=True)

        told += read_all(monitor)

        assert monitor.report().lost > 0
        there = {path for path in there_at_the_end(told) if "/queues" not in path}
        assert there == before - {f"{net}/lo"} | {f"{net}/stays", f"{net}/loop"}


@pytest.mark.skipif(not os.access(NULL_UEVENT, os.W_OK), reason=f"{NULL_UEVENT} may be written by root only")
def test_a_uevent_that_root_writes_is_told_and_is_no_other_device_than_the_listed_one() -> None:
    with closing(monitor_of("kernel")) as monitor:
        listed = {event.fields["devpath"]: event for event in monitor.watch(MEM) if isinstance(event, Event)}

        NULL_UEVENT.write_text(f"change {OURS}")
        told: list[Event | DeviceGone] = []
        while not (ours := [one for one in told if isinstance(one, Event) and one.fields.get("SYNTH_UUID") == OURS]):
            assert is_readable(monitor, DEADLINE_SECONDS)
            told += monitor.read()

    event = ours[0]
    assert event.fields["synthetic"] == "1"
    of_the_event = {"action", "ACTION", "SEQNUM", "SYNTH_UUID", "synthetic"}
    assert {name: value for name, value in event.fields.items() if name not in of_the_event} == {
        name: value for name, value in listed[NULL].fields.items() if name not in of_the_event
    }


def test_settings_that_nobody_knows_are_refused_all_at_once() -> None:
    with pytest.raises(DeclarationError) as caught:
        open_monitor(clock=lambda: 0, settings={"group": "netlink", "groups": "udev"})

    assert str(caught.value).splitlines() == [
        "[udev] groups: unknown key, 'group' is the only one",
        "[udev] group 'netlink' is none of auto, udev, kernel",
    ]
