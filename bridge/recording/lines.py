"""Bytes as they come, as lines. What a line says is not looked at, and none is held that is longer than one may be."""

from collections.abc import Iterable, Iterator
from io import BytesIO

LONGEST_LINE = 1024 * 1024
"""Bytes. A udev event has at most 8 KiB; a line this long is another kind of file."""


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""The lines in chunks of at most `LONGEST_LINE` bytes, each with its line feed; the last may lack one.

    A line that is longer is the last one given, cut to a byte more than it may have: there are files without any line
    feed, and without an end (/dev/zero).

    >>> list(lines_of([b"one\ntw", b"o\nth"]))
    [b'one\n', b'two\n', b'th']
    """
    rest = b""
    for chunk in chunks:
        lines = BytesIO(rest + chunk).readlines()
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in (*lines[:1], rest):  # only these can be longer than a chunk
            if len(line) > LONGEST_LINE:
                yield line[: LONGEST_LINE + 1]
                return
        yield from lines
    if rest:
        yield rest
