"""Devices that are found when everything is listed, and devices that are asked for later."""

from collections.abc import Iterable

import pytest

from bridge.model.events import Origin
from bridge.sources.physical import Node, node_of
from tests.pure.plugs import HUB, MOST, QUIET, Desk, Properties, acted, plug, pull, stick, usb_device

ID = "usb-1d6b:0104-LAB7"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def nodes(devices: Iterable[Properties], *, initialised: bool = True) -> list[Node]:
    return [node_of(device, is_initialised=initialised) for device in devices]


def test_devices_that_are_found_and_that_udevd_is_long_done_with_settle_at_once(desk: Desk) -> None:
    desk.at = 60_000_000
    desk.closed = frozenset({"/dev/sda"})
    desk.told += desk.folding.find(nodes(stick()), desk.at, Origin.START)
    desk.wait(0)

    assert desk.in_short() == [("start", "arrived", ID)]


def test_a_device_that_is_found_while_it_is_plugged_in_settles_like_any_other(desk: Desk) -> None:
    desk.at = 2007 + QUIET // 2
    desk.told += desk.folding.find(nodes(stick()), desk.at, Origin.START)
    desk.wait(QUIET // 2 - 1)
    assert desk.told == []
    desk.wait(1)

    assert desk.in_short() == [("start", "arrived", ID)]


def test_a_device_that_is_found_waits_for_udevd_to_be_done_with_all_of_it(desk: Desk) -> None:
    desk.at = 60_000_000
    *done, partition = stick()
    found = [*nodes(done), *nodes([partition], initialised=False)]
    desk.told += desk.folding.find(found, desk.at, Origin.START)
    desk.wait(2 * QUIET)
    assert desk.told == []
    desk.hear(acted("add", [partition], SYNTH_UUID="0"))
    desk.wait(QUIET)

    assert desk.in_short() == [("start", "arrived", ID)]


def test_one_that_is_found_and_then_heard_to_come_came(desk: Desk) -> None:
    desk.at = 2007
    desk.told += desk.folding.find(nodes(stick()), desk.at, Origin.START)
    desk.hear(plug())
    desk.wait(QUIET)

    assert desk.in_short() == [("live", "arrived", ID)]


def test_what_left_came_and_was_changed_for_another_unheard_is_told_as_repaired(desk: Desk) -> None:
    goes = usb_device(f"{HUB}/1-1.3", 3, ID_SERIAL_SHORT="GOES")
    comes = usb_device(f"{HUB}/1-1.4", 4, ID_SERIAL_SHORT="COMES")
    desk.hear([*plug(7), *acted("add", [goes])])
    desk.wait(QUIET)
    desk.at = 60_000_000
    desk.told += desk.folding.find(nodes([*stick(8), comes]), desk.at, Origin.RESYNC)
    desk.wait(0)

    assert set(desk.in_short()[2:4]) == {("resync", "left", ID), ("resync", "left", "usb-1d6b:0104-GOES")}
    assert set(desk.in_short()[4:]) == {("resync", "arrived", ID), ("resync", "arrived", "usb-1d6b:0104-COMES")}


def test_finding_again_what_is_known_tells_nothing(desk: Desk) -> None:
    desk.hear(plug())
    desk.wait(QUIET)
    desk.told += desk.folding.find(nodes(stick()), desk.at, Origin.RESYNC)
    desk.wait(MOST)

    assert desk.in_short() == [("live", "arrived", ID)]


def test_the_late_word_of_a_former_device_takes_nothing_from_the_one_in_its_place(desk: Desk) -> None:
    desk.hear(plug(7))
    desk.wait(QUIET)
    desk.at = 60_000_000
    desk.told += desk.folding.find(nodes(stick(8)), desk.at, Origin.RESYNC)
    desk.wait(0)
    desk.hear([*pull(7), *plug(8)])
    desk.wait(MOST)

    assert [state for _, state, _ in desk.in_short()] == ["arrived", "left", "arrived"]


def test_a_word_of_the_next_device_whose_coming_was_lost_does_not_hide_it_from_the_list(desk: Desk) -> None:
    desk.at = 60_000_000
    desk.told += desk.folding.find(nodes(stick(7)), desk.at, Origin.START)
    desk.wait(0)
    desk.hear(acted("bind", [usb_device(number=8)]))
    desk.told += desk.folding.find(nodes(stick(8)), desk.at, Origin.RESYNC)
    desk.wait(QUIET)

    assert desk.in_short() == [("start", "arrived", ID), ("resync", "left", ID), ("resync", "arrived", ID)]


def test_a_device_that_is_newly_asked_for_is_told_and_no_other(desk: Desk) -> None:
    desk.told += desk.folding.ask(lambda fields: False, 0)
    desk.hear(plug())
    desk.wait(QUIET)
    assert desk.told == []
    desk.told += desk.folding.ask(lambda fields: True, desk.at)
    desk.told += desk.folding.ask(lambda fields: True, desk.at)

    assert desk.in_short() == [("start", "arrived", ID)]


def test_what_was_not_told_to_arrive_is_not_told_to_leave(desk: Desk) -> None:
    desk.told += desk.folding.ask(lambda fields: False, 0)
    desk.hear(plug())
    desk.wait(QUIET)
    desk.hear(pull())

    assert desk.told == []
