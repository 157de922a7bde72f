"""The monitors that are installed, ours and those of plugins. None is loaded or opened here."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

GROUP = "bridge.monitors"
"""The group of entry points; each has the name of its source, and names what opens the monitor."""


def installed_monitors() -> Mapping[str, EntryPoint]:
    """For each source the entry point of its monitor: of several that have its name the first."""
    found: dict[str, EntryPoint] = {}
    for entry_point in entry_points(group=GROUP):
        found.setdefault(entry_point.name, entry_point)
    return found
