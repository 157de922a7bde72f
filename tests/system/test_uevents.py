"""Sockets for device events, and devices as libudev lists them: what they pass, what they survive, what they close."""

import os
import resource
import select
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from fake_machine import FakeDevice
from fake_udevd import RUN, FakeUdevd, write_down
from namespace import in_namespace

from bridge.errors import DeviceError, InvalidValueError
from bridge.monitors.uevents import (
    EVENTS_A_READ,
    RECEIVE_BUFFER,
    SO_RCVBUFFORCE,
    SUBSYSTEMS_A_FILTER,
    UeventSocket,
    attribute_of,
    devices_there,
    group_in_force,
    inherited_of,
    is_there,
    properties_of,
)

NULL = "/devices/virtual/mem/null"
SMALL = 16 << 10
NULL_UEVENT = Path("/sys/class/mem/null/uevent")
OURS = "6c2b8e57-1f0d-4d3a-8e46-90b7d5a1c3f2"
"""The SYNTH_UUID of an event that is written here: others may write some, too (sysfs-uevent)."""


def is_readable(uevents: UeventSocket, seconds: float = 0) -> bool:
    return bool(select.select([uevents], [], [], seconds)[0])


def open_descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


def paths(devices: list[FakeDevice]) -> list[str]:
    return [properties_of(device)["DEVPATH"] for device in devices]


@in_namespace
def test_a_socket_with_a_tag_is_not_woken_by_devices_without_it() -> None:
    with FakeUdevd() as udevd, closing(UeventSocket(group="udev", tag="hwbridge")) as uevents:
        udevd.send("add", "/devices/a", "tty", tags=["systemd"])
        assert not is_readable(uevents)

        udevd.send("add", "/devices/b", "tty", tags=["systemd", "hwbridge"])
        assert is_readable(uevents)
        devices, dropped = uevents.read()

    assert paths(devices) == ["/devices/b"]
    assert not dropped


@in_namespace
def test_a_socket_with_subsystems_is_not_woken_by_others() -> None:
    subsystems = frozenset({"tty", "input"})
    with FakeUdevd() as udevd, closing(UeventSocket(group="udev", subsystems=subsystems)) as uevents:
        udevd.send("add", "/devices/a", "block")
        assert not is_readable(uevents)

        udevd.send("add", "/devices/b", "tty")
        udevd.send("add", "/devices/c", "input", DEVTYPE="any")
        devices, _ = uevents.read()

    assert paths(devices) == ["/devices/b", "/devices/c"]


@in_namespace
def test_a_filter_holds_as_many_subsystems_as_it_says() -> None:
    subsystems = frozenset(f"subsystem{number}" for number in range(SUBSYSTEMS_A_FILTER))
    with FakeUdevd() as udevd, closing(UeventSocket(group="udev", subsystems=subsystems)) as uevents:
        udevd.send("add", "/devices/a", "subsystem")
        assert not is_readable(uevents)

        udevd.send("add", "/devices/b", "subsystem77")
        devices, _ = uevents.read()

    assert paths(devices) == ["/devices/b"]


@in_namespace
def test_lost_events_are_told_once_and_the_socket_goes_on() -> None:
    with FakeUdevd() as udevd, closing(UeventSocket(group="udev", receive_buffer=SMALL)) as uevents:
        for number in range(1000):
            udevd.send("add", f"/devices/{number}", "tty")
        before, dropped = uevents.read()
        assert dropped
        assert 0 < len(before) < 1000
        assert not is_readable(uevents)

        udevd.send("add", "/devices/after", "tty")
        devices, dropped = uevents.read()

    assert paths(devices) == ["/devices/after"]
    assert not dropped


@in_namespace
def test_what_is_no_device_event_is_passed_over() -> None:
    with FakeUdevd() as udevd, closing(UeventSocket(group="udev")) as uevents:
        udevd.send_raw(b"")
        udevd.send_raw(b"no property at all\0")
        udevd.send_raw(b"ACTION=add\0DEVPATH=/devices/x\0")
        udevd.send_raw(b"\xff\xfe=\xff\0" * 100)
        udevd.send("add", "/devices/a", "tty")
        devices, dropped = uevents.read()

        assert paths(devices) == ["/devices/a"]
        assert not dropped
        assert not is_readable(uevents)


