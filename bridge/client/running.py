"""One run of a Python handler, from its activation to what is said of its end. It knows no connection and no daemon.

A sync `run` is called in the thread that asks for it, an `async` one on a loop of its own; that a run is canceled is
told on another thread, or on that loop. Nothing that a handler does wrong is raised: it becomes the run's outcome.
"""

import importlib
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from threading import Event, Thread

from bridge.client.instance import BackgroundTaskInstance, Deferrals, entry_of
from bridge.errors import HandlerError
from bridge.model.cancellation import CancellationReason

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    import asyncio
    from types import TracebackType
    from typing import Any


class Outcome:
    """How a run ended: the parameters of `Complete`. `again`: it asks to be run again; `detail`: why it failed."""

    # No dataclass: to load what makes one takes a worker longer than to load all of this.
    def __init__(self, *, succeeded: bool, again: bool = False, detail: str | None = None) -> None:
        self.succeeded = succeeded
        self.again = again
        self.detail = detail


class HandlerRun:
    """A run that is not over. `report` is told of its progress."""

    def __init__(self, activation: "Mapping[str, Any]", report: Callable[[int], object]) -> None:
        self._deferrals = Deferrals(done=lambda: self._done())
        self.instance = BackgroundTaskInstance(activation, report, self._deferrals)
        self._is_done = Event()
        self._done: Callable[[], object] = self._is_done.set
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, load: Callable[[], object]) -> Outcome:
        """Runs the handler that `load` gives, and returns when it has returned and every deferral is completed."""
        try:
            handler = load()
            entry = entry_of(handler)
        except HandlerError as error:
            return Outcome(succeeded=False, detail=str(error))
        except BaseException as error:
            return _outcome_of(error)
        try:
            returned = entry(self.instance)
            if isinstance(returned, Awaitable):
                self._await(returned)
            else:
                self._deferrals.returned()
                self._is_done.wait()
        except BaseException as error:
            return _outcome_of(error)
        return Outcome(succeeded=True)

    def cancel(self, reason: str) -> None:
        """Asks the handler to end, and returns at once; `reason` is a name of `CancellationReason`."""
        loop = self._loop
        if loop is None:
            Thread(target=self._send_canceled, args=(reason,), name="canceled", daemon=True).start()
            return
        with suppress(RuntimeError):  # the loop is closed, so the run is over
            loop.call_soon_threadsafe(self._send_canceled, reason)

    def _send_canceled(self, reason: str) -> None:
        try:
            self.instance.canceled.send(self.instance, CancellationReason[reason])
        except BaseException as error:
            print_traceback(error)

    def _await(self, returned: "Awaitable[object]") -> None:
        import asyncio  # late: a handler that is not async does without

        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            error = runner.run(self._awaited(returned))
        if error is not None:
            raise error

    def _awaited(self, returned: "Awaitable[object]") -> "Coroutine[Any, Any, BaseException | None]":
        import asyncio

        async def awaited() -> BaseException | None:
            loop, is_done = asyncio.get_running_loop(), asyncio.Event()
            self._done = lambda: loop.call_soon_threadsafe(is_done.set)
            try:
                await returned
            except BaseException as error:
                return error
            self._deferrals.returned()
            await is_done.wait()
            return None

        return awaited()


def print_traceback(error: BaseException) -> None:
    """Prints the traceback where the handler's own words go, from the handler's first line on."""
    import traceback

    with suppress(Exception):  # a handler may have closed or replaced standard error
        traceback.print_exception(type(error), error, _without_us(error.__traceback__))


def _without_us(trace: "TracebackType | None") -> "TracebackType | None":
    here = os.path.dirname(__file__)
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename, here):
        trace = trace.tb_next
    return trace


def _is_ours(file: str, here: str) -> bool:
    """Whether it is what calls and imports the handler."""
    return os.path.dirname(file) == here or file.startswith("<frozen importlib") or file == importlib.__file__


def _outcome_of(error: BaseException) -> Outcome:
    """The outcome of a run that was left by an exception; `sys.exit` means what it does in a program."""
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        status = error.code or 0
        return Outcome(succeeded=status == 0, again=status == os.EX_TEMPFAIL, detail=f"exit {status}")
    print_traceback(error)
    with suppress(Exception):  # its own __str__ may be wrong, too
        text = str(error)
        return Outcome(succeeded=False, detail=f"{type(error).__name__}: {text}" if text else type(error).__name__)
    return Outcome(succeeded=False, detail=type(error).__name__)


def flush_output() -> None:
    """What the handler has printed is out before its run is said to be over."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a handler may have closed or replaced it
            stream.flush()
