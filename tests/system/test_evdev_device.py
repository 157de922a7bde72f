"""One input device on a pipe: what it tells, and that no loss leaves a wrong level behind."""

import errno
import struct
from collections.abc import Collection, Iterator
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_inputs import (
    ABS_X,
    HEADPHONE,
    KEY_A,
    KEY_B,
    MICROPHONE,
    MT_SLOT_X,
    REL_X,
    SYN_REPORT,
    PipeNode,
    no_descriptor_is_left_open,
)

from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.monitors.evdev_decode import SIZE, SYN_DROPPED, Code, decode, pack, pair, prepare, until_dropped
from bridge.monitors.evdev_device import EvdevDevice, Found
from bridge.monitors.evdev_node import has_state
from bridge.monitors.input_asked import Asked
from bridge.sources.evdev import InputIdentity, event_of_value, fields_of_code

JACK = InputIdentity(device="/dev/input/event3", name="HDA Intel Jack", phys="ALSA", bustype="0019")
NOW = 5_000_000
CODES = (HEADPHONE, MICROPHONE, KEY_A, KEY_B, REL_X, ABS_X)

values = st.integers(-(2**31), 2**31 - 1)
events = st.tuples(st.integers(0, 2**40), st.sampled_from(CODES), values)


@pytest.fixture
def node() -> Iterator[PipeNode]:
    made = PipeNode()
    yield made
    if not made.closed:
        made.close()


def device_on(node: PipeNode) -> EvdevDevice:
    return EvdevDevice(identity=JACK, node=node, clock=lambda: NOW)


def told(found: Found) -> list[tuple[str, object, Origin]]:
    return [
        (str(event.fields["code"]), event.fields["value"], event.origin) for event in found if isinstance(event, Event)
    ]


def test_an_event_has_the_fields_of_its_device_its_names_its_value_and_the_kernels_time(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE})))

    node.send(HEADPHONE, 1, at=12_000_345)

    fields: dict[str, Field] = {
        "device": "/dev/input/event3",
        "name": "HDA Intel Jack",
        "phys": "ALSA",
        "bustype": "0019",
        "vendor": "0000",
        "product": "0000",
        "type": "EV_SW",
        "code": "SW_HEADPHONE_INSERT",
        "value": 1,
    }
    assert device.read() == [Event("evdev", 12_000_345, fields)]


def test_the_layout_is_that_of_the_kernels_header() -> None:
    longs = struct.calcsize("@L")

    assert 2 * longs + 8 == SIZE
    assert pack(7_000_009, (1, 30), -1) == struct.pack("@LLHHi", 7, 9, 1, 30, -1)


@settings(deadline=None)
@given(st.lists(events))
def test_decoding_makes_the_events_that_the_source_describes(sent: list[tuple[int, Code, int]]) -> None:
    wanted = CODES[::2]

    found, latest = decode(b"".join(pack(*each) for each in sent), prepare(JACK.fields(), wanted))

    assert found == [
        event_of_value(fields_of_code(JACK.fields(), *code), value, at=at) for at, code, value in sent if code in wanted
    ]
    assert latest == {pair(code): value for _, code, value in sent if code in wanted}


@settings(deadline=None)
@given(st.lists(events), st.lists(events))
def test_everything_up_to_the_first_loss_is_kept(
    before: list[tuple[int, Code, int]], after: list[tuple[int, Code, int]]
) -> None:
    kept = b"".join(pack(*each) for each in before) + pack(1, SYN_DROPPED, 0)
    lost = b"".join(pack(*each) for each in after) + pack(2, SYN_DROPPED, 0)

    assert until_dropped(kept + lost) == kept


def test_each_wanted_code_with_a_level_is_told_when_the_device_is_opened(node: PipeNode) -> None:
    node.values = {HEADPHONE: 1, KEY_A: 1, ABS_X: -7}

    found = device_on(node).watch(JACK, Asked(wanted=frozenset({HEADPHONE, MICROPHONE, ABS_X, REL_X, MT_SLOT_X})))

    assert told(found) == [
        ("ABS_X", -7, Origin.START),
        ("SW_HEADPHONE_INSERT", 1, Origin.START),
        ("SW_MICROPHONE_INSERT", 0, Origin.START),
    ]
    assert {event.at for event in found} == {NOW}


def test_only_what_is_wanted_is_let_pass_and_told_even_by_a_kernel_that_masks_nothing(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE})))

    node.send(MICROPHONE, 1)
    node.send(REL_X, 5)

    assert node.masked == [frozenset({HEADPHONE})]
    assert device.read() == []


