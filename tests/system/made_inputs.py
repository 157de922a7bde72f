"""Input devices without hardware: nodes that are pipes, a sysfs in a directory, and the news of both."""

import errno
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bridge.errors import DeviceError
from bridge.mapping.interest import Interest
from bridge.mapping.match import parse_test
from bridge.mapping.rules import Rule
from bridge.model.events import Event
from bridge.model.guid import Guid
from bridge.model.templates import Template
from bridge.monitors.evdev_decode import SYN_DROPPED, Code, pack
from bridge.monitors.input_devices import FoundInput, find_inputs, read_input
from bridge.sources.evdev import EVDEV

NOW = 5_000_000
NODE = "/dev/input/event3"
JACK = {"code": "SW_HEADPHONE_INSERT"}
EV_SYN, EV_KEY, EV_REL, EV_ABS, EV_SW, EV_LED = 0, 1, 2, 3, 5, 0x11
SYN_REPORT: Code = (EV_SYN, 0)
KEY_A: Code = (EV_KEY, 30)
KEY_B: Code = (EV_KEY, 48)
REL_X: Code = (EV_REL, 0)
ABS_X: Code = (EV_ABS, 0)
MT_SLOT_X: Code = (EV_ABS, 0x35)
HEADPHONE: Code = (EV_SW, 2)
MICROPHONE: Code = (EV_SW, 4)


class PipeNode:
    """A node whose sending end is ours. `values` is the state that its ioctls tell; `masked` are the masks set."""

    def __init__(self, values: dict[Code, int] | None = None) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        self.values: dict[Code, int] = dict(values or {})
        self.masked: list[frozenset[Code]] = []
        self.failing: OSError | None = None
        self.grabbed = False
        self.at_grab: Callable[[], None] = lambda: None
        self.closed = False

    def fileno(self) -> int:
        return self._reader

    def mask(self, codes: Collection[Code], /) -> None:
        self.masked.append(frozenset(codes))

    def state(self, event_type: int, numbers: Collection[int], /) -> dict[int, int]:
        if self.failing is not None:
            raise self.failing
        return {number: self.values.get((event_type, number), 0) for number in numbers}

    def grab(self) -> None:
        self.at_grab()
        self.grabbed = True

    def let_go(self) -> None:
        self.grabbed = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        os.close(self._reader)
        self.unplug()

    def send(self, code: Code, value: int, *, at: int = 1) -> None:
        """What a change does: the state has it, and the packet is queued."""
        self.values[code] = value
        self.send_bytes(pack(at, code, value) + pack(at, SYN_REPORT, 0))

    def drop(self) -> None:
        """What an overrun of the kernel's buffer leaves."""
        self.send_bytes(pack(1, SYN_DROPPED, 0))

    def send_bytes(self, data: bytes) -> None:
        os.write(self._writer, data)

    def unplug(self) -> None:
        """What has been sent can still be read, then nothing more."""
        if self._writer >= 0:
            os.close(self._writer)
        self._writer = -1


@dataclass(frozen=True)
class MadeUevent:
    """As much of a pyudev.Device as the monitor asks for."""

    action: str
    device_path: str
    properties: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.properties["DEVPATH"] = self.device_path

    @property
    def sys_name(self) -> str:
        return self.device_path.rpartition("/")[2]


