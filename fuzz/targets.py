"""What must hold of every reader, whatever bytes it is given. Nothing here makes bytes up."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from bridge.errors import RecordingError
from bridge.model.events import DeviceGone, Event
from bridge.recording.evemu import read_evemu
from bridge.recording.formats import read_events
from bridge.recording.jsonl import line_of_event, line_of_header, read_recording
from bridge.recording.lines import lines_of

Reader = Callable[[str, Iterable[bytes]], Iterator[Event | DeviceGone]]

READERS: Mapping[str, Reader] = {"formats": read_events, "evemu": read_evemu, "jsonl": read_recording}
HEADER = line_of_header({}).encode()


def check(reader: Reader, content: bytes) -> None:
    """Raises whatever else a reader raises than an error with file and line, or AssertionError for a wrong event."""
    events, lines = [], list(lines_of([content]))
    try:
        for event in reader("a", lines):
            events.append(event)  # noqa: PERF402 -- what came before an error counts
    except RecordingError as error:
        place, number, message = str(error).split(":", maxsplit=2)
        assert place == "a"
        assert 1 <= int(number) <= max(1, len(lines))
        assert message.strip()
        assert "\n" not in message
    times = [event.at for event in events]
    assert times == sorted(times)
    assert list(read_recording("a", [HEADER, *(line_of_event(event).encode() for event in events)])) == events