def test_autorepeat_is_passed_on_as_it_is(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({KEY_A})))

    for value in (1, 2, 2, 0):
        node.send(KEY_A, value)

    assert [value for _, value, _ in told(device.read())] == [1, 2, 2, 0]


def test_syn_events_are_told_only_to_a_rule_that_asks(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({SYN_REPORT, SYN_DROPPED, HEADPHONE})))

    node.send(HEADPHONE, 1)
    node.drop()

    assert [code for code, _, _ in told(device.read())] == ["SW_HEADPHONE_INSERT", "SYN_REPORT", "SYN_DROPPED"]


def test_after_a_loss_what_changed_is_told_as_repaired_and_what_did_not_is_not(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE, MICROPHONE, ABS_X, REL_X})))
    node.send(MICROPHONE, 1)

    node.drop()
    node.send(REL_X, 1)
    node.values |= {HEADPHONE: 1, ABS_X: 9}

    assert told(device.read()) == [
        ("SW_MICROPHONE_INSERT", 1, Origin.LIVE),
        ("ABS_X", 9, Origin.RESYNC),
        ("SW_HEADPHONE_INSERT", 1, Origin.RESYNC),
    ]
    assert device.lost == 1


def test_a_loss_is_repaired_at_once_without_the_report_that_a_mask_may_hide(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE})))
    node.values[HEADPHONE] = 1

    node.drop()

    assert told(device.read()) == [("SW_HEADPHONE_INSERT", 1, Origin.RESYNC)]


def test_a_key_that_repeated_is_down_and_no_change_after_a_loss(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({KEY_A})))
    node.send(KEY_A, 1)
    node.send(KEY_A, 2)
    node.values[KEY_A] = 1

    node.drop()

    assert [value for _, value, _ in told(device.read())] == [1, 2]


def test_a_touchs_axes_are_not_repaired_with_a_state_that_the_kernel_does_not_have(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({MT_SLOT_X})))
    node.send(MT_SLOT_X, 500)

    node.values[MT_SLOT_X] = 0
    node.drop()

    assert told(device.read()) == [("ABS_MT_POSITION_X", 500, Origin.LIVE)]


def test_each_loss_is_one_line_in_the_log(node: PipeNode, caplog: pytest.LogCaptureFixture) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE})))

    node.drop()
    device.read()

    (line,) = caplog.messages
    assert line.startswith('device /dev/input/event3 "HDA Intel Jack": the kernel lost events')


def test_codes_that_become_wanted_are_told_and_those_that_were_are_not_told_again(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE})))
    node.send(HEADPHONE, 1)
    node.values[KEY_A] = 1

    found = device.watch(JACK, Asked(wanted=frozenset({HEADPHONE, KEY_A})))

    assert told(found) == [("SW_HEADPHONE_INSERT", 1, Origin.LIVE), ("KEY_A", 1, Origin.START)]
    assert node.masked[-1] == {HEADPHONE, KEY_A}


def test_what_the_kernel_threw_away_because_its_state_was_asked_is_told_too(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE})))
    node.values |= {HEADPHONE: 1, MICROPHONE: 1}

    found = device.watch(JACK, Asked(wanted=frozenset({HEADPHONE, MICROPHONE})))

    assert told(found) == [("SW_HEADPHONE_INSERT", 1, Origin.RESYNC), ("SW_MICROPHONE_INSERT", 1, Origin.START)]


def test_a_snapshot_is_what_has_been_told_and_asks_nothing(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE, MICROPHONE, REL_X})))
    node.send(HEADPHONE, 1)
    node.send(REL_X, 3)
    device.read()
    node.failing = OSError(errno.EIO, "asked")

    assert told([*device.snapshot()]) == [
        ("SW_HEADPHONE_INSERT", 1, Origin.START),
        ("SW_MICROPHONE_INSERT", 0, Origin.START),
    ]


def test_an_unplugged_device_tells_the_rest_and_then_its_end(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE})))
    node.send(HEADPHONE, 1)

    node.unplug()
    *rest, end = [*device.read(), *device.read()]

    assert told(rest) == [("SW_HEADPHONE_INSERT", 1, Origin.LIVE)]
    assert end == DeviceGone("evdev", NOW, "/dev/input/event3")
    assert (device.gone, device.failure) == (True, None)


def test_a_removed_device_tells_the_rest_and_its_end_in_one_go(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE})))
    node.send(HEADPHONE, 1)

    *rest, end = device.read_rest()

    assert told(rest) == [("SW_HEADPHONE_INSERT", 1, Origin.LIVE)]
    assert end == DeviceGone("evdev", NOW, "/dev/input/event3")


