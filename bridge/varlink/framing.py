"""Bytes in, messages out: varlink's framing, one JSON object and a NUL. Nothing here knows what a message means.

What comes from outside is bounded: 256 KiB and 2000 separators a message, 32 levels of nesting, finite numbers, UTF-8,
each key once.

Source of the semantics: varlink.org, "Protocol" (JSON objects, separated by a single NUL byte).
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from bridge.errors import ProtocolError
from bridge.model.nesting import is_deeper

MOST_MESSAGE_BYTES = 256 * 1024
MOST_DEPTH = 32
MOST_SEPARATORS = 2000
"""Commas and opening brackets, but those in texts: to decode and check what 256 KiB of them say would hold up everyone
else. Nothing that a method takes has a quarter of them."""
_SEPARATORS = (b",", b"{", b"[")
MOST_PENDING_MESSAGES = 32

_encoder = msgspec.json.Encoder()


class _Key(str):
    """A key that equals only itself, so that a decoded object still holds the second of two same keys."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def _key(_: type[_Key], text: str) -> _Key:
    return _Key(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


# float_hook: msgspec's own reading of floats with 17 digits takes 15 times as long as float() does.
_decoder = msgspec.json.Decoder(dict[_Key, Any], dec_hook=_key, float_hook=_finite)


class MessageReader:
    r"""Cuts one peer's stream of bytes into messages; how the bytes were split makes no difference.

    `feed` takes bytes as they come, `next_message` gives what they hold, one message at a time: whoever reads decides
    how many to take. While `full`, no more should be fed; then this holds at most one message and one read.

    >>> reader = MessageReader()
    >>> reader.feed(b'{"method": "org.varlink.ser')
    >>> reader.next_message()
    >>> reader.feed(b'vice.GetInfo"}\0')
    >>> reader.next_message()
    {'method': 'org.varlink.service.GetInfo'}
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._searched = 0  # no NUL before this offset
        self._pending = 0

    @property
    def pending(self) -> int:
        """How many complete messages wait for `next_message`."""
        return self._pending

    @property
    def full(self) -> bool:
        """Enough waits: 32 messages, or more bytes than one message may have."""
        return self._pending >= MOST_PENDING_MESSAGES or len(self._bytes) > MOST_MESSAGE_BYTES

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes of the stream. Never fails; what is wrong with them, `next_message` says."""
        size = len(self._bytes)
        self._bytes += data
        self._pending += self._bytes.count(0, size)

    def next_message(self) -> dict[str, Any] | None:
        """The oldest message that is complete, or None.

        Raises `ProtocolError` where the stream breaks the protocol; after that the stream is of no use.
        """
        end = self._bytes.find(0, self._searched)
        size = len(self._bytes) if end < 0 else end
        if size > MOST_MESSAGE_BYTES:
            raise ProtocolError(f"a message has more than {MOST_MESSAGE_BYTES} bytes")
        if end < 0:
            self._searched = size
            return None
        with memoryview(self._bytes) as received:
            frame = bytes(received[:end])
        del self._bytes[: end + 1]
        self._searched = 0
        self._pending -= 1
        return decode_message(frame)


def decode_message(frame: bytes) -> dict[str, Any]:
    """The message in these bytes, without their NUL.

    Raises `ProtocolError` if they are not UTF-8, not one JSON object, hold a number that is none (NaN, 1e999), the same
    top-level key twice, or more than 32 levels of objects and arrays, or more than 2000 separators.

    >>> decode_message(b'{"more": true, "more": false}')
    Traceback (most recent call last):
    bridge.errors.ProtocolError: a message has the key 'more' twice
    """
    if len(frame) > MOST_SEPARATORS and _has_too_many_separators(frame):
        raise ProtocolError(f"a message has more than {MOST_SEPARATORS} commas and opening brackets")
    try:
        pairs = _decoder.decode(frame)
    except UnicodeDecodeError as error:
        raise ProtocolError("a message is not UTF-8") from error
    except RecursionError as error:
        raise ProtocolError(f"a message is nested deeper than {MOST_DEPTH} levels") from error
    except msgspec.DecodeError as error:
        raise ProtocolError(f"a message is not a JSON object: {error}") from error
    message: dict[str, Any] = {}
    for key, value in pairs.items():
        name = str(key)
        if name in message:
            raise ProtocolError(f"a message has the key {name!r} twice")
        message[name] = value
    # There are never more levels than brackets: only what has many of them is walked.
    if frame.count(b"{") + frame.count(b"[") > MOST_DEPTH and is_deeper(message, MOST_DEPTH):
        raise ProtocolError(f"a message is nested deeper than {MOST_DEPTH} levels")
    return message


def _has_too_many_separators(frame: bytes) -> bool:
    """Of what is JSON; of anything else it is told at least up to where it is none."""
    if sum(map(frame.count, _SEPARATORS)) <= MOST_SEPARATORS:
        return False
    # Backslashes stand in texts only, and pair up from the left: behind these two, each quote begins or ends a text.
    quoted = frame.replace(b"\\\\", b"").replace(b'\\"', b"")
    if quoted.count(b'"') > 4 * (MOST_SEPARATORS + 1):  # at most two texts, key and value, go with each separator
        return True
    outside = b"".join(quoted.split(b'"')[::2])
    return sum(map(outside.count, _SEPARATORS)) > MOST_SEPARATORS


def encode_message(message: Mapping[str, Any]) -> bytes:
    r"""The message as it goes over the wire, with its NUL.

    What we write ourselves is not bounded: whoever asked reads it or does not, and is waited for meanwhile.

    >>> encode_message({"parameters": {"interface": "org.hwbridge"}})
    b'{"parameters":{"interface":"org.hwbridge"}}\x00'
    """
    return _encoder.encode(message) + b"\0"
