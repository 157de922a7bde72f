"""The sources: for each, its fields, what an event is about, the way from raw data to an event. No device is opened.

Monitors and recordings share these; a new source is one file here and one in `bridge/monitors`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bridge.sources.evdev import EVDEV
from bridge.sources.source import Source
from bridge.sources.udev import UDEV

SOURCES: Mapping[str, Source] = MappingProxyType({source.name: source for source in (UDEV, EVDEV)})
NOT_YET = frozenset({"serial", "network", "device", "system"})
"""Sources of the contract that a later version brings; they are refused by name."""