@in_namespace
def test_a_storm_leaves_the_rest_for_the_next_read() -> None:
    with FakeUdevd() as udevd, closing(UeventSocket(group="udev")) as uevents:
        for number in range(EVENTS_A_READ + 10):
            udevd.send("change", f"/devices/{number}", "tty")

        first, _ = uevents.read()
        assert len(first) == EVENTS_A_READ
        assert is_readable(uevents)
        rest, _ = uevents.read()

    assert len(rest) == 10


@in_namespace
def test_properties_that_are_not_utf8_keep_their_bytes() -> None:
    with FakeUdevd() as udevd, closing(UeventSocket(group="udev")) as uevents:
        udevd.send("add", "/devices/a", "input", NAME=b'"caf\xe9"', PHYS="usb-1/input0")
        (device,), _ = uevents.read()

    properties = properties_of(device)
    assert properties["NAME"] == '"caf\udce9"'
    assert properties["PHYS"] == "usb-1/input0"
    assert properties["ACTION"] == "add"


@in_namespace
def test_closing_leaves_no_descriptor() -> None:
    UeventSocket(group="udev").close()  # libudev opens nothing more after the first
    before = open_descriptors()

    uevents = UeventSocket(group="udev", tag="hwbridge")
    assert open_descriptors() != before
    uevents.close()

    assert open_descriptors() == before
    uevents.close()


@in_namespace
def test_without_a_descriptor_left_there_is_one_clear_error() -> None:
    UeventSocket(group="udev").close()
    before = open_descriptors()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (len(before) - 1, len(before)):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))

        with pytest.raises(DeviceError, match=r"^netlink socket .*, group udev: Too many open files$"):
            UeventSocket(group="udev")

        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        assert open_descriptors() == before


@in_namespace
def test_a_subscription_that_would_stay_deaf_is_refused() -> None:
    UeventSocket(group="udev").close()  # finding libudev needs /dev/null
    (RUN / "control").unlink()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/dev"], check=True)  # as in a container: no udevd, no devtmpfs

    with pytest.raises(DeviceError, match="no udevd runs here"):
        UeventSocket(group="udev")


@in_namespace
def test_without_libudev_there_is_one_clear_error() -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/dev"], check=True)  # without /dev/null it is not found either

    with pytest.raises(DeviceError, match=r"^libudev.so.1 was not found"):
        UeventSocket(group="udev")


@in_namespace
def test_the_group_follows_udevd() -> None:
    assert group_in_force("auto") == "udev"

    (RUN / "control").unlink()

    assert group_in_force("auto") == "kernel"
    assert group_in_force("udev") == "udev"


def test_another_group_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="'netlink' is none of auto, udev, kernel"):
        group_in_force("netlink")


def test_senseless_filters_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="not 0"):
        UeventSocket(group="kernel", subsystems=frozenset())
    with pytest.raises(InvalidValueError, match="not 129"):
        UeventSocket(group="kernel", subsystems=frozenset(map(str, range(SUBSYSTEMS_A_FILTER + 1))))
    with pytest.raises(InvalidValueError, match="no tags"):
        UeventSocket(group="kernel", tag="hwbridge")


@pytest.mark.skipif(shutil.which("ip") is None, reason="ip (iproute2) is not installed")
@in_namespace
def test_the_kernel_group_hears_the_kernel_and_sorts_out_subsystems() -> None:
    with closing(UeventSocket(group="kernel", subsystems=frozenset({"net"}))) as uevents:
        subprocess.run(["ip", "link", "add", "bridge0", "type", "bridge"], check=True)
        devices, _ = uevents.read()

    assert paths(devices) == ["/devices/virtual/net/bridge0"]  # and not its queues


