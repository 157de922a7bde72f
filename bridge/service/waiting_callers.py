"""Callers who wait for a trigger to be raised: each is told of the next one. It knows no rights."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bridge.model.events import DeviceGone, Event
from bridge.service.answers import failure
from bridge.service.entries import entry_of
from bridge.service.telling import Telling
from bridge.store.values import HistoryRow


class _Waiting(msgspec.Struct, frozen=True, eq=False):
    key: str | None
    reader: int | None
    answer: asyncio.Future[Mapping[str, Any]]


class WaitingCallers:
    """Those who wait, by what they wait for. While there are none, nothing is asked for."""

    wants_events = False

    def __init__(self, loop: asyncio.AbstractEventLoop, telling: Telling) -> None:
        self._loop = loop
        self._telling = telling
        self._waiting: dict[str, set[_Waiting]] = {}

    def wait(
        self, trigger: str, key: str | None, reader: int | None, timeout_seconds: float | None
    ) -> asyncio.Future[Mapping[str, Any]]:
        """What `Wait` answers when this trigger is raised next, with this key if one is given.

        `reader` (a uid) has to have a task that hears it, None hears all. Fails with TimedOut; who cancels it waits no
        more.
        """
        waiting = _Waiting(key, reader, self._loop.create_future())
        if not self._waiting:
            self._telling.listen(self)
        self._waiting.setdefault(trigger, set()).add(waiting)
        timer = self._loop.call_later(timeout_seconds, _time_out, waiting) if timeout_seconds is not None else None
        waiting.answer.add_done_callback(lambda _: self._forget(trigger, waiting, timer))
        return waiting.answer

    def _forget(self, trigger: str, waiting: _Waiting, timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
        those = self._waiting[trigger]
        those.discard(waiting)
        if not those:
            del self._waiting[trigger]
        if not self._waiting:
            self._telling.listen_no_more(self)

    def lines(self, rows: Sequence[HistoryRow]) -> None:
        """What has happened."""
        for row in rows:
            if row.what == "raised":
                for waiting in self._waiting.get(row.trigger, ()):
                    if _is_meant(waiting, row):
                        waiting.answer.set_result({"raised": entry_of(row)})

    def events(self, events: Sequence[Event | DeviceGone]) -> None:
        """Not asked for."""


def _is_meant(waiting: _Waiting, row: HistoryRow) -> bool:
    is_key = waiting.key is None or waiting.key == row.key
    return is_key and not waiting.answer.done() and (waiting.reader is None or waiting.reader in row.readers)


def _time_out(waiting: _Waiting) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(failure("TimedOut"))
