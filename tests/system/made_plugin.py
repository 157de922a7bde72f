"""A package with monitors, as somebody else would install it: modules in a folder, and what pip writes down of them.

The monitor in `WORKING` tells of a pipe: a line in it is an event of the source `bell`.
"""

from collections.abc import Mapping
from pathlib import Path

WORKING = """
import os
from bridge.monitors.plugin import *

BELL = Source(name="bell", fields=frozenset({"door", "rung"}), integers=frozenset({"rung"}), default_key="{door}",
              subject=lambda fields: (str(fields["door"]), ""), identifies=lambda name: name == "door")


class Bell:
    def __init__(self, *, clock, settings):
        self.clock = clock
        self.place = settings["pipe"]
        self.pipe = os.open(self.place, os.O_RDWR | os.O_NONBLOCK)
        self.rung = 0

    def fileno(self):
        return self.pipe

    def watch(self, interest):
        return self.snapshot()

    def read(self):
        try:
            lines = os.read(self.pipe, 4096).decode().splitlines()
        except BlockingIOError:
            return []
        return [self.tell(line) for line in lines]

    def tell(self, door):
        self.rung += 1
        return Event("bell", self.clock(), {"door": door, "rung": self.rung})

    def snapshot(self):
        return []

    def resync(self):
        return self.read()

    def report(self):
        return MonitorReport(devices=(self.place,))

    def close(self):
        os.close(self.pipe)


LIVE = LiveSource(source=BELL, open=Bell, settings=lambda table: table.read_each({"pipe": text}))
"""


def install(site: Path, name: str, module: str, entry_points: Mapping[str, str]) -> None:
    """Installs the package `name`, whose module NAME has this text, in the folder `site`."""
    described = site / f"{name}-1.dist-info"
    described.mkdir(parents=True)
    (site / f"{name}.py").write_text(module)
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    lines = [f"{monitor} = {value}" for monitor, value in entry_points.items()]
    (described / "entry_points.txt").write_text("\n".join(["[bridge.monitors]", *lines]))
