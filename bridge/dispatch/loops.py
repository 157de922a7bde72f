"""Whether a task raises its own trigger: told from when raises come, and by holding a run up for a while.

A raise that comes while the last run of its key is there, or just after, is an echo. A run whose raises are all echoes
may be due to the run before, or to a device that tells something all the time. So after many such runs the next one is
held for as long as one takes: a device goes on telling meanwhile, and a loop is silent. It decides nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.model.durations import MICROSECONDS

ECHO = 20 * MICROSECONDS["ms"]
"""How long after a run a raise counts as its echo."""
LONGEST_ECHO = 10 * MICROSECONDS["s"]
"""How long a filter or a watcher may keep what it has seen in a run, until that is not looked for any more."""
SUSPICIOUS_RUNS = 16
MOST_HOLDS = 8
SHORTEST_HOLD = 50 * MICROSECONDS["ms"]


@dataclass(slots=True)
class _Streak:
    """Runs of one key that are each an echo of the one before."""

    began: int
    ended: int
    runs: int = 0
    holds: int = 0

    @property
    def duration(self) -> int:
        return self.ended - self.began


class Loops:
    """The streaks of one task."""

    def __init__(self) -> None:
        self._streaks: dict[str, _Streak] = {}

    def ended_just_now(self, key: str, at: int) -> bool:
        """Whether a run of this key had ended when something was seen, or had just before."""
        streak = self._streaks.get(key)
        return streak is not None and at - streak.ended <= ECHO

    def came_in_last_run(self, key: str, at: int) -> bool:
        """Whether what came then did not come before the last run of this key began."""
        streak = self._streaks.get(key)
        return streak is not None and at >= streak.began

    def started(self, key: str, at: int, *, is_echo: bool) -> None:
        """A run began."""
        before = self._streaks.get(key)
        streak = _Streak(began=at, ended=at)
        if is_echo and before is not None:
            streak.runs, streak.holds = before.runs + 1, before.holds
        self._streaks[key] = streak

    def ended(self, key: str, began: int, at: int, goes_on: Callable[[str], bool]) -> None:
        """A run ended; the streaks of keys that ended long before it are forgotten, unless of them one `goes_on`."""
        streak = self._streaks.pop(key, None)  # to the end: they stand in the order of their ends
        if at == began:  # so it raised nothing: in a replay no run takes time
            return
        if streak is None or streak.began < began:
            streak = _Streak(began=began, ended=at)
        streak.ended = at
        self._streaks[key] = streak
        for other, old in list(self._streaks.items()):
            if at - old.ended <= LONGEST_ECHO and not goes_on(other):
                break
            if not old.holds and not goes_on(other):
                del self._streaks[other]

    def hold(self, key: str, depth: int, delay: int) -> int | None:
        """For how long, in microseconds, the next run of this key is to wait; None where it may start.

        So long that a device which goes on telling would be heard, of which raises come with this `delay`. Where it is
        known how many runs have raised for each other, that `depth` is what counts, and not how many came in a row.
        """
        streak = self._streaks.get(key)
        if streak is None or (depth or streak.runs) < SUSPICIOUS_RUNS:
            return None
        streak.holds += 1
        return int(max(SHORTEST_HOLD, streak.duration + delay) << (streak.holds - 1))

    def is_proved(self, key: str) -> bool:
        """Whether it was silent in every hold, so often that it is a loop."""
        streak = self._streaks.get(key)
        return streak is not None and streak.holds >= MOST_HOLDS

    def runs(self, key: str) -> int:
        """How many runs there were in a row."""
        streak = self._streaks.get(key)
        return streak.runs + 1 if streak is not None else 0

    def acquit(self, key: str) -> bool:
        """A raise came that is no echo; whether a run was held for its lack."""
        streak = self._streaks.pop(key, None)
        return streak is not None and streak.holds > 0
