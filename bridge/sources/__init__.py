"""The sources: for each, its fields, what an event is about, the way from raw data to an event. No device is opened.

Monitors and recordings share these; a new source is one file here and one in `bridge/monitors`. Which sources have a
monitor is not known here: the entry points in the group `bridge.monitors` say it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bridge.sources.device import DEVICE
from bridge.sources.evdev import EVDEV
from bridge.sources.network import NETWORK
from bridge.sources.serial import SERIAL
from bridge.sources.source import Source
from bridge.sources.system import SYSTEM
from bridge.sources.udev import UDEV

SOURCES: Mapping[str, Source] = MappingProxyType(
    {source.name: source for source in (UDEV, EVDEV, SERIAL, NETWORK, DEVICE, SYSTEM)}
)
NOT_YET: frozenset[str] = frozenset()
"""None any more. It goes when nobody asks for it."""