class MadeUevents:
    """A subscription that a test fills; readable through a pipe."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self._queued: list[MadeUevent] = []
        self._dropped = False
        self.failing = False
        self.closed = False

    def tell(self, *uevents: MadeUevent, dropped: bool = False) -> None:
        self._queued += uevents
        self._dropped = self._dropped or dropped
        os.write(self._writer, b".")

    def fileno(self) -> int:
        return self._reader

    def read(self) -> tuple[list[MadeUevent], bool]:
        if self.failing:
            raise DeviceError("netlink socket for device events: it broke")
        os.read(self._reader, 1000)
        queued, self._queued = self._queued, []
        dropped, self._dropped = self._dropped, False
        return queued, dropped

    def close(self) -> None:
        self.closed = True
        os.close(self._reader)
        os.close(self._writer)


class MadeMachine:
    """A machine with its sysfs in a directory; every node is a `PipeNode`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.uevents: list[MadeUevents] = []
        self.nodes: dict[str, PipeNode] = {}
        self.values: dict[str, dict[Code, int]] = {}
        self.forbidden: dict[str, OSError] = {}
        self.broken: dict[str, OSError] = {}
        self.at_open: Callable[[], None] = lambda: None
        self.ancestry: dict[str, dict[str, str]] = {}
        self.unlisted: set[str] = set()
        self.deaf = False
        self.opened: list[str] = []
        self._numbers = count(1)
        (root / "class/input").mkdir(parents=True)

    def plug(self, number: int, name: str | bytes, codes: Collection[Code], **more: str) -> str:
        """A device with the node /dev/input/event<number>, as input.c and evdev.c show it; returns its devpath."""
        parent = f"/devices/made/input/input{next(self._numbers)}"
        devpath = f"{parent}/event{number}"
        directory = self.root / devpath[1:]
        directory.mkdir(parents=True)
        (directory / "device").symlink_to("..")
        (directory / "uevent").write_text(f"MAJOR=13\nMINOR={64 + number}\nDEVNAME=input/event{number}\n")
        identity = {"phys": "", "uniq": "", "id/bustype": "0019", "id/vendor": "0000", "id/product": "0000", **more}
        for file, text in {**identity, **_bitmaps(codes)}.items():
            place = self.root / parent[1:] / file
            place.parent.mkdir(exist_ok=True)
            place.write_text(f"{text}\n")
        (self.root / parent[1:] / "name").write_bytes((name.encode() if isinstance(name, str) else name) + b"\n")
        (self.root / f"class/input/event{number}").symlink_to(self.root / devpath[1:])
        return devpath

    def unplug(self, devpath: str) -> None:
        """The device goes, from its node and from sysfs."""
        (self.root / "class/input" / devpath.rpartition("/")[2]).unlink()
        (self.root / devpath[1:]).rename(self.root / f"gone{next(self._numbers)}")
        node = self.nodes.get(f"/dev/input/{devpath.rpartition('/')[2]}")
        if node is not None:
            node.unplug()

    def subscribe(self) -> MadeUevents:
        if self.deaf:
            raise DeviceError("netlink socket for device events, group kernel: not here")
        self.uevents.append(MadeUevents())
        return self.uevents[-1]

    def find(self) -> list[str]:
        return [devpath for devpath in find_inputs(self.root) if devpath not in self.unlisted]

    def read(self, devpath: str) -> FoundInput | None:
        return read_input(devpath, self.root)

    def has(self, devpath: str) -> bool:
        return (self.root / devpath[1:]).exists()

    def inherited(self, devpath: str, names: Collection[str]) -> dict[str, str]:
        return {name: value for name, value in self.ancestry.get(devpath, {}).items() if name in names}

    def open(self, node: str) -> PipeNode:
        self.at_open()
        if node in self.forbidden:
            raise self.forbidden[node]
        self.opened.append(node)
        self.nodes[node] = PipeNode(self.values.get(node))
        self.nodes[node].failing = self.broken.get(node)
        return self.nodes[node]

    def forbid(self, node: str) -> None:
        self.forbidden[node] = PermissionError(errno.EACCES, "Permission denied", node)


def asking(*matches: Mapping[str, object]) -> Interest:
    guid = Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
    rules = [
        Rule(
            name=f"rule {number}",
            source=EVDEV,
            match=tuple((name, parse_test(value)) for name, value in match.items()),
            trigger=guid,
            key=Template.parse("{device}"),
        )
        for number, match in enumerate(matches)
    ]
    return Interest("evdev", tuple(rules))


def told(found: object) -> list[tuple[object, ...]]:
    assert isinstance(found, list)
    return [
        (each.fields["code"], each.fields["value"], each.origin) if isinstance(each, Event) else ("gone", each.owner)
        for each in found
    ]


@contextmanager
def no_descriptor_is_left_open() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before


def _bitmaps(codes: Collection[Code]) -> dict[str, str]:
    names = {EV_KEY: "key", EV_REL: "rel", EV_ABS: "abs", EV_SW: "sw", EV_LED: "led"}
    of_types = {number: {code for event_type, code in codes if event_type == number} for number in names}
    types = {EV_SYN, *(number for number, listed in of_types.items() if listed)}
    others = {f"capabilities/{name}": "0" for name in ("msc", "snd", "ff")}
    listed = {f"capabilities/{name}": _bitmap(of_types[number]) for number, name in names.items()}
    return {"capabilities/ev": _bitmap(types), **others, **listed}


def _bitmap(numbers: Collection[int]) -> str:
    bits = sum(1 << number for number in numbers)
    word_bits = 64  # the width of a long on the machines that run the tests
    words = [f"{bits >> shift & (1 << word_bits) - 1:x}" for shift in range(0, max(bits.bit_length(), 1), word_bits)]
    return " ".join(reversed(words))
