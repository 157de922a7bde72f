"""The monitors that are installed, ours and those of plugins. None is loaded or opened here."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

GROUP = "bridge.monitors"
"""The group of entry points; each has the name of its source, and names what opens the monitor."""


@cache
def installed_monitors() -> Mapping[str, EntryPoint]:
    """For each source the entry point of its monitor: of several that have its name the first.

    To look for them takes 10 ms and more, so a plugin that is installed meanwhile is seen by the next daemon.
    """
    found: dict[str, EntryPoint] = {}
    for entry_point in entry_points(group=GROUP):
        found.setdefault(entry_point.name, entry_point)
    return found