@pytest.mark.skipif(os.geteuid() != 0, reason="a queue beyond net.core.rmem_max needs root")
def test_root_gets_the_whole_queue() -> None:
    with closing(UeventSocket(group="kernel")) as uevents, socket.socket(fileno=os.dup(uevents.fileno())) as same:
        try:
            same.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, SMALL)
        except PermissionError:
            pytest.skip("CAP_NET_ADMIN is missing")
    with closing(UeventSocket(group="kernel")) as uevents, socket.socket(fileno=os.dup(uevents.fileno())) as same:
        assert same.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= RECEIVE_BUFFER


@in_namespace
def test_listed_are_the_devices_that_udevd_is_done_with() -> None:
    write_down("c1:3", tags=["hwbridge"], ID_TEST="null")
    write_down("c1:5", ID_TEST="zero")
    mem = frozenset({"mem"})

    assert paths(list(devices_there(group="udev", subsystems=mem))) == [NULL, "/devices/virtual/mem/zero"]
    assert paths(list(devices_there(group="udev", subsystems=mem, tag="hwbridge"))) == [NULL]
    (null,) = devices_there(group="udev", tag="hwbridge")
    assert properties_of(null)["ID_TEST"] == "null"
    assert len(paths(list(devices_there(group="kernel", subsystems=mem)))) > 2
    assert is_there(NULL)
    assert not is_there(f"{NULL}0")


@in_namespace
def test_without_sysfs_listing_says_so() -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/sys"], check=True)

    with pytest.raises(DeviceError, match=r"^/sys is not mounted"):
        next(devices_there(group="kernel"))


def test_an_attribute_is_read_without_its_newline_and_with_every_byte(tmp_path: Path) -> None:
    (tmp_path / "power").mkdir()
    (tmp_path / "power" / "control").write_text("auto\n")
    (tmp_path / "serial").write_bytes(b"\xe9\0x\n\n")
    (tmp_path / "empty").touch()
    (tmp_path / "driver").symlink_to("../../bus/usb/drivers/cdc_acm")
    device = FakeDevice({}, sys_path=str(tmp_path))

    assert attribute_of(device, "power/control") == "auto"
    assert attribute_of(device, "serial") == "\udce9\0x"
    assert attribute_of(device, "empty") == ""
    assert attribute_of(device, "driver") == "cdc_acm"
    assert attribute_of(device, "power") is None
    assert attribute_of(device, "idVendor") is None


def test_what_a_device_lacks_it_has_from_its_nearest_ancestor(tmp_path: Path) -> None:
    for name, vendor in (("interface", None), ("device", "0403"), ("hub", "1d6b")):
        (tmp_path / name).mkdir()
        if vendor:
            (tmp_path / name / "idVendor").write_text(f"{vendor}\n")
    hub = FakeDevice({"ID_PATH": "hub", "ID_HUB": "1"}, sys_path=str(tmp_path / "hub"))
    device = FakeDevice({"ID_PATH": "device"}, sys_path=str(tmp_path / "device"))
    interface = FakeDevice({"ID_MODEL": "scanner"}, ancestors=(device, hub), sys_path=str(tmp_path / "interface"))

    assert inherited_of(interface, "ID_MODEL") == "scanner"
    assert inherited_of(interface, "ID_PATH") == "device"
    assert inherited_of(interface, "ID_HUB") == "1"
    assert inherited_of(interface, "attr.idVendor") == "0403"
    assert inherited_of(interface, "attr.idProduct") is None


@pytest.mark.skipif(not os.access(NULL_UEVENT, os.W_OK), reason=f"{NULL_UEVENT} may be written by root only")
def test_a_uevent_written_by_root_comes_from_the_kernel() -> None:
    with closing(UeventSocket(group="kernel", subsystems=frozenset({"mem"}))) as uevents:
        NULL_UEVENT.write_text(f"change {OURS}")
        heard: list[dict[str, str]] = []
        while not (ours := [each for each in heard if each.get("SYNTH_UUID") == OURS]):
            assert is_readable(uevents, 10)
            heard += map(properties_of, uevents.read()[0])

    assert (ours[0]["DEVPATH"], ours[0]["ACTION"]) == (NULL, "change")
