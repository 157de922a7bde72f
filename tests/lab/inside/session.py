"""Scenarios of presence: somebody at a keyboard, in a guest without D-Bus. None says what is right."""

from pathlib import Path

from tests.lab.inside.daemon import Daemon
from tests.lab.inside.keyboard import Keyboard
from tests.lab.inside.workplace import Workplace

Seen = dict[str, object]
TAPS = 100
SETTINGS = '[session]\naway_after = "10s"\n'


def somebody_types(place: Workplace) -> Seen:
    """A keyboard is there when the daemon starts; somebody types, and goes."""
    place.add_system_task("here", "UserPresent")
    place.add_system_task("gone", "UserAway")
    place.settings.write_text(SETTINGS)
    with Keyboard("hwbridge lab keys") as keyboard, Daemon(place) as daemon:
        before = daemon.status()["raised"]
        awake = _wakes(daemon.pid)
        keyboard.tap(*"S" * TAPS)  # at once: who is slow would be away in between
        daemon.status()
        woken = _wakes(daemon.pid) - awake
        return {
            "raised before": before,
            "runs": [run["trigger"] for run in daemon.wait_for_runs(2)],
            "raised": daemon.status()["raised"],
            "woken": woken,
            "monitor": daemon.monitor("system.session"),
        }


def _wakes(process: int) -> int:
    """How often it went to sleep, and so how often it was woken."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


SESSION_SCENARIOS = {scenario.__name__: scenario for scenario in (somebody_types,)}
