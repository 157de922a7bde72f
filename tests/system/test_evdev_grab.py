"""Input devices that are to be ours alone: when they are taken, given back, and what is said where that fails."""

import errno
from collections.abc import Sequence

import pytest
from made_inputs import (
    HEADPHONE,
    KEY_A,
    KEY_B,
    NODE,
    MadeMachine,
    MadeUevent,
    asking,
    told,
)
from msgspec.structs import replace

from bridge.mapping.interest import Interest
from bridge.mapping.match import parse_test
from bridge.mapping.ports import InputOptions
from bridge.model.events import Origin
from bridge.monitors.evdev import EvdevMonitor

ASKED = {"code": "KEY_A"}


def grabbing(*options: InputOptions) -> Interest:
    return replace(asking(ASKED), inputs=options or (options_of("Scanner"),))


def options_of(name: str, *, grab: bool = True) -> InputOptions:
    return InputOptions(match=(("name", parse_test(name)),), grab=grab)


def plugged(machine: MadeMachine, *, held: Sequence[tuple[int, int]] = ()) -> str:
    machine.values[NODE] = dict.fromkeys(held, 1)
    return machine.plug(3, "Scanner", [KEY_A, KEY_B, HEADPHONE])


def refuse(machine: MadeMachine, number: int = errno.EBUSY) -> None:
    def refused() -> None:
        raise OSError(number, "refused")

    machine.nodes[NODE].at_grab = refused


