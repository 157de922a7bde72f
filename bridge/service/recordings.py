"""Recordings in files: checked whole when they are opened, then streamed. No more of one is held than a few lines.

Nothing is done here with what they say, nor is any of it done before all of it is known to be right.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from heapq import merge
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

from bridge.errors import RecordingError
from bridge.model.events import DeviceGone, Event
from bridge.recording.formats import header_of, read_events
from bridge.recording.lines import lines_of

_CHUNK = 256 * 1024
"""Bytes read at once."""
_ELSEWHERE = 60_000_000
"""Microseconds. Times count from a recording's beginning; where the first is later than this, from elsewhere (1970)."""
STANDARD_INPUT = Path("-")


class RecordingFile:
    """A recording that is right from its first line to its last; whoever opens it closes it.

    `name` is for messages, `header` what its first line says (nothing but in hwbridge's own format), `count` the
    number of events, `begin` when it began and `last_at` the time of the last, in microseconds.
    """

    def __init__(self, name: str, file: IO[bytes], chunks: Iterable[bytes]) -> None:
        """Checks what comes in `chunks`, which `file` holds afterwards. Raises `RecordingError`."""
        self.name = name
        self.count = self.begin = self.last_at = 0
        self._file = file
        self._size = 0
        lines = lines_of(self._measured(chunks))
        first = list(islice(lines, 1))
        for event in read_events(name, chain(first, lines)):
            if self.count == 0 and event.at > _ELSEWHERE:
                self.begin = event.at
            self.count += 1
            self.last_at = event.at
        self.header: Mapping[str, object] = header_of(name, first[0])

    def events(self) -> Iterator[Event | DeviceGone]:
        """Its events from the first on, each marked as replayed; every call begins anew.

        The fields of events that say the same may be one mapping, never to be changed.
        Raises `RecordingError` if somebody has changed the file since it was opened.
        """
        return read_events(self.name, lines_of(self._again()))

    def _measured(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._size += len(chunk)
            yield chunk

    def _again(self) -> Iterator[bytes]:
        """As many bytes as were checked: whoever still writes the file may have added some."""
        left, lines = self._size, 0
        try:
            for chunk in _chunks(self._file):
                yield chunk[:left]
                left -= len(chunk)
                lines += chunk.count(b"\n")
                if left <= 0:
                    return
        except OSError as error:
            raise RecordingError(self.name, lines + 1, f"cannot be read: {error.strerror}") from error
        raise RecordingError(self.name, lines + 1, "was cut while it was read")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the file."""
        self.close()


def open_recording(path: Path) -> RecordingFile:
    """Opens a recording in any format and checks it; `-` is standard input. Raises `RecordingError`.

    What cannot be read twice (a pipe, a terminal) is kept in a temporary file that has no name.
    """
    name = str(path)
    with ExitStack() as opened:
        try:
            file = opened.enter_context(open(os.dup(0) if path == STANDARD_INPUT else path, "rb", buffering=0))
            if path != STANDARD_INPUT and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                recording = RecordingFile(name, file, _chunks(file))
            else:
                kept = opened.enter_context(TemporaryFile())
                recording = RecordingFile(name, kept, _kept_chunks(file, kept))
                file.close()
        except OSError as error:
            raise RecordingError(name, 1, f"cannot be read: {error.strerror}") from error
        opened.pop_all()
    return recording


def merged(recordings: Sequence[RecordingFile]) -> Iterator[Event | DeviceGone]:
    """The events of all recordings, by time; of those at one instant, those of the recording first given are first."""
    if len(recordings) == 1:  # comparing times costs more than reading them
        return recordings[0].events()
    return merge(*(recording.events() for recording in recordings), key=lambda event: event.at)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """All of a file; each call has a position of its own."""
    position = 0
    while chunk := os.pread(file.fileno(), _CHUNK, position):
        position += len(chunk)
        yield chunk


def _kept_chunks(file: IO[bytes], kept: IO[bytes]) -> Iterator[bytes]:
    """All that comes, which is kept on the way."""
    while chunk := file.read(_CHUNK):
        kept.write(chunk)
        yield chunk
    kept.flush()
