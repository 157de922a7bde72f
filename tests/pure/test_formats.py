"""What a recording is told by is how it begins; its lines are found whatever pieces its bytes come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import RecordingError
from bridge.recording.formats import header_of, read_events
from bridge.recording.lines import LONGEST_LINE, lines_of

OWN = b'{"hwbridge-recording": 1, "kernel": "6.1.0"}\n{"at": 0.5, "source": "udev", "action": "add"}\n'
EVEMU = b"# EVEMU 1.3\nN: a\nI: 0003 0001 0002 0003\nE: 0.000001 0001 001e 0001\n"


@pytest.mark.parametrize(
    ("content", "sources"),
    [
        (OWN, ["udev"]),
        (EVEMU, ["evdev"]),
        (EVEMU[12:], ["evdev"]),
        (b"# mine\n# of today\n\n" + EVEMU[12:], ["evdev"]),
        (b"\n\r\n" + EVEMU, ["evdev"]),
        (b"E: 1.000000 0001 001e 1\n", ["evdev"]),
        (b"# EVEMU 1.2\n# device /dev/input/event1\n", []),
    ],
)
def test_the_format_is_told_by_how_a_recording_begins(content: bytes, sources: list[str]) -> None:
    assert [event.source for event in read_events("any.name", lines_of([content]))] == sources


LATER = "which is not read yet in this version of hwbridge"
NOTHING = "is not JSON, as hwbridge's own recordings are, and nothing that a recording of evemu begins with"


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (b"", '1: is empty: a recording begins with {"hwbridge-recording": 1}'),
        (b"\n", f"1: {NOTHING}"),
        (b"# a\n\n", f"2: {NOTHING}"),
        (b"# a\n" * 2000, f"1001: {NOTHING}"),
        (b"# libinput record\nversion: 1\n", f"1: is a recording of libinput, {LATER}"),
        (b"# mine\nversion: 1\n", f"2: is a recording of libinput, {LATER}"),
        (b"monitor will print the received events for:\n", f"1: is a recording of udevadm monitor, {LATER}"),
        (b"KERNEL[1.5] add /devices/a (usb)\n", f"1: is a recording of udevadm monitor, {LATER}"),
        (b"UDEV  [1.5] add /devices/a (usb)\n", f"1: is a recording of udevadm monitor, {LATER}"),
        (b"P: /devices/a\nE: DEVNAME=/dev/a\n", f"1: is a description by umockdev, {LATER}"),
        (b"d 0 /dev/ttyS0\nr 10 x\n", f"1: is a recording of umockdev, {LATER}"),
        (b"w 0 AT^M\n", f"1: is a recording of umockdev, {LATER}"),
        (b"@DEV /dev/bus/usb/001/002\n", f"1: is a recording of umockdev, {LATER}"),
        (b"# mine\n" + OWN, "1: is not JSON: JSON is malformed: invalid character (byte 0)"),
        (b"[1]\n", "1: is not a JSON object"),
        (b'{"at": 1}\n', '1: is not the header of a recording, {"hwbridge-recording": 1}'),
        (b"\x7fELF\x02\x01\x01\0", f"1: {NOTHING}"),
        (b"\x1f\x8b\x08\0", f"1: {NOTHING}"),
        (b"\xef\xbb\xbf" + OWN, f"1: {NOTHING}"),
        (OWN.decode().encode("utf-16"), f"1: {NOTHING}"),
        (b'[[rule]]\nname = "a"\n', "1: is not JSON: "),
        (b"\0" * (LONGEST_LINE + 100), f"1: has {LONGEST_LINE + 1} bytes; a line of a recording has at most"),
        (b"#" * (LONGEST_LINE + 100), f"1: has {LONGEST_LINE + 1} bytes; a line of a recording has at most"),
        (OWN + EVEMU, "3: is not JSON: JSON is malformed: invalid character (byte 0)"),
        (EVEMU + OWN, '5: is \'{"hwbridge-recording": 1, "kernel": "6.1.0"}\', which is no line that evemu writes'),
        (OWN + OWN, "3: is a second header: a file holds one recording"),
    ],
)
def test_what_is_no_recording_or_two_is_refused_with_its_line(content: bytes, refused: str) -> None:
    with pytest.raises(RecordingError) as caught:
        list(read_events("a", lines_of([content])))

    assert str(caught.value).startswith(f"a:{refused}")


def test_a_header_is_what_our_own_recordings_say() -> None:
    assert header_of("a", OWN.splitlines(keepends=True)[0]) == {"hwbridge-recording": 1, "kernel": "6.1.0"}
    assert header_of("a", b"# EVEMU 1.3\n") == {}
    assert header_of("a", b"\n") == {}


@given(st.lists(st.binary(max_size=8) | st.sampled_from([b"\n", b"a\n", b"\r\n", b"\r"])))
def test_lines_are_the_same_in_whatever_pieces_they_come(chunks: list[bytes]) -> None:
    content = b"".join(chunks)

    lines = list(lines_of(chunks))

    assert b"".join(lines) == content
    assert all(line.endswith(b"\n") for line in lines[:-1])
    assert all(line.count(b"\n") <= 1 and line for line in lines)


@pytest.mark.parametrize("before", [b"", b"first\n"])
@pytest.mark.parametrize("behind", [b"", b"\n", b"\nlast\n"])
def test_a_line_that_is_too_long_is_cut_and_the_last(before: bytes, behind: bytes) -> None:
    content = before + b"a" * (LONGEST_LINE * 3) + behind

    for size in (4096, LONGEST_LINE - 7, LONGEST_LINE):
        lines = list(lines_of(content[start : start + size] for start in range(0, len(content), size)))

        assert b"".join(lines[:-1]) == before
        assert lines[-1] == b"a" * (LONGEST_LINE + 1)


def test_a_line_may_be_as_long_as_one_may_be() -> None:
    longest = b"a" * (LONGEST_LINE - 1) + b"\n"

    assert list(lines_of([longest[:5], longest[5:], b"b"])) == [longest, b"b"]


@given(
    st.lists(st.binary(max_size=30) | st.sampled_from([OWN, EVEMU, b"# a\n", b"{", b"E: "]), max_size=5).map(b"".join)
)
def test_no_bytes_lead_to_anything_but_events_or_an_error_with_file_and_line(content: bytes) -> None:
    try:
        list(read_events("a", lines_of([content])))
    except RecordingError as error:
        place = str(error).split(":")
        assert place[0] == "a"
        assert 1 <= int(place[1]) <= max(1, len(list(lines_of([content]))))
        assert "\n" not in str(error)  # noqa: PT017 -- as above
