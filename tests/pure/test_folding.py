"""One plug is one `arrived` and one `left`, whatever the kernel makes of it."""

import json
from pathlib import Path

import pytest

from bridge.sources.device import DEVICE
from bridge.sources.folding import LEAST_LOOK, Folding
from tests.pure.plugs import (
    DISK,
    HUB,
    MOST,
    NODES,
    QUIET,
    STICK,
    TTY,
    Desk,
    acted,
    plug,
    pull,
    stick,
    usb_device,
)

ID = "usb-1d6b:0104-LAB7"
HEADSET = Path(__file__).parents[2] / "hw_fixtures/usb-headset/recording.jsonl"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_plug_is_one_arrived_with_all_nodes_and_one_left(desk: Desk) -> None:
    desk.hear(plug())
    desk.wait(MOST)
    desk.hear(pull())
    desk.wait(MOST)

    assert desk.in_short() == [("live", "arrived", ID), ("live", "left", ID)]
    arrived, left = (event.fields for event in desk.told)
    assert arrived["nodes"] == NODES
    assert {**arrived, "state": "left"} == left
    assert arrived["name"] == "Lab Stick"
    assert (arrived["vendor"], arrived["product"], arrived["serial"]) == ("1d6b", "0104", "LAB7")
    assert DEVICE.checked(dict(arrived)) == arrived


def test_it_arrives_when_nothing_was_heard_of_it_for_a_while(desk: Desk) -> None:
    for message in plug():
        desk.hear([message])
        desk.wait(QUIET - 1)
        assert desk.told == []
        desk.at -= QUIET // 2
    desk.wait(QUIET)

    assert desk.in_short() == [("live", "arrived", ID)]


