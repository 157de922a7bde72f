"""What sysfs and the node of an input device tell, before any of it is an event."""

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest
from fake_udevd import RUN, FakeUdevd
from made_inputs import EV_KEY, EV_SW, HEADPHONE, KEY_A, MadeMachine, no_descriptor_is_left_open
from namespace import in_namespace

from bridge.monitors.evdev_node import KernelNode, open_node
from bridge.monitors.input_devices import find_inputs, parse_bits, read_input
from bridge.monitors.input_machine import ThisMachine
from bridge.sources.evdev import InputIdentity


@pytest.fixture
def machine(tmp_path: Path) -> MadeMachine:
    return MadeMachine(tmp_path)


def test_sysfs_says_who_a_device_is_and_what_it_can_send(machine: MadeMachine) -> None:
    machine.plug(
        7, b"Caf\xe9 Jack", [HEADPHONE, KEY_A, (EV_KEY, 0x2FF)], phys="ALSA", uniq="42", **{"id/vendor": "046d"}
    )

    (devpath,) = find_inputs(machine.root)
    found = read_input(devpath, machine.root)

    assert found is not None
    assert devpath == "/devices/made/input/input1/event7"
    assert found.identity == InputIdentity(
        device="/dev/input/event7", name="Caf\udce9 Jack", phys="ALSA", uniq="42", bustype="0019", vendor="046d"
    )
    assert found.identity.fields()["name"] == "Caf\\xe9 Jack"
    assert found.capabilities == {0: frozenset({0, 1, 2, 3}), EV_KEY: frozenset({30, 0x2FF}), EV_SW: frozenset({2})}


def test_devices_are_listed_in_the_order_of_their_nodes_and_only_those_of_evdev(machine: MadeMachine) -> None:
    devpaths = [machine.plug(number, "Some", [KEY_A]) for number in (2, 10, 1)]
    (machine.root / "class/input/mouse0").symlink_to(machine.root)

    assert find_inputs(machine.root) == [devpaths[2], devpaths[0], devpaths[1]]


def test_a_machine_without_input_devices_has_none(tmp_path: Path) -> None:
    assert find_inputs(tmp_path) == []


def test_a_device_that_has_gone_has_no_identity(machine: MadeMachine) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE])

    machine.unplug(devpath)

    assert read_input(devpath, machine.root) is None


@in_namespace
def test_whether_udevd_or_the_kernel_tells_of_devices_is_decided_once() -> None:
    with_udevd = ThisMachine()
    (RUN / "control").unlink()
    without = ThisMachine()
    (RUN / "control").touch()  # too late for the second

    with FakeUdevd() as udevd, closing(with_udevd.subscribe()) as told, closing(without.subscribe()) as untold:
        udevd.send("add", "/devices/made/input/input1/event7", "input")

        assert len(told.read()[0]) == 1
        assert untold.read() == ([], False)


def test_a_bitmap_has_words_as_wide_as_the_reader_s_long() -> None:
    assert parse_bits("8 0 1", 32) == {0, 67}
    assert parse_bits("8 0 1", 64) == {0, 131}


def test_a_node_that_is_no_input_device_is_refused_and_left_closed() -> None:
    with no_descriptor_is_left_open(), pytest.raises(OSError, match="not an input device") as caught:
        open_node(os.devnull)

    assert caught.value.errno == errno.ENODEV


def test_a_node_is_closed_once_however_often_it_is_asked() -> None:
    with no_descriptor_is_left_open():
        node = KernelNode(os.open(os.devnull, os.O_RDONLY))
        node.close()
        node.close()

    assert node.fileno() == -1
