r"""The lines that `hwbridge record` writes, such that `bridge.recording.jsonl` reads them. It puts nothing in order.

They can be looked at on a terminal, too: what cannot be printed is written as JSON's `\uNNNN`, which says the same.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence

from bridge.model.events import DeviceGone, Event
from bridge.monitors.monitor import Description
from bridge.recording.jsonl import line_of_event, line_of_header
from bridge.recording.lines import LONGEST_LINE

log = logging.getLogger("bridge")


def header_line(about: Mapping[str, object], devices: Sequence[Description]) -> str:
    """The header that says `about` and describes as many of the devices as one line may hold.

    >>> header_line({"kernel": "6.1.0"}, [{"device": "/dev/input/event3"}])
    '{"hwbridge-recording": 1, "kernel": "6.1.0", "devices": [{"device": "/dev/input/event3"}]}'
    """
    for described in range(len(devices), -1, -1):
        line = _printable(line_of_header({**about, "devices": devices[:described]}))
        if _fits(line):
            break
    if described < len(devices):
        log.warning("%d of %d devices are not described: the header would be too long", described, len(devices))
    return line


def event_lines(events: Iterable[Event | DeviceGone]) -> list[str]:
    """A line for each event.

    An event that is longer than a line may be is left out, with a word in the log: attributes that are no text make
    such.
    """
    lines = []
    for event in events:
        line = _printable(line_of_event(event))
        if _fits(line):
            lines.append(line)
        else:
            log.warning("an event of %s is not recorded: its line would be too long", event.source)
    return lines


def _printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def _fits(line: str) -> bool:
    return len(line) < LONGEST_LINE // 4 or len(line.encode()) < LONGEST_LINE