def test_one_that_never_is_quiet_arrives_after_the_longest_wait(desk: Desk) -> None:
    desk.hear(plug())
    while desk.at < MOST - QUIET:
        desk.wait(QUIET // 2)
        desk.hear(acted("change", stick()[:1]))
    assert desk.told == []
    desk.wait(QUIET)

    assert desk.in_short() == [("live", "arrived", ID)]


def test_it_waits_for_nodes_that_may_not_be_opened_yet(desk: Desk) -> None:
    desk.closed = frozenset({"/dev/sda"})
    desk.hear(plug())
    desk.wait(3 * QUIET)
    assert desk.told == []
    assert desk.folding.unready(STICK, desk) == ["/dev/sda"]
    desk.closed = frozenset()
    desk.wait(QUIET)

    assert desk.in_short() == [("live", "arrived", ID)]


def test_who_wants_no_quiet_has_it_told_at_once_and_looked_at_with_pauses_while_it_is_not_ready(desk: Desk) -> None:
    desk.folding = Folding(quiet=0, most=MOST)
    desk.folding.ask(lambda fields: True, 0)
    desk.closed = frozenset({"/dev/sda"})
    desk.hear(plug())
    desk.wait(0)
    assert desk.folding.deadline == LEAST_LOOK
    desk.closed = frozenset()
    desk.wait(LEAST_LOOK)
    desk.hear(pull())
    desk.hear(plug())
    desk.wait(0)

    assert [(event.at, event.fields["state"]) for event in desk.told] == [
        (LEAST_LOOK, "arrived"),
        (LEAST_LOOK, "left"),
        (LEAST_LOOK, "arrived"),
    ]


def test_a_node_that_may_never_be_opened_delays_it_no_longer_than_the_longest_wait(desk: Desk) -> None:
    desk.closed = frozenset({"/dev/sda"})
    desk.hear(plug())
    desk.wait(MOST - 1)
    assert desk.told == []
    desk.wait(1)

    assert desk.in_short() == [("live", "arrived", ID)]
    assert desk.told[0].fields["nodes"] == NODES


def test_it_waits_for_what_the_kernel_has_and_udevd_has_not_told_yet(desk: Desk) -> None:
    desk.in_sysfs = [device["DEVPATH"] for device in stick()]
    *early, partition = plug()
    desk.hear([message for message in early if message["DEVPATH"] != partition["DEVPATH"]])
    desk.wait(3 * QUIET)
    assert desk.told == []
    assert desk.folding.unready(STICK, desk) == [partition["DEVPATH"]]
    desk.hear([partition])
    desk.wait(QUIET)

    assert [event.fields["nodes"] for event in desk.told] == [NODES]


def test_it_waits_for_the_driver_of_a_usb_device(desk: Desk) -> None:
    undriven, *_ = plug()
    desk.hear([undriven])
    desk.wait(3 * QUIET)
    assert desk.told == []
    desk.hear(acted("bind", stick()[:1]))
    desk.wait(QUIET)

    assert desk.in_short() == [("live", "arrived", ID)]


def test_a_disk_that_is_looked_for_a_while_is_waited_for(desk: Desk) -> None:
    *early, scsi, disk, partition = stick()
    host = {"DEVPATH": DISK.partition("/target")[0], "SUBSYSTEM": "scsi", "DEVTYPE": "scsi_host"}
    desk.hear(acted("add", [*early, host]))
    desk.wait(1_000_000)  # usb-storage's delay_use
    generic = {"DEVPATH": f"{scsi['DEVPATH']}/bsg/2:0:0:0", "SUBSYSTEM": "bsg", "DEVNAME": "/dev/bsg/2:0:0:0"}
    desk.hear(acted("add", [scsi, generic]))
    desk.wait(1_000_000)
    desk.hear([*acted("remove", [generic]), *acted("add", [disk, partition])])
    desk.wait(QUIET)

    assert [event.fields["nodes"] for event in desk.told] == [NODES]


def test_a_disk_that_never_comes_delays_its_device_no_longer_than_the_longest_wait(desk: Desk) -> None:
    host = {"DEVPATH": DISK.partition("/target")[0], "SUBSYSTEM": "scsi", "DEVTYPE": "scsi_host"}
    desk.hear(acted("add", [*stick()[:-3], host]))
    desk.wait(MOST - 1)
    assert desk.told == []
    assert desk.folding.unready(STICK, desk) == [host["DEVPATH"]]
    desk.wait(1)

    assert desk.in_short() == [("live", "arrived", ID)]


def test_a_device_that_goes_before_it_has_settled_was_never_there(desk: Desk) -> None:
    desk.hear(plug())
    desk.wait(QUIET - 1)
    desk.hear(pull())
    desk.wait(MOST)

    assert desk.told == []
    assert desk.folding.deadline is None


def test_a_device_that_comes_again_at_once_left_and_arrived(desk: Desk) -> None:
    desk.hear(plug(7))
    desk.wait(QUIET)
    desk.hear([*pull(7), *plug(8)])
    desk.wait(QUIET)

    assert [state for _, state, _ in desk.in_short()] == ["arrived", "left", "arrived"]


def test_a_device_that_switches_its_mode_before_it_has_settled_arrives_as_what_it_is_then(desk: Desk) -> None:
    desk.hear(acted("add", [usb_device(number=7, ID_MODEL_ID="0001")]))
    desk.wait(QUIET // 2)
    desk.hear(acted("remove", [usb_device(number=7, ID_MODEL_ID="0001")]))
    desk.hear(acted("add", [usb_device(number=8, ID_MODEL_ID="0002")]))
    desk.wait(QUIET)

    assert desk.in_short() == [("live", "arrived", "usb-1d6b:0002-LAB7")]


def test_a_node_that_comes_late_is_told_to_nobody_but_who_asks_what_is_there(desk: Desk) -> None:
    *early, partition = stick()
    desk.hear(acted("add", early))
    desk.wait(QUIET)
    desk.hear(acted("add", [partition]))
    desk.wait(MOST)

    assert [event.fields["nodes"] for event in desk.told] == [NODES.replace(" /dev/sda1", "")]
    assert [event.fields["nodes"] for event in desk.folding.present(desk.at)] == [NODES]


def test_a_driver_that_lets_go_and_takes_hold_again_is_no_plug(desk: Desk) -> None:
    desk.hear(plug())
    desk.wait(QUIET)
    interface, tty = stick()[1], stick()[4]
    desk.hear([*acted("remove", [tty]), *acted("unbind", [interface])])
    assert "/dev/ttyACM0" not in str(desk.folding.present(desk.at)[0].fields["nodes"])
    desk.hear([*acted("bind", [interface]), *acted("add", [tty])])
    desk.wait(MOST)

    assert desk.in_short() == [("live", "arrived", ID)]


def test_uevents_that_somebody_writes_plug_nothing(desk: Desk) -> None:
    desk.hear(plug())
    desk.wait(QUIET)
    for action in ("add", "change", "remove"):
        desk.hear(acted(action, stick(), SYNTH_UUID="0"))
    desk.wait(MOST)

    assert desk.in_short() == [("live", "arrived", ID)]


@pytest.mark.parametrize("actions", [("remove",), ("remove", "add"), ("remove", "add", "change")])
def test_it_leaves_as_ever_after_somebody_has_made_udevd_forget_it(desk: Desk, actions: tuple[str, ...]) -> None:
    desk.hear(plug())
    desk.wait(QUIET)
    seen_later = [{**device, "USEC_INITIALIZED": "9000"} for device in stick()]
    for action in actions:
        desk.hear(acted(action, stick() if action == "remove" else seen_later, SYNTH_UUID="0"))
    desk.hear([*acted("unbind", seen_later[:4]), *acted("remove", reversed(seen_later))])

    assert desk.in_short() == [("live", "arrived", ID), ("live", "left", ID)]


def test_an_own_port_that_udevd_was_made_to_forget_leaves_with_its_node(desk: Desk) -> None:
    port = {"DEVPATH": "/devices/platform/serial8250", "SUBSYSTEM": "platform"}
    tty = {"DEVPATH": f"{port['DEVPATH']}/tty/ttyS0", "SUBSYSTEM": "tty", "DEVNAME": "/dev/ttyS0"}
    desk.hear(acted("add", [port, {**tty, "USEC_INITIALIZED": "5"}]))
    desk.wait(QUIET)
    desk.hear(acted("remove", [{**tty, "USEC_INITIALIZED": "5"}], SYNTH_UUID="0"))
    desk.hear(acted("remove", [{**tty, "USEC_INITIALIZED": "6"}]))

    assert [state for _, state, _ in desk.in_short()] == ["arrived", "left"]


def test_uevents_that_somebody_writes_do_not_delay_a_plug(desk: Desk) -> None:
    desk.hear(plug())
    desk.wait(QUIET // 2)
    desk.hear(acted("change", stick(), SYNTH_UUID="0"))
    desk.wait(QUIET // 2)

    assert desk.in_short() == [("live", "arrived", ID)]


def test_a_device_of_which_only_a_written_uevent_tells_was_there_before(desk: Desk) -> None:
    desk.hear(acted("add", stick(), SYNTH_UUID="0"))
    desk.wait(QUIET)

    assert desk.in_short() == [("start", "arrived", ID)]


def test_a_hub_and_what_is_plugged_into_it_are_devices_each(desk: Desk) -> None:
    hub = usb_device(HUB, 3, ID_SERIAL_SHORT="HUB1", ID_MODEL_ID="0200")
    other = usb_device(f"{HUB}/1-1.3", 4, ID_SERIAL_SHORT="LAB8")
    desk.hear([*acted("add", [hub]), *plug(), *acted("add", [other])])
    desk.wait(QUIET)
    desk.hear([*pull(), *acted("remove", [other, hub])])

    arrived = {"usb-1d6b:0200-HUB1", ID, "usb-1d6b:0104-LAB8"}
    assert {known for _, state, known in desk.in_short() if state == "arrived"} == arrived
    assert len(desk.told) == 6
    (of_hub,) = (event.fields["nodes"] for event in desk.told[:3] if event.fields["serial"] == "HUB1")
    assert of_hub == "/dev/bus/usb/001/003"


def test_a_hub_of_which_only_its_own_going_is_heard_takes_all_with_it(desk: Desk) -> None:
    hub = usb_device(HUB, 3, ID_SERIAL_SHORT="HUB1")
    desk.hear([*acted("add", [hub]), *plug()])
    desk.wait(QUIET)
    desk.hear([*acted("remove", [hub]), *pull()])

    assert [(state, known) for _, state, known in desk.in_short()][2:] == [
        ("left", ID),
        ("left", "usb-1d6b:0104-HUB1"),
    ]


def test_twins_that_are_there_together_are_two(desk: Desk) -> None:
    twin = usb_device(f"{HUB}/1-1.3", 8, ID_PATH="pci-0000:00:14.0-usb-0:1.3")
    desk.hear(plug())
    desk.wait(QUIET)
    desk.hear(acted("add", [twin]))
    desk.wait(QUIET)
    desk.hear(pull())

    assert desk.in_short() == [
        ("live", "arrived", ID),
        ("live", "arrived", f"{ID}@pci-0000:00:14.0-usb-0:1.3"),
        ("live", "left", ID),
    ]


def test_a_device_that_moves_is_the_same_device(desk: Desk) -> None:
    desk.hear(plug())
    desk.wait(QUIET)
    moved = {**usb_device(f"{HUB}/1-1.4"), "DEVPATH_OLD": STICK}
    desk.hear(acted("move", [moved]))
    desk.hear(acted("remove", [usb_device(f"{HUB}/1-1.4")]))

    assert desk.in_short() == [("live", "arrived", ID), ("live", "left", ID)]


def test_a_headset_as_it_was_recorded_is_one_device(desk: Desk) -> None:
    lines = [json.loads(line) for line in HEADSET.read_text().splitlines()[1:]]
    for line in lines:
        if line["source"] == "udev" and line["origin"] == "live":
            desk.wait(round(line["at"] * 1e6) - desk.at)
            desk.hear([{name: str(value) for name, value in line.items() if name.isupper()}])
    desk.wait(MOST)

    name = "usb-1d6b:0104-LAB0002"
    assert desk.in_short() == [("live", "arrived", name), ("live", "left", name)]
    nodes = "/dev/bus/usb/002/002 /dev/input/event4 /dev/snd/controlC1 /dev/snd/pcmC1D0c /dev/snd/pcmC1D0p"
    assert desk.told[0].fields["nodes"] == nodes


def test_a_port_at_the_board_is_one_while_it_has_a_node(desk: Desk) -> None:
    port = {"DEVPATH": "/devices/platform/i8042/serio1", "SUBSYSTEM": "serio"}
    pad = {"DEVPATH": f"{port['DEVPATH']}/input/input5", "SUBSYSTEM": "input", "NAME": '"Pad"', "PRODUCT": "11/2/7/1"}
    node = {"DEVPATH": f"{pad['DEVPATH']}/event5", "SUBSYSTEM": "input", "DEVNAME": "/dev/input/event5"}
    desk.hear(acted("add", [port]))
    desk.wait(MOST)
    assert desk.told == []
    desk.hear(acted("add", [pad, node]))
    desk.wait(QUIET)
    desk.hear(acted("remove", [node, pad]))

    known = "serio-0002:0007@/devices/platform/i8042/serio1"
    assert desk.in_short() == [("live", "arrived", known), ("live", "left", known)]


@pytest.mark.parametrize("path", [TTY, DISK])
def test_a_part_that_goes_is_not_the_device(desk: Desk, path: str) -> None:
    desk.hear(plug())
    desk.wait(QUIET)
    desk.hear(acted("remove", [device for device in stick() if device["DEVPATH"].startswith(path)]))
    desk.wait(MOST)

    assert desk.in_short() == [("live", "arrived", ID)]
