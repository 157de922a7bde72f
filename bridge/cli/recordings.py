"""Opens recordings and reads them whole, so that nothing is done with half a recording. It plays nothing."""

from pathlib import Path

from bridge.errors import RecordingError
from bridge.model.events import DeviceGone, Event
from bridge.recording.jsonl import LONGEST_LINE, read_recording


def read_recording_file(path: Path) -> list[Event | DeviceGone]:
    """All events of one recording. Raises `RecordingError` with file and line."""
    try:
        with path.open("rb") as file:
            # A line is read no further than it may go: there are files (/dev/zero) without any line's end.
            return list(read_recording(str(path), iter(lambda: file.readline(LONGEST_LINE + 1), b"")))
    except OSError as error:
        raise RecordingError(str(path), 1, f"cannot be read: {error.strerror}") from error
