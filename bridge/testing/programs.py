"""The host of a replay that really runs its tasks' programs. It decides nothing but what time decides.

The replay's clock stands still while a run is not over, so what the dispatcher does on it is done here on the real one:
a run that takes longer than its `run_limit` is canceled, and one that is canceled and does not end is killed.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Self

from bridge.hosts.handlers import HandlerHost
from bridge.hosts.host import Ended
from bridge.model.durations import MICROSECONDS
from bridge.model.tasks import CancellationReason, Instance
from bridge.testing.replay import Overdue

NO_DAEMON = os.devnull
"""Where handlers are told that the API is: nobody answers there. No daemon knows of a replay's runs, which are called
1, 2, 3; what a handler raises is not to start anything in a daemon that happens to be there."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)


_SIGNALS: Mapping[signal.Signals, Any] = {
    # A shell that starts us with `&` has us ignore these two; handlers would inherit that.
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGTERM: _interrupt,
    signal.SIGHUP: _interrupt,
}


class Programs:
    """Runs programs; `ended` is told of them in the order in which they were started, by nothing but `wait_for_first`.

    `wall_time` gives the microseconds since 1970 of a time of the replay. To be closed by `with`, from which no process
    is left. While it is open TERM and HUP are what Ctrl-C is: KeyboardInterrupt.
    """

    def __init__(self, ended: Callable[[Ended | Overdue], None], wall_time: Callable[[int], int]) -> None:
        self._tell = ended
        self._asked: deque[Callable[[], None]] = deque()
        self._left: dict[str, Instance] = {}
        self._over: dict[str, Ended] = {}
        self._overdue: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._signals: dict[signal.Signals, Any] = {}
        self._runner = asyncio.Runner()
        self._one_is_over = asyncio.Event()
        loop = self._runner.get_loop()
        self._commands = HandlerHost(loop, NO_DAEMON, wall_time, self._ended)
        loop.add_signal_handler(signal.SIGCHLD, self._commands.reap_orphans)

    def __enter__(self) -> Self:
        """Itself."""
        for number, action in _SIGNALS.items():
            self._signals[number] = signal.signal(number, action)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kills what still runs, and waits until it is gone."""
        for number in _SIGNALS:  # killing takes five seconds at most
            signal.signal(number, signal.SIG_IGN)
        with self._runner:
            self._runner.run(self.close())
        for number, before in self._signals.items():
            signal.signal(number, before)

    def start(self, instance: Instance) -> None:
        """The program is started when it is waited for, together with all that were asked for until then."""
        self._left[instance.instance_id] = instance
        self._asked.append(partial(self._start, instance))

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        """Sends TERM to a run that is not over, and KILL after its `cancel_grace`."""
        self._asked.append(partial(self._cancel, instance_id, reason))

    def kill(self, instance_id: str) -> None:
        """Nothing: whoever was canceled is killed when its grace is over on the real clock."""

    def wait_for_first(self) -> None:
        """Waits until of the runs that were started and not told of the first is over, and tells of it.

        If there is none it returns at once. Raises KeyboardInterrupt.
        """
        # All that has to do with processes is done in here, where Ctrl-C cannot come in between.
        self._runner.run(self._work())
        if not self._left:
            return
        first = next(iter(self._left))
        del self._left[first]
        if first in self._overdue:
            self._overdue.remove(first)
            self._tell(Overdue(first))
        self._tell(self._over.pop(first))

    async def _work(self) -> None:
        """Does what was asked for, then waits for the first run."""
        while self._asked:
            self._asked.popleft()()
        first = next(iter(self._left), None)
        while first is not None and first not in self._over:
            self._one_is_over.clear()
            await self._one_is_over.wait()
        await asyncio.sleep(0)  # here Ctrl-C is heard that came when nothing had to be waited for

    async def close(self) -> None:
        """Kills every run and waits until it is gone; what was asked for and not begun is left undone."""
        for timer in self._timers.values():
            timer.cancel()
        await self._commands.close()

    def _start(self, instance: Instance) -> None:
        self._commands.start(instance)
        if instance.task.run_limit is not None:
            self._set_timer(instance, instance.task.run_limit, self._exceed)

    def _exceed(self, instance: Instance) -> None:
        self._overdue.add(instance.instance_id)
        self._cancel(instance.instance_id, CancellationReason.ExecutionTimeExceeded)

    def _cancel(self, instance_id: str, reason: CancellationReason) -> None:
        instance = self._left.get(instance_id)
        if instance is not None and instance_id not in self._over:
            self._commands.cancel(instance_id, reason)
            self._set_timer(instance, instance.task.cancel_grace, self._kill)

    def _kill(self, instance: Instance) -> None:
        self._commands.kill(instance.instance_id)

    def _set_timer(self, instance: Instance, span: int, what: Callable[[Instance], None]) -> None:
        self._drop_timer(instance.instance_id)
        seconds = span / MICROSECONDS["s"]
        self._timers[instance.instance_id] = self._runner.get_loop().call_later(seconds, what, instance)

    def _drop_timer(self, instance_id: str) -> None:
        timer = self._timers.pop(instance_id, None)
        if timer is not None:
            timer.cancel()

    def _ended(self, ended: Ended) -> None:
        self._drop_timer(ended.instance_id)
        self._over[ended.instance_id] = ended
        self._one_is_over.set()
