"""Lines of our own recordings that are like one before them are read another way: what they say stays the same."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import RecordingError
from bridge.model.events import DeviceGone, Event
from bridge.recording.jsonl import read_recording

EARLIER = "is earlier than the line before it; the events of a recording are in order"
AXIS = '"source": "evdev", "device": "pad", "type": "EV_ABS", "code": "ABS_X"'

HEADS = ('{"at": ', '{"at":', '{ "at": ', '{"At": ', '{"x": 1, "at": ')
TIMES = """
0 3 0.5 1.50 1.0000001 0.9999999 0.0000015 1.5e0 1e0 00.5 01.5 1. .5 -0.5 +1.5 0.1_5 1.\u0665 NaN "1.5"
2251799813.685247 2251799813.685248 22517998136.0 99999999999999.5
"""
VALUES = """
1 -1 0 -0 01 1.0 1e0 true 999999999 -999999999 2147483647 2147483648 -2147483649 99999999999 "1"
"""
BEHIND = ("}", "}\r\n", " }\n", "}\x0b\n", "}\x0c", "}}\n", "\n", ', "at": 0.5}\n', ', "type": "EV_ABS"}\n', "} {}\n")
NAMES = (r"\"value\": 1}", "caf\u00e9", r"\u0000", r"\ud800")
ENDS = (
    *(f'{AXIS}, "value": {value}}}\n' for value in VALUES.split()),
    *(f'{AXIS}, "value": 2{behind}' for behind in BEHIND),
    *(f'{AXIS}, "name": "{name}", "value": 3}}\n' for name in NAMES),
    f'"value": 4, {AXIS}}}\n',
    *(f'{AXIS}, "value": 4, "uniq": {uniq}}}\n' for uniq in (5, 6)),
    '"source": "evdev", "gone": "pad"}\n',
    *(f'"source": "udev", "action": "add", "value": {value}}}\n' for value in (*VALUES.split(), 5)),
    *(f'"source": "serial", "port": "a", "signal": "CTS", "value": {value}}}\n' for value in (*VALUES.split(), 5)),
)


def outcome(*lines: bytes) -> tuple[list[Event | DeviceGone], str]:
    """The events, and what is said of the line that ends them."""
    events: list[Event | DeviceGone] = []
    try:
        for event in read_recording("a.jsonl", [b'{"hwbridge-recording": 1}\n', *lines]):
            events.append(event)  # noqa: PERF402 -- what came before an error counts
    except RecordingError as error:
        return events, str(error).split(": ", maxsplit=1)[1]
    return events, ""


def test_a_line_says_the_same_when_all_like_it_have_been_read() -> None:
    before = [line for end in ENDS if not outcome(line := f'{{"at": 0.0, {end}'.encode())[1]]

    for head, at, end in product(HEADS, TIMES.split(), ENDS):
        line = f"{head}{at}, {end}".encode()
        events, error = outcome(*before, line)
        assert (events[len(before) :], error) == outcome(line), line


lines_like_others = st.builds(
    lambda head, at, end: f"{head}{at}, {end}".encode(),
    st.sampled_from([HEADS[0], *HEADS]),
    st.integers(0, 3_000_000).map(lambda at: f"{at / 1_000_000:.6f}") | st.sampled_from(TIMES.split()),
    st.sampled_from(ENDS),
)


@given(st.lists(lines_like_others, max_size=8))
def test_a_line_says_the_same_whatever_lines_were_read_before_it(lines: list[bytes]) -> None:
    events, error = outcome(*lines)

    alone = [outcome(line) for line in lines[: len(events) + bool(error)]]
    assert events == [event for each, _ in alone[: len(events)] for event in each]
    assert error in ("", EARLIER, alone[-1][1] if alone else "")
    if error == EARLIER:
        assert alone[-1][0][0].at < events[-1].at


def test_a_line_that_says_its_time_later_lets_no_other_say_it_twice() -> None:
    _, error = outcome(
        b'{"source": "udev", "at": 0.5, "action": "add"}\n', b'{"at": 0.6, "at": 0.5, "action": "add"}\n'
    )

    assert error == "says 'at' twice"


def test_events_that_say_the_same_share_their_fields() -> None:
    events, _ = outcome(*(f'{{"at": 0.{at}, {ENDS[0]}'.encode() for at in range(3)))

    assert [event.at for event in events] == [0, 100_000, 200_000]
    assert len({id(event.fields) for event in events if isinstance(event, Event)}) == 1


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20))
def test_an_axis_may_have_any_values(axis: list[int]) -> None:
    events, error = outcome(*(f'{{"at": 0.5, {AXIS}, "value": {value}}}\n'.encode() for value in axis))

    assert error == ""
    assert [event.fields for event in events if isinstance(event, Event)] == [
        {"device": "pad", "type": "EV_ABS", "code": "ABS_X", "value": value} for value in axis
    ]
