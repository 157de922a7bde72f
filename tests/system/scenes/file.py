"""The scene of the monitor that docs/how-to/write-a-monitor.md builds: two files, of which one comes and goes."""

import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from bridge.model.events import Fields
from bridge.monitors.monitor import LiveSource
from bridge.sources import SOURCES
from scenes.scene import Levels, Scene

PAGE = Path(__file__).parents[3] / "docs/how-to/write-a-monitor.md"
QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
RULES = """
[[rule]]
name = "order"
source = "file"
match = { state = "there" }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
"""


class FileScene(Scene):
    monitor = "file"
    within = ("env",)  # in a child, where nobody else meets the source

    def begin(self) -> None:
        before, _, rest = PAGE.read_text().partition("`hwbridge_file.py`:\n\n```python\n")
        assert before != PAGE.read_text(), "the page has no monitor"
        (self.folder / "hwbridge_file.py").write_text(rest.partition("```")[0])
        sys.path.insert(0, str(self.folder))
        live = import_module("hwbridge_file").LIVE
        SOURCES.find_with({"file": live.source}.get, ["file"])
        self._live: LiveSource = live
        self._files = {name: self.folder / "inbox" / name for name in ("order", "bill")}
        self._files["order"].parent.mkdir()
        self._files["order"].write_text("boots")
        self._size = 5
        self.configuration = "".join(f'{name} = "{path}"\n' for name, path in self._files.items())

    @property
    def live(self) -> LiveSource:
        return self._live

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        self._size += 1
        self._files["order"].with_suffix(".new").write_text("x" * self._size)
        self._files["order"].with_suffix(".new").rename(self._files["order"])
        return {"file": "order", "state": "there", "size": self._size}

    def lose(self) -> None:
        noise = self._files["order"].with_suffix(".noise")
        for _ in range(int(QUEUE.read_text()) // 2 + 1):  # each time it is created and removed, and nobody reads that
            os.close(os.open(noise, os.O_CREAT | os.O_WRONLY))
            noise.unlink()
        self._files["bill"].write_text("one")

    def unplug(self) -> None:
        self._files["order"].unlink()

    def plug(self) -> None:
        self.change()

    def truth(self) -> Levels:
        return {(name, ""): self._state(name) for name in self._files}

    def _state(self, name: str) -> Fields:
        with suppress(FileNotFoundError):
            return {"file": name, "state": "there", "size": self._files[name].stat().st_size}
        return {"file": name, "state": "gone"}


SCENE = FileScene
