"""What systemd-udevd tells and writes down: its messages on netlink and its database, without a udevd.

Needs CAP_NET_ADMIN over the network namespace (root, or `unshare -rn`). It reads no rules and no sysfs.
"""

import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

NETLINK_KOBJECT_UEVENT = 15
UDEV_GROUP = 2
MAGIC = 0xFEEDCAFE
HEADER = struct.Struct("=8sIIII")
HASHES = struct.Struct(">IIII")
"""After the header: subsystem, devtype, and the two halves of the tags' bloom filter (sd-device-monitor)."""
RUN = Path("/run/udev")


class FakeUdevd:
    """Sends device messages to every libudev monitor of this network namespace."""

    def __init__(self, first_number: int = 1) -> None:
        """Numbers its messages from `first_number` on."""
        self._number = first_number - 1
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)
        self._socket.bind((0, 0))

    def __enter__(self) -> "FakeUdevd":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(
        self,
        action: str,
        devpath: str,
        subsystem: str,
        *,
        tags: Iterable[str] = (),
        number: int | None = None,
        **properties: str | bytes,
    ) -> int:
        """One message, with SEQNUM `number` or the next one; returns the SEQNUM."""
        self._number = self._number + 1 if number is None else number
        message: dict[str, str | bytes] = {
            "ACTION": action,
            "DEVPATH": devpath,
            "SUBSYSTEM": subsystem,
            "SEQNUM": str(self._number),
            "USEC_INITIALIZED": "1",
            **properties,
        }
        if tags := tuple(tags):
            message["TAGS"] = message["CURRENT_TAGS"] = f":{':'.join(tags)}:"
        body = b"".join(name.encode() + b"=" + _bytes(value) + b"\0" for name, value in message.items())
        self.send_raw(body, subsystem=subsystem, devtype=str(message.get("DEVTYPE", "")), tags=tags)
        return self._number

    def send_raw(self, body: bytes, *, subsystem: str = "", devtype: str = "", tags: Iterable[str] = ()) -> None:
        """A message with any `body`, and a header that says what is given."""
        size = HEADER.size + HASHES.size
        header = HEADER.pack(b"libudev\0", socket.htonl(MAGIC), size, size, len(body))
        bloom = _bloom(tags)
        hashes = HASHES.pack(_hash(subsystem), _hash(devtype) if devtype else 0, bloom >> 32, bloom & 0xFFFFFFFF)
        self._socket.sendto(header + hashes + body, (0, UDEV_GROUP))


def write_down(device_id: str, *, tags: Iterable[str] = (), **properties: str) -> None:
    """Udevd's database has `properties` for the device (`c1:3` is /dev/null), and it is initialised."""
    tags = tuple(tags)
    lines = ["I:1", *(f"E:{name}={value}" for name, value in properties.items())]
    lines += [f"{letter}:{tag}" for letter in "GQ" for tag in tags]
    (RUN / "data").mkdir(parents=True, exist_ok=True)
    (RUN / "data" / device_id).write_text("\n".join([*lines, "V:1", ""]))
    for tag in tags:
        (RUN / "tags" / tag).mkdir(parents=True, exist_ok=True)
        (RUN / "tags" / tag / device_id).touch()


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _bloom(tags: Iterable[str]) -> int:
    """The 64 bits that tags set: a socket's filter asks for its tag's four (sd-device, string_bloom64)."""
    bits = 0
    for tag in tags:
        hashed = _hash(tag)
        for shift in (0, 6, 12, 18):
            bits |= 1 << ((hashed >> shift) & 63)
    return bits


def _hash(text: str) -> int:
    """MurmurHash2 with seed 0, as sd-device-monitor takes it."""
    data = text.encode()
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    hashed = len(data)
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * multiplier & mask
        word = (word ^ (word >> 24)) * multiplier & mask
        hashed = (hashed * multiplier & mask) ^ word
    if rest := data[whole:]:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * multiplier & mask
    hashed = (hashed ^ (hashed >> 13)) * multiplier & mask
    return hashed ^ (hashed >> 15)
