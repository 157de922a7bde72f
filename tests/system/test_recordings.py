"""Recordings in files: checked whole when they are opened, streamed afterwards, whatever kind of file they are in."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.errors import DeviceError, RecordingError
from bridge.mapping.interest import Interest
from bridge.mapping.table import RuleTable
from bridge.model.events import Event
from bridge.monitors.playback import Playback
from bridge.service.recordings import merged, open_recording

HEADER = '{"hwbridge-recording": 1, "kernel": "6.1.0"}\n'
NOTHING: Interest = RuleTable([], {}).interest("udev")


def line(at: float, devpath: str = "/a") -> str:
    return f'{{"at": {at}, "source": "udev", "action": "add", "devpath": "{devpath}"}}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording of 20 000 events, more than is read at once."""
    path = tmp_path / "many.jsonl"
    path.write_text(HEADER + "".join(line(at / 1000, f"/{at}") for at in range(20_000)))
    return path


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Fails where a test leaves a descriptor open."""
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before


def fed(content: bytes) -> Path:
    """A pipe that gives this."""
    readable, writable = os.pipe()

    def feed() -> None:
        with open(writable, "wb") as pipe:
            pipe.write(content)

    threading.Thread(target=feed, daemon=True).start()
    return Path(f"/dev/fd/{readable}")


def test_a_recording_is_known_before_it_is_streamed(path: Path, descriptors: None) -> None:
    with open_recording(path) as recording:
        assert (recording.name, recording.count, recording.last_at) == (str(path), 20_000, 19_999_000)
        assert recording.header == {"hwbridge-recording": 1, "kernel": "6.1.0"}
        assert [event.at for event in recording.events()] == [at * 1000 for at in range(20_000)]


def test_it_can_be_streamed_again_and_beside_itself(path: Path) -> None:
    with open_recording(path) as recording:
        first, second = recording.events(), recording.events()

        assert all(one == other for one, other in zip(first, second, strict=True))
        assert next(recording.events()).at == 0


def test_an_error_in_the_last_line_is_told_when_it_is_opened(path: Path, descriptors: None) -> None:
    with path.open("a") as file:
        file.write(line(1))

    with pytest.raises(RecordingError, match=r"many\.jsonl:20002: is earlier than the line before it"):
        open_recording(path)


def test_what_can_be_read_only_once_is_kept(path: Path) -> None:
    pipe = fed(path.read_bytes())

    with open_recording(pipe) as recording:
        assert recording.count == len(list(recording.events())) == len(list(recording.events())) == 20_000
    os.close(int(pipe.name))


def test_an_error_ends_the_reading_of_what_has_no_end(descriptors: None) -> None:
    readable, writable = os.pipe()
    os.write(writable, HEADER.encode() + b"{\n" + HEADER.encode())

    with pytest.raises(RecordingError, match=f"/dev/fd/{readable}:2: is not JSON"):
        open_recording(Path(f"/dev/fd/{readable}"))
    os.close(readable)
    os.close(writable)


def test_a_dash_is_standard_input(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with path.open("rb") as file:
        monkeypatch.setattr(os, "dup", lambda _, dup=os.dup: dup(file.fileno()))
        with open_recording(Path("-")) as recording:
            assert recording.name == "-"
            assert recording.count == len(list(recording.events())) == 20_000


def test_the_file_stays_the_one_that_was_opened(path: Path) -> None:
    with open_recording(path) as recording:
        path.unlink()
        path.write_text("something else")

        assert len(list(recording.events())) == 20_000


def test_what_is_written_behind_it_meanwhile_is_left_out(path: Path) -> None:
    with open_recording(path) as recording:
        with path.open("a") as file:
            file.write(line(30) + line(29))

        assert len(list(recording.events())) == 20_000


def test_a_file_that_is_cut_meanwhile_is_told(path: Path) -> None:
    size = path.stat().st_size
    with open_recording(path) as recording:
        os.truncate(path, size - len(line(19.999, "/19999")))
        events = recording.events()
        got: list[int] = []

        with pytest.raises(RecordingError, match=r"many\.jsonl:20001: was cut while it was read"):
            got.extend(event.at for event in events)
    assert got == [at * 1000 for at in range(19_999)]


def test_several_are_merged_by_time_and_those_given_first_come_first(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b")]
    files[0].write_text(HEADER + line(0.5, "/a1") + line(1, "/a2"))
    files[1].write_text(HEADER + line(0, "/b1") + line(1, "/b2"))

    with open_recording(files[0]) as first, open_recording(files[1]) as second:
        both = [event.fields["devpath"] for event in merged([first, second]) if isinstance(event, Event)]
        one = [event.at for event in merged([second])]

    assert both == ["/b1", "/a1", "/a2", "/b2"]
    assert one == [0, 1_000_000]


def test_a_recording_of_evemu_is_a_device_by_its_files_name(tmp_path: Path) -> None:
    path = tmp_path / "button.events"
    path.write_text("E: 1.000000 0001 0074 1\nE: 1.200000 0001 0074 0\n")

    with open_recording(path) as recording:
        (pressed, released) = recording.events()

    assert (recording.count, recording.last_at, recording.header) == (2, 200_000, {})
    assert isinstance(pressed, Event)
    assert pressed.fields == {"device": "button.events", "type": "EV_KEY", "code": "KEY_POWER", "value": 1}
    assert released.at == 200_000


def test_what_is_no_file_is_told(tmp_path: Path, descriptors: None) -> None:
    for path, error in (
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "missing", "cannot be read: No such file or directory"),
        (Path("/dev/null"), "is empty"),
        (Path("/dev/zero"), "has 1048577 bytes"),
        (Path("/proc/self/mem"), "cannot be read: Input/output error"),
    ):
        with pytest.raises(RecordingError) as caught:
            open_recording(path)
        assert str(caught.value).startswith(f"{path}:1: {error}")


def test_a_played_recording_that_is_cut_meanwhile_plays_what_is_left_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(HEADER + line(0, "/0") + line(1, "/1") + line(2, "/2"))
    now = [5_000_000]
    with open_recording(path) as recording:
        os.truncate(path, path.stat().st_size - len(line(2, "/2")))
        playback = Playback("a", recording.events(), lambda: now[0])
        played = [event.at for event in playback.watch(NOTHING)]
        now[0] = 9_000_000
        played += [event.at for event in playback.read()]

        assert played == [5_000_000, 6_000_000]
        assert playback.deadline() is not None
        with pytest.raises(DeviceError, match=r"a:4: was cut while it was read"):
            playback.read()
        playback.close()


@pytest.mark.parametrize(("first", "begin"), [(0, 0), (60, 0), (60.000001, 60_000_001), (1.7e9, 1_700_000_000_000_000)])
def test_a_recording_whose_times_count_from_elsewhere_begins_with_its_first_event(
    tmp_path: Path, first: float, begin: int
) -> None:
    lines = ['{"hwbridge-recording": 1}']
    lines += [f'{{"at": {first + more:.6f}, "source": "udev", "action": "add", "devpath": "/d"}}' for more in (0, 1)]
    (tmp_path / "r.jsonl").write_text("\n".join(lines))

    with open_recording(tmp_path / "r.jsonl") as recording:
        assert recording.begin == begin
