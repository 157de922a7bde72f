"""The scene of `system.clock`: a zone below a directory, as /etc/localtime and /etc/timezone are below /etc."""

import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from made_zones import MADE_ZONES, make_zones

from bridge.model.events import DeviceGone, Event, Fields
from bridge.monitors.clock import ClockMonitor, Machine
from bridge.monitors.local_time import ZonePlaces
from bridge.monitors.monitor import Clock, Monitor
from scenes.scene import Levels, Scene

RULES = """
[[rule]]
name = "another zone"
source = "system"
match = { name = "TimeZoneChange" }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
"""
SUBJECT = ("", "TimeZoneChange")


class ClockScene(Scene):
    monitor = "system.clock"

    def begin(self) -> None:
        self._places = ZonePlaces(
            localtime=self.folder / "etc" / "localtime",
            timezone=self.folder / "etc" / "timezone",
            zones=make_zones(self.folder / "zoneinfo"),
        )
        self._places.localtime.parent.mkdir()
        self._names = [*MADE_ZONES]
        self._turns = count()
        self._turn()

    def open(self, clock: Clock) -> Monitor:
        return ClockMonitor(clock=clock, machine=Machine(places=self._places))

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        return {"zone": self._turn()}

    def lose(self) -> None:
        longest = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        for number in range(longest // 2 + 1):  # two names in turn: the kernel joins an event that repeats the last one
            path = self._places.localtime.with_name(f"noise{number % 2}")
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
            os.unlink(path)
        self._turn()

    def unplug(self) -> None:
        self._places.localtime.unlink()

    def plug(self) -> None:
        self._turn()

    def truth(self) -> Levels:
        if not self._places.localtime.is_symlink():
            return {SUBJECT: {"zone": "UTC", "offset": 0}}
        name = os.path.relpath(os.readlink(self._places.localtime), self._places.zones)
        return {SUBJECT: {"zone": name, "offset": MADE_ZONES[name]}}

    def seen(self, told: Iterable[Event | DeviceGone]) -> Levels:
        """All is moments: the zone is what the last of them said."""
        zones = [event.fields for event in told if isinstance(event, Event)]
        return {SUBJECT: zones[-1]} if zones else {}

    def _turn(self) -> str:
        """Links to the next zone, as timedatectl does: what was there is renamed over."""
        name = self._names[next(self._turns) % len(self._names)]
        new = self._places.localtime.with_name("new")
        new.symlink_to(self._places.zones / name)
        new.rename(self._places.localtime)
        return name


SCENE = ClockScene
