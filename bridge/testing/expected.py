"""What a replay is expected to print: compared with a file, or written to it where the test run is asked to.

It knows bytes and files, and nothing of what the lines say.
"""

from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path

from bridge.errors import BridgeError
from bridge.model.text import count_of, printable
from bridge.testing.difference import unified_diff

MOST_LINES = 100
"""So many lines of a difference are shown."""


@dataclass(slots=True)
class Expectations:
    """The files that the tests of one run expect; with `update`, `written` tells which were made or changed."""

    update: bool
    written: list[Path] = field(default_factory=list)

    def meet(self, file: Path, found: bytes) -> None:
        """Asserts that the file holds these bytes, or writes them. Raises `BridgeError` where it cannot be read."""
        wanted = _content(file)
        if wanted == found:
            return
        if self.update:
            _write(file, found)
            if file not in self.written:
                self.written.append(file)
        elif wanted is None:
            raise AssertionError(f"{file} is not there; pytest --update-expected writes it")
        else:
            raise AssertionError(_failure(file, wanted, found))


def _failure(file: Path, wanted: bytes, found: bytes) -> str:
    """What a failed test says; nothing in a line of it moves a cursor."""
    lines = unified_diff(_lines(wanted), _lines(found), str(file), "replayed")
    shown = [_shown(line) for line in islice(lines, MOST_LINES)]
    more = sum(1 for _ in lines)
    last = [f"... and {count_of(more, 'line')} more"] if more else []
    advice = "pytest --update-expected writes what was replayed"
    return "\n".join(["this is not what was expected:", *shown, *last, advice])


def _lines(content: bytes) -> list[str]:
    return [line.decode(errors="surrogateescape") for line in BytesIO(content)]


def _shown(line: str) -> str:
    return printable(line[:-1]) if line.endswith("\n") else f"{printable(line)}\n\\ No newline at end of file"


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BridgeError(f"{file}: cannot be read: {error.strerror}") from error


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BridgeError(f"{file}: cannot be written: {error.strerror}") from error
