"""An event on one line, for people: what happened, and to what. Whoever needs every field asks for JSON."""

from collections.abc import Mapping, Sequence

from bridge.model.durations import format_at
from bridge.model.events import DeviceGone, Event, Origin
from bridge.model.templates import Template
from bridge.model.text import printable

_LONGEST = 200
"""Characters: a line from a serial port can have thousands."""


def _templates(*texts: str) -> tuple[Template, ...]:
    return tuple(Template.parse(text) for text in texts)


_SHOWN: Mapping[str, Sequence[Template]] = {
    "udev": _templates("{action} {subsystem} {devpath}", "{action} {devpath}", "{action}"),
    "evdev": _templates("{code}={value} {device}", "{code}={value}"),
    "serial": _templates("{state} {port}", "{signal}={value} {port}", "line={line} {port}", "frame={frame} {port}"),
    "network": _templates("{kind}={value} {interface}", "{kind}={value}"),
    "device": _templates("{state} {id}"),
    "system": _templates("{name}={value}", "{name}"),
}
"""For each source, the ways to show an event of it: the first for which the event has every field is taken."""


def line_of(event: Event | DeviceGone) -> str:
    """The event, on one line.

    >>> line_of(Event("evdev", 104_000, {"device": "/dev/input/event5", "code": "SW_HEADPHONE_INSERT", "value": 1}))
    '0.104000 evdev SW_HEADPHONE_INSERT=1 /dev/input/event5'
    >>> line_of(Event("file", 104_000, {"file": "order", "state": "gone"}))
    '0.104000 file file=order state=gone'
    """
    if isinstance(event, DeviceGone):
        shown = f"gone {event.owner}"
    else:
        ways = _SHOWN.get(event.source, ())
        way = next((way for way in ways if event.fields.keys() >= set(way.names)), None)
        every = " ".join(f"{name}={value}" for name, value in event.fields.items())  # of a plugin
        shown = way.expand(event.fields) if way is not None else every
        shown += f" ({event.origin})" if event.origin is not Origin.LIVE else ""
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
    return f"{format_at(event.at)} {event.source} {printable(shown)}"