def test_a_device_that_goes_during_a_repair_has_told_what_came_before_the_loss(node: PipeNode) -> None:
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset({HEADPHONE, MICROPHONE})))
    node.send(HEADPHONE, 1)
    node.drop()
    node.unplug()

    *rest, end = device.read()

    assert told(rest) == [("SW_HEADPHONE_INSERT", 1, Origin.LIVE)]
    assert end == DeviceGone("evdev", NOW, "/dev/input/event3")


def test_a_device_that_fails_ends_with_its_reason(node: PipeNode) -> None:
    device = device_on(node)
    node.failing = OSError(errno.EIO, "Input/output error")

    found = device.watch(JACK, Asked(wanted=frozenset({HEADPHONE})))

    assert found == [DeviceGone("evdev", NOW, "/dev/input/event3")]
    assert device.failure == "Input/output error"


def test_closing_leaves_nothing_open() -> None:
    with no_descriptor_is_left_open():
        node = PipeNode()
        device_on(node).close()


class Kernel(PipeNode):
    """A node with a queue like evdev.c's: an overrun leaves SYN_DROPPED and the newest event.

    One that `flushes` hands out whole events, and throws away what is queued when it is asked for its state, as the
    kernel does for all types but EV_ABS. One that does not, hands out its bytes in pieces of any size.
    """

    def __init__(self, *, flushes: bool) -> None:
        super().__init__()
        self._flushes = flushes
        self._queue = b""

    def change(self, code: Code, value: int) -> None:
        value = value if code in (REL_X, ABS_X) else value & 1
        self.values[code] = value
        self._queue += pack(1, code, value)

    def overrun(self) -> None:
        begun = len(self._queue) % SIZE  # the rest of an event of which a piece is out
        self._queue = self._queue[:begun] + pack(1, SYN_DROPPED, 0) + self._queue[begun:][-SIZE:]

    def hand_out(self, size: int) -> None:
        size = size // SIZE * SIZE if self._flushes else size
        self.send_bytes(self._queue[:size])
        self._queue = self._queue[size:]

    def hand_out_all(self) -> None:
        self.hand_out(len(self._queue))

    def state(self, event_type: int, numbers: Collection[int], /) -> dict[int, int]:
        if self._flushes:
            self._queue = b""
        return super().state(event_type, numbers)


changes = st.tuples(st.just("change"), st.sampled_from(CODES), values)
pieces = st.tuples(st.just("hand out"), st.integers(0, 200), st.none())
others = st.tuples(st.sampled_from(["overrun", "read"]), st.none(), st.none())


@settings(deadline=None)
@given(st.lists(changes | pieces | others, max_size=60), st.booleans())
def test_wherever_events_are_lost_and_however_they_are_cut_the_known_state_ends_as_the_true_one(
    steps: list[tuple[str, object, object]], flushes: bool
) -> None:
    kernel = Kernel(flushes=flushes)
    device = device_on(kernel)
    wanted = frozenset(CODES)
    found = device.watch(JACK, Asked(wanted=wanted))

    for step in steps:
        match step:
            case "change", (int() as event_type, int() as number), int() as value:
                kernel.change((event_type, number), value)
            case "hand out", int() as size, _:
                kernel.hand_out(size)
            case "overrun", _, _:
                kernel.overrun()
            case _:
                found += device.read()
    kernel.hand_out_all()
    found += device.read()
    device.close()

    true = {code: kernel.values.get(code, 0) for code in wanted if has_state(code)}
    followed = {code: value for code, value, _ in told(found)}
    assert {code: followed[str(fields_of_code({}, *code)["code"])] for code in true} == true
    assert [event.fields["value"] for event in device.snapshot()] == [true[code] for code in sorted(true)]


@settings(deadline=None)
@given(st.lists(events, max_size=40), st.lists(st.integers(1, 60), min_size=1))
def test_however_the_bytes_are_cut_the_same_events_come_out(
    sent: list[tuple[int, Code, int]], sizes: list[int]
) -> None:
    node = PipeNode()
    device = device_on(node)
    device.watch(JACK, Asked(wanted=frozenset(CODES)))
    data = b"".join(pack(*each) for each in sent)
    cuts = [0, *(cut for cut in accumulate(sizes) if cut < len(data)), len(data)]

    found = []
    for start, end in pairwise(cuts):
        node.send_bytes(data[start:end])
        found += device.read()
    device.close()

    assert found == decode(data, prepare(JACK.fields(), CODES))[0]