def test_a_device_is_grabbed_when_no_key_is_down(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    plugged(machine)

    found = monitor.watch(grabbing())

    assert machine.nodes[NODE].grabbed
    assert told(found) == [("KEY_A", 0, Origin.START)]
    assert machine.nodes[NODE].masked[-1] == {KEY_A}
    assert monitor.report().devices == ('/dev/input/event3 "Scanner", grabbed',)


def test_a_device_with_a_key_down_is_grabbed_when_it_is_let_go(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    plugged(machine, held=[KEY_B])
    monitor.watch(grabbing())
    node = machine.nodes[NODE]
    held = (node.grabbed, node.masked[-1], monitor.report().devices)

    node.send(KEY_A, 1)
    node.send(KEY_B, 0)
    first = (told(monitor.read()), node.grabbed)
    node.send(KEY_A, 0)
    second = (told(monitor.read()), node.grabbed)

    assert held == (False, {KEY_A, KEY_B}, ('/dev/input/event3 "Scanner", to be grabbed',))
    assert first == ([("KEY_A", 1, Origin.LIVE)], False)
    assert second == ([("KEY_A", 0, Origin.LIVE)], True)
    assert node.masked[-1] == {KEY_A}


def test_a_key_that_goes_down_as_the_device_is_grabbed_is_let_go_before_it_is_grabbed(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    plugged(machine, held=[KEY_B])
    monitor.watch(grabbing())
    node = machine.nodes[NODE]
    node.at_grab = lambda: node.send(KEY_A, 1)
    node.send(KEY_B, 0)
    found = told(monitor.read())
    pressed = node.grabbed
    node.at_grab = lambda: None
    node.send(KEY_A, 0)

    assert (found, pressed) == ([("KEY_A", 1, Origin.LIVE)], False)
    assert (told(monitor.read()), node.grabbed) == ([("KEY_A", 0, Origin.LIVE)], True)


def test_keys_that_the_kernel_lost_do_not_hold_up_the_grab(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    plugged(machine, held=[KEY_B])
    monitor.watch(grabbing())
    node = machine.nodes[NODE]

    node.values[KEY_B] = 0
    node.drop()
    monitor.read()

    assert node.grabbed


def test_a_device_that_comes_back_is_grabbed_again(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    devpath = plugged(machine)
    monitor.watch(grabbing())
    machine.unplug(devpath)
    back = plugged(machine)
    machine.uevents[0].tell(MadeUevent("remove", devpath), MadeUevent("add", back))
    monitor.read()

    assert machine.nodes[NODE].grabbed


def test_a_reload_without_grab_gives_the_device_back(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    plugged(machine)
    monitor.watch(grabbing())

    found = monitor.watch(asking(ASKED))

    assert (found, machine.nodes[NODE].grabbed, machine.nodes[NODE].closed) == ([], False, False)


def test_a_reload_with_grab_takes_a_device_that_is_open(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    plugged(machine)
    monitor.watch(asking(ASKED))

    found = monitor.watch(grabbing())

    assert (found, machine.nodes[NODE].grabbed) == ([], True)


def test_a_device_that_no_rule_asks_for_is_not_taken_from_anybody(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Scanner", [KEY_B])

    monitor.watch(grabbing())

    assert machine.opened == []


def test_only_devices_that_the_options_fit_are_grabbed(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    plugged(machine)
    machine.plug(4, "Keyboard", [KEY_A])

    monitor.watch(grabbing())

    assert [node.grabbed for node in machine.nodes.values()] == [True, False]


def test_of_several_options_the_first_that_fits_holds(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    plugged(machine)
    machine.plug(4, "Scanner 2", [KEY_A])

    monitor.watch(grabbing(options_of("Scanner", grab=False), options_of("Scan*")))

    assert [node.grabbed for node in machine.nodes.values()] == [False, True]


def test_options_may_ask_what_an_ancestor_is_and_events_do_not_say_so(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    machine.ancestry[plugged(machine)] = {"@ID_PATH": "pci-1"}
    machine.plug(4, "Scanner", [KEY_A])

    found = monitor.watch(grabbing(InputOptions(match=(("@ID_PATH", parse_test("pci-1")),), grab=True)))

    assert [node.grabbed for node in machine.nodes.values()] == [True, False]
    assert all("@ID_PATH" not in getattr(event, "fields", {}) for event in found)


def test_a_device_that_another_program_has_is_one_line_until_it_is_heard_again(
    machine: MadeMachine, monitor: EvdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    plugged(machine, held=[KEY_B])
    monitor.watch(grabbing())
    node = machine.nodes[NODE]
    refuse(machine)
    node.send(KEY_B, 0)
    monitor.read()
    refused = (monitor.report().refused, [*caplog.messages])
    node.at_grab = lambda: None
    node.send(KEY_A, 1)
    node.send(KEY_A, 0)
    monitor.read()

    line = (
        'device /dev/input/event3 "Scanner": cannot be grabbed (another program has it): '
        "tried again when its keys are heard, and at reload"
    )
    assert refused == ((line,), [line])
    assert (node.grabbed, monitor.report().refused, caplog.messages) == (True, (), [line])


def test_a_device_that_another_program_has_is_tried_again_at_reload(
    machine: MadeMachine, monitor: EvdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    plugged(machine)
    monitor.watch(asking(ASKED))
    refuse(machine)
    monitor.watch(grabbing())
    monitor.watch(grabbing())
    refused = len(caplog.messages)
    machine.nodes[NODE].at_grab = lambda: None
    monitor.watch(grabbing())

    assert (refused, machine.nodes[NODE].grabbed, monitor.report().refused) == (1, True, ())


def test_a_device_that_cannot_be_grabbed_at_all_still_tells(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    plugged(machine)
    monitor.watch(asking(ASKED))
    refuse(machine, errno.EINVAL)
    monitor.watch(grabbing())
    machine.nodes[NODE].send(KEY_A, 1)

    assert told(monitor.read()) == [("KEY_A", 1, Origin.LIVE)]
    (line,) = monitor.report().refused
    assert "cannot be grabbed (Invalid argument)" in line


def test_a_device_that_goes_as_it_is_grabbed_is_gone(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    plugged(machine)
    monitor.watch(asking(ASKED))
    refuse(machine, errno.ENODEV)

    assert told([*monitor.watch(grabbing())]) == [("gone", NODE)]
