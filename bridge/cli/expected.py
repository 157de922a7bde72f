"""What was expected, in a file, against what happened: the lines of a unified diff. It prints nothing.

The bytes are compared, however many they are; only what is shown of them is escaped.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bridge.errors import BridgeError
from bridge.model.text import printable
from bridge.recording.lines import LONGEST_LINE, lines_of
from bridge.testing.difference import unified_diff

_CHUNK = 256 * 1024


def difference_from(expected: Path, lines: Iterable[str]) -> Iterator[str]:
    """The diff, one line after the other, from `expected` to these lines; nothing where the bytes are the same.

    The file is opened before the first line is asked for. Raises `BridgeError` if it cannot be read.
    """
    wanted = _lines_in(expected)
    found = (f"{line}\n" for line in lines)
    for line in unified_diff(wanted, found, printable(str(expected)), "replayed"):
        yield printable(line.removesuffix("\n").encode(errors="surrogateescape").decode(errors="backslashreplace"))
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"


def _lines_in(expected: Path) -> Iterator[str]:
    number = 1
    try:
        with expected.open("rb", buffering=0) as file:
            for number, line in enumerate(lines_of(iter(lambda: file.read(_CHUNK), b"")), start=1):
                if len(line) > LONGEST_LINE:
                    raise BridgeError(f"{expected}:{number}: is longer than any line that a replay prints")
                yield line.decode(errors="surrogateescape")
    except OSError as error:
        raise BridgeError(f"{expected}:{number}: cannot be read: {error.strerror}") from error
