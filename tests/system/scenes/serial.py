"""A pseudo-terminal behind a link, as a serial adapter behind its link in /dev/serial/by-id. It has no modem lines."""

import os
import pty
from collections.abc import Mapping
from typing import ClassVar

from bridge.model.events import Fields
from bridge.sources.serial_ports import LATEST_RETRY
from scenes.scene import Levels, Scene

RULES = """
[[serial]]
name = "scanner"
port = "{link}"

[[rule]]
name = "scanned"
source = "serial"
match = {{ port = "scanner", line = true }}
raise = "{{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}}"

[[condition]]
name = "scanner-there"
source = "serial"
match = {{ port = "scanner", state = "opened" }}
"""


class SerialScene(Scene):
    """One port; its other end is the device's."""

    monitor = "serial"
    without: ClassVar[Mapping[str, str]] = {
        "loss": "of a pseudo-terminal the kernel drops nothing: it lets who writes wait"
    }

    def begin(self) -> None:
        self._link = self.folder / "scanner"
        self._scanned = 0
        self._device = -1
        self.plug()

    def end(self) -> None:
        if self._device >= 0:
            os.close(self._device)

    def rules(self) -> str:
        return RULES.format(link=self._link)

    def change(self) -> Fields:
        self._scanned += 1
        os.write(self._device, b"%d\r\n" % self._scanned)
        return {"port": "scanner", "line": str(self._scanned)}

    def unplug(self) -> None:
        self._link.unlink()
        os.close(self._device)
        self._device = -1

    def plug(self) -> None:
        self._device, port = pty.openpty()
        self._link.symlink_to(os.ttyname(port))
        os.close(port)

    @property
    def wakes_after(self) -> int | None:
        """A port that is not there is looked for now and then."""
        return LATEST_RETRY if self._device < 0 else None

    def truth(self) -> Levels:
        return {("scanner", ""): {"state": "opened" if self._device >= 0 else "lost"}}


SCENE = SerialScene
