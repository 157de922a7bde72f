"""What the author of a monitor imports: every name that one needs stands here, and stays. Nothing is defined here.

`docs/how-to/write-a-monitor.md` builds a monitor with them. One that watches files may also want `WatchedPaths` of
`bridge.monitors.watched_paths`, one that asks D-Bus `Bus` of `bridge.monitors.bus`.
"""

from bridge.errors import DeviceError, InvalidValueError
from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event, Field, Fields, Origin
from bridge.monitors.monitor import Clock, LiveSource, MonitorReport, Settings
from bridge.sources.recorded import number_of, text_of, word_of
from bridge.sources.source import Source, Subject
from bridge.toml.schema import Table
from bridge.toml.values import choice, integer, text, text_as

__all__ = [
    "Clock",
    "DeviceError",
    "DeviceGone",
    "Event",
    "Field",
    "Fields",
    "Interest",
    "InvalidValueError",
    "LiveSource",
    "MonitorReport",
    "Origin",
    "Settings",
    "Source",
    "Subject",
    "Table",
    "choice",
    "integer",
    "number_of",
    "text",
    "text_as",
    "text_of",
    "word_of",
]
