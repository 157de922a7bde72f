"""Clocks and a timer that are made up: a machine whose clock is set, and that sleeps, when a test says so."""

import os
from dataclasses import replace
from pathlib import Path

from made_zones import HOUR, zone_file

from bridge.monitors.clock import Machine
from bridge.monitors.clock_readings import ClockReadings
from bridge.monitors.local_time import ZonePlaces
from bridge.monitors.timer_descriptor import Rang

SECOND = 1_000_000
SUMMER_BEGINS = 1_700_003_600
BEFORE_SUMMER = 1_700_000_000


class MadeTimer:
    """Says what it is told to say; `at` is what it was set to."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe()
        os.set_blocking(self._reads, False)
        self.at: int | None = None
        self.is_set_in_between = False

    def fileno(self) -> int:
        return self._reads

    def set(self, at: int | None) -> Rang:
        self.at = at
        was, self.is_set_in_between = self.is_set_in_between, False
        return Rang.CLOCK_SET if was else Rang.NOT_YET

    def read(self) -> Rang:
        try:
            os.read(self._reads, 1)
        except BlockingIOError:
            return Rang.NOT_YET
        return Rang.CLOCK_SET

    def ring(self) -> None:
        os.write(self._writes, b"!")

    def close(self) -> None:
        os.close(self._reads)
        os.close(self._writes)


class MadeClocks:
    """A machine that was started a day ago, in a zone whose summer time begins in an hour."""

    def __init__(self, folder: Path) -> None:
        self.shown = ClockReadings(wall=BEFORE_SUMMER * SECOND, boot=86_400 * SECOND, monotonic=86_000 * SECOND)
        self.timer = MadeTimer()
        places = ZonePlaces(localtime=folder / "localtime", timezone=folder / "timezone", zones=folder / "zoneinfo")
        places.localtime.write_bytes(zone_file("MAD-2", [(SUMMER_BEGINS, 2 * HOUR)], before=HOUR))
        places.timezone.write_text("Made/Summer")
        self.machine = Machine(clocks=lambda: self.shown, timer=lambda: self.timer, places=places)

    def go_on(self, *, awake: int = 0, asleep: int = 0, set_by: int = 0) -> None:
        """So many microseconds pass, and the clock is set; the kernel tells of it only by the timer."""
        now = self.shown
        self.shown = replace(
            now,
            wall=now.wall + awake + asleep + set_by,
            boot=now.boot + awake + asleep,
            monotonic=now.monotonic + awake,
        )
        if set_by or asleep:
            self.timer.ring()
