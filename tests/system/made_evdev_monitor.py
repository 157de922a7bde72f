"""Input devices without hardware for `hwbridge` as a process: its evdev monitor is the one below, its nodes are FIFOs.

The process finds it as it finds every monitor, by an entry point; everything but sysfs and the nodes is the real one.
"""

import contextlib
import errno
import json
import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from made_inputs import MadeMachine, PipeNode

from bridge.errors import DeviceError
from bridge.monitors.evdev import EvdevMonitor
from bridge.monitors.evdev_decode import Code, pack
from bridge.monitors.evdev_node import CHUNK, Axis
from bridge.monitors.monitor import LiveSource
from bridge.sources.evdev import EVDEV

PLACE = "MADE_INPUTS"
EV_MSC = 4
AXIS = Axis(value=7, minimum=-1, maximum=255, fuzz=2, flat=3, resolution=40)


class MadeInputs:
    """Input devices in `folder`, written down for the process to find; what is sent waits in their FIFOs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._devices: list[dict[str, Any]] = []
        self._ends: dict[int, int] = {}
        described = folder / "site" / "made-1.dist-info"
        described.mkdir(parents=True)
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: made\nVersion: 1\n")
        (described / "entry_points.txt").write_text(f"[bridge.monitors]\nevdev = {__name__}:LIVE\n")
        self.environment = {
            "PYTHONPATH": f"{folder / 'site'}:{Path(__file__).parent}",
            PLACE: str(folder / "devices.json"),
        }
        self._write()

    def plug(
        self, number: int, name: str, codes: Collection[Code], *, values: Mapping[Code, int] | None = None, **more: Any
    ) -> None:
        """A device with the node /dev/input/event<number>; `values` is its state when it is opened."""
        fifo = self._folder / f"event{number}"
        os.mkfifo(fifo)
        self._ends[number] = os.open(fifo, os.O_RDWR | os.O_CLOEXEC)
        state = [[*code, value] for code, value in (values or {}).items()]
        self._devices.append({"number": number, "name": name, "codes": [*codes], "state": state, **more})
        self._write()

    def fail(self, message: str) -> None:
        """The monitor cannot be opened."""
        self._devices.append({"failure": message})
        self._write()

    def send(self, number: int, *events: tuple[Code, int]) -> None:
        """What a device sends now."""
        at = time.monotonic_ns() // 1000
        os.write(self._ends[number], b"".join(pack(at, code, value) for code, value in events))

    def unplug(self, number: int) -> None:
        """What was sent can still be read, then nothing more."""
        os.close(self._ends.pop(number))

    def close(self) -> None:
        for number in [*self._ends]:
            self.unplug(number)

    def _write(self) -> None:
        (self._folder / "devices.json").write_text(json.dumps(self._devices))


class _FifoNode(PipeNode):
    def __init__(self, fifo: Path, values: dict[Code, int]) -> None:
        super().__init__(values)
        self._fifo = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(BlockingIOError):  # as the kernel's, it begins empty
            while os.read(self._fifo, CHUNK):
                pass

    def fileno(self) -> int:
        return self._fifo

    def axis(self, number: int, /) -> Axis:
        return AXIS

    def close(self) -> None:
        super().close()
        os.close(self._fifo)


class _FifoMachine(MadeMachine):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder / f"sys{os.getpid()}")
        self._folder = folder

    def plug(self, number: int, name: str | bytes, codes: Collection[Code], **more: str) -> str:
        devpath = super().plug(number, name, codes, **more)
        capabilities = self.root / devpath[1:] / "device/capabilities"
        miscellaneous = sum(1 << code for event_type, code in codes if event_type == EV_MSC)
        types = int((capabilities / "ev").read_text(), 16) | (1 << EV_MSC if miscellaneous else 0)
        (capabilities / "msc").write_text(f"{miscellaneous:x}\n")
        (capabilities / "ev").write_text(f"{types:x}\n")
        return devpath

    def open(self, node: str) -> PipeNode:
        if node in self.forbidden:
            raise self.forbidden[node]
        return _FifoNode(self._folder / Path(node).name, self.values.get(node, {}))


def open_monitor(*, clock: Callable[[], int], settings: Mapping[str, object]) -> EvdevMonitor:
    """In the process: the monitor of what is written down."""
    place = Path(os.environ[PLACE])
    machine = _FifoMachine(place.parent)
    for device in json.loads(place.read_text()):
        if "failure" in device:
            raise DeviceError(device["failure"])
        node = f"/dev/input/event{device['number']}"
        devpath = machine.plug(device["number"], device["name"], [(*code,) for code in device["codes"]])
        machine.values[node] = {(event_type, number): value for event_type, number, value in device["state"]}
        machine.ancestry[devpath] = device.get("properties", {})
        if device.get("forbidden"):
            machine.forbidden[node] = PermissionError(errno.EACCES, "Permission denied", node)
    return EvdevMonitor(clock=clock, machine=machine)


LIVE = LiveSource(source=EVDEV, open=open_monitor)
