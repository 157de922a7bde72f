"""The method that tells what happens, from a line of the history on. Who is told what, `Watching` knows."""

import asyncio
from collections.abc import Mapping

from bridge.dispatch.registry import Registry
from bridge.service.access import reader_of, require_member, require_root
from bridge.service.api_history import asked_lines
from bridge.service.backlog import View, fact_of_row, gap
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.named_triggers import trigger_of
from bridge.service.streams import Outlet, Stream, StreamedMethod
from bridge.service.varlink_server import Parameters
from bridge.service.watching import Watcher, Watching
from bridge.store.store import Store
from bridge.store.values import HistoryPage, Question

LINES_AT_ONCE = 100
"""Of the history; the reader has to have read them before more are asked for."""


class WatchMethods:
    """`Watch`."""

    def __init__(self, bridge: Bridge, store: Store) -> None:
        self._bridge = bridge
        self._store = store
        self._watching = Watching(asyncio.get_running_loop(), bridge.telling)

    def streamed(self) -> Mapping[str, StreamedMethod]:
        """The method by its name."""
        return {"Watch": self.watch}

    def tell_rest(self) -> None:
        """Tells now what would be told in some moments."""
        self._watching.tell()

    def watch(self, caller: Caller, parameters: Parameters) -> Stream:
        """`Watch`: what happens."""
        require_member(caller, "Watch")
        if parameters.get("events"):
            require_root(caller, "Watch")
        since, task = asked_lines(caller, parameters, self._tasks)
        trigger = parameters.get("trigger")
        view = View(
            reader=reader_of(caller),
            task=task,
            trigger=str(trigger_of(self._bridge.pipeline.rules, trigger)) if trigger is not None else None,
            events=bool(parameters.get("events")),
        )
        return _Live(self._watching, view) if since is None else _Resumed(self._watching, view, self._store, since)

    @property
    def _tasks(self) -> Registry:
        return self._bridge.pipeline.dispatcher.tasks


class _Live:
    """One who is told what happens from now on."""

    def __init__(self, watching: Watching, view: View) -> None:
        self._watching = watching
        self._view = view

    def begin(self, outlet: Outlet) -> None:
        self._watcher = self._watching.join(self._view, outlet, is_live=True)

    def unblocked(self) -> None:
        self._watching.go_on(self._watcher)

    def closed(self) -> None:
        self._watching.leave(self._watcher)


class _Resumed:
    """One who is told first what the history has after a line."""

    _watcher: Watcher
    _outlet: Outlet

    def __init__(self, watching: Watching, view: View, store: Store, since: int) -> None:
        self._watching = watching
        self._view = view
        self._store = store
        self._since = since
        self._loop = asyncio.get_running_loop()
        self._is_asking = False
        self._is_closed = False

    def begin(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._watcher = self._watching.join(self._view, outlet, is_live=False)
        self._ask()

    def unblocked(self) -> None:
        if self._watcher.is_live:
            self._watching.go_on(self._watcher)
        elif not self._is_asking:
            self._ask()

    def closed(self) -> None:
        self._is_closed = True
        self._watching.leave(self._watcher)

    def _ask(self) -> None:
        view = self._view
        self._is_asking = True
        self._store.history(
            Question(limit=LINES_AT_ONCE, task=view.task, trigger=view.trigger, since=self._since, reader=view.reader),
            self._answered_by_store,
        )

    def _answered_by_store(self, page: HistoryPage) -> None:  # on its thread
        self._loop.call_soon_threadsafe(self._answered, page)

    def _answered(self, page: HistoryPage) -> None:
        self._is_asking = False
        if self._is_closed:
            return
        if page.newest < self._since:  # the store was lost, and counts anew
            self._outlet.write(gap(None))
            self._since = 0
            self._ask()
            return
        if page.newest and page.oldest > self._since + 1:
            self._outlet.write(gap(page.oldest - self._since - 1 if self._view.is_whole else None))
        if page.rows:
            self._outlet.write(b"".join(fact_of_row(row, ()).encoded for row in page.rows))
            self._since = page.rows[-1].seq or self._since
        if not page.more:
            self._watching.catch_up(self._watcher)
        elif not self._outlet.is_blocked:
            self._ask()
