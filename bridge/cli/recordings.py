"""Opens recordings and reads them whole, so that nothing is done with half a recording. It plays nothing."""

from pathlib import Path

from bridge.errors import RecordingError
from bridge.model.events import DeviceGone, Event
from bridge.recording.jsonl import read_recording


def read_recording_file(path: Path) -> list[Event | DeviceGone]:
    """All events of one recording. Raises `RecordingError` with file and line."""
    try:
        with path.open("rb") as file:
            return list(read_recording(str(path), file))
    except OSError as error:
        raise RecordingError(str(path), 1, f"cannot be read: {error.strerror}") from error
