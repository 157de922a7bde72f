"""What happened, as the interface's type `Entry` has it. Nothing here knows who is told."""

import json
from collections.abc import Mapping

import msgspec

from bridge.store.values import HistoryRow

_CALLED_OTHERWISE = {"why": "reason", "for": "held_for"}
"""What the interface calls some things that a line says."""


def entry_of(row: HistoryRow) -> Mapping[str, object]:
    """A line of the history as the interface has it.

    >>> entry_of(HistoryRow(seq=7, wall=1, what="quarantined", task="lamp", rest={"why": "it failed"}))
    {'seq': 7, 'at': 1, 'what': 'quarantined', 'task': 'lamp', 'reason': 'it failed'}
    """
    entry: dict[str, object] = {"seq": row.seq} if row.seq is not None else {}
    entry["at"] = row.wall
    entry["what"] = row.what
    if row.task:
        entry["task"] = row.task
    if row.instance:
        entry["instance_id"] = row.instance
    if row.trigger:
        entry["trigger"] = row.trigger
    if row.key:
        entry["key"] = row.key
    for name, value in row.rest.items():
        if value is not None:
            entry[_CALLED_OTHERWISE.get(name, name)] = value
    return entry


def encoded_entry(row: HistoryRow) -> bytes:
    r"""The same as JSON. Halves of surrogate pairs, which bytes in a device's name become, are escaped.

    >>> encoded_entry(HistoryRow(seq=None, wall=1, what="raised", key="\udcff"))
    b'{"at": 1, "what": "raised", "key": "\\udcff"}'
    """
    entry = entry_of(row)
    try:
        return msgspec.json.encode(entry)
    except UnicodeEncodeError:
        return json.dumps(entry).encode()
