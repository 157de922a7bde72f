"""What a test gives: rules, tasks and recordings, as paths from its own folder or as TOML text.

What is in them is for others to say; what is not there is said with the place where it was looked for.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from bridge.errors import InvalidValueError, RecordingError
from bridge.model.events import DeviceGone, Event
from bridge.service.files import read_given
from bridge.service.recordings import RecordingFile, open_recording
from bridge.toml.document import Document, Problem, parse
from bridge.toml.values import did_you_mean

One = str | os.PathLike[str]
Given = One | Iterable[One]
"""A folder, a file, TOML text, or several of these."""


def load(path: One) -> list[Event | DeviceGone]:
    """The events of a recording in any format that is read, in order; times in microseconds.

    A `DeviceGone` stands where a recording says that a device went. Raises `RecordingError` with file and line.
    """
    with open_recording(Path(path)) as recording:
        return list(recording.events())


def read_toml(name: str, given: Given, folder: Path) -> list[Document]:
    """The documents that are given as `name` (rules, tasks), in order; what is not there is a document's problem.

    A text that names a file or folder is its path. Any other is TOML if it holds a line feed or a `=`, or is empty.
    """
    documents: list[Document] = []
    places: list[Path] = []
    for one in [given] if isinstance(given, str) or not isinstance(given, Iterable) else given:
        if not isinstance(one, str | os.PathLike):
            raise InvalidValueError(f"{name}: {one!r} is no folder, file or TOML text")
        place = place_of(one, folder)
        if isinstance(one, str) and _is_toml(one, place):
            documents.append(parse(f"<{name}{_number(documents)}>", one.encode(errors="surrogateescape")))
        elif not os.path.lexists(place):
            missing = Problem(file=str(place), line=1, message=_is_not_there(place))
            documents.append(Document(file=str(place), problems=(missing,)))
        elif place not in places:
            places.append(place)
            documents += read_given([place])
    return documents


def open_given(given: One, folder: Path) -> RecordingFile:
    """The recording that is given. Raises `RecordingError`."""
    if not isinstance(given, str | os.PathLike):
        raise InvalidValueError(f"{given!r} is no path of a recording")
    place = place_of(given, folder)
    if not os.path.lexists(place):
        raise RecordingError(str(place), 1, _is_not_there(place))
    return open_recording(place)


def place_of(given: One, folder: Path) -> Path:
    """A path that starts at the test's folder, as messages show it: from where pytest was started, if it is below."""
    place = folder / Path(given)
    here = Path.cwd()
    return place.relative_to(here) if place.is_relative_to(here) and place != here else place


def _is_toml(text: str, place: Path) -> bool:
    is_like_toml = not text.strip() or "\n" in text or "=" in text
    return is_like_toml and (not text.strip() or not os.path.lexists(place))


def _number(documents: Sequence[Document]) -> str:
    """What tells several texts apart, in messages."""
    texts = sum(each.file.startswith("<") for each in documents)
    return f" {texts + 1}" if texts else ""


def _is_not_there(place: Path) -> str:
    try:
        meant = did_you_mean(place.name, os.listdir(place.parent))
    except OSError:
        meant = ""
    return f"is not there; a relative path starts at the folder of the test{meant}"
