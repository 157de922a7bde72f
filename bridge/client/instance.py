"""What a Python handler holds of its run: the signal that it is canceled, deferrals, progress; and how one is called.

It knows neither the daemon nor who delivers what is signalled: a worker and a test do. It loads little: a worker starts
while somebody waits.
"""

from collections.abc import Callable, Mapping
from threading import Lock

from bridge.errors import HandlerError, InvalidValueError

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from typing import Any

    from bridge.model.cancellation import CancellationReason

MOST_PROGRESS = 2**32 - 1
"""`IBackgroundTaskInstance.Progress` is an unsigned number of 32 bits; what it counts is for the task to say."""


class CanceledSignal:
    """`instance.canceled`: asks the handler to end, and says why. It is sent once at most.

    A callback that is connected when it has been sent is called at once: nobody can come too late to hear it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._callbacks: list[Callable[[Any, CancellationReason], object]] = []
        self._sent: tuple[object, CancellationReason] | None = None

    def connect(self, callback: "Callable[[Any, CancellationReason], object]") -> None:
        """Calls `callback(instance, reason)` when the run is canceled. Raises `InvalidValueError`.

        >>> CanceledSignal().connect(None)
        Traceback (most recent call last):
        bridge.errors.InvalidValueError: connect wants a function (instance, reason), found None; is one call too many?
        """
        if not callable(callback):
            raise InvalidValueError(
                f"connect wants a function (instance, reason), found {callback!r}; is one call too many?"
            )
        with self._lock:
            sent = self._sent
            if sent is None:
                self._callbacks.append(callback)
        if sent is not None:
            callback(*sent)

    def send(self, instance: object, reason: "CancellationReason") -> None:
        """Calls what is connected, in the order in which it was; a second time nothing happens."""
        with self._lock:
            if self._sent is not None:
                return
            self._sent = (instance, reason)
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            callback(instance, reason)


class Deferral:
    """Keeps a run open until `complete` is called, from any thread; a second call does nothing."""

    def __init__(self, completed: "Callable[[Deferral], None]") -> None:
        self._completed = completed

    def complete(self) -> None:
        """The work that the deferral was taken for is done."""
        self._completed(self)


class Deferrals:
    """Those of one run, which is done when `run` has returned and each of them is completed: then `done` is called.

    >>> deferrals = Deferrals(done=lambda: print("done"))
    >>> deferral = deferrals.take()
    >>> deferrals.returned()
    >>> deferral.complete()
    done
    """

    def __init__(self, done: "Callable[[], object]") -> None:
        self._lock = Lock()
        self._done = done
        self._open: set[Deferral] = set()
        self._has_returned = False

    @property
    def open(self) -> int:
        """How many are not completed."""
        return len(self._open)

    def take(self) -> Deferral:
        """One more. Raises `HandlerError` when the run is done: nothing can keep it open any more."""
        with self._lock:
            if self._has_returned and not self._open:
                raise HandlerError("the run is over: take a deferral before run returns, or while another one is open")
            deferral = Deferral(self._complete)
            self._open.add(deferral)
        return deferral

    def returned(self) -> None:
        """The handler's `run` has returned."""
        with self._lock:
            self._has_returned = True
            is_done = not self._open
        if is_done:
            self._done()

    def _complete(self, deferral: Deferral) -> None:
        with self._lock:
            was_open = deferral in self._open
            self._open.discard(deferral)
            is_done = was_open and self._has_returned and not self._open
        if is_done:
            self._done()


class BackgroundTaskInstance:
    """A run, as its handler is given it: Windows' `IBackgroundTaskInstance`, with what came with the trigger.

    `trigger` is a GUID as shown, or the name of a system trigger; `details` are those of the newest raise, `merged` is
    how many raises the run answers, and `batch` has the details of each, oldest first, where the task asks for them.
    `redelivered`: a run before it, which the daemon did not live to see the end of, may have done some of it.
    `raised_at` is when the newest of its raises came, in microseconds since 1970.
    """

    def __init__(self, activation: "Mapping[str, Any]", report: Callable[[int], object], deferrals: Deferrals) -> None:
        self.instance_id: str = activation["instance_id"]
        self.task: str = activation["task"]
        self.trigger: str = activation["trigger"]
        self.key: str = activation["key"]
        self.details: dict[str, str] = activation["details"]
        self.batch: tuple[dict[str, str], ...] = tuple(activation["batch"])
        self.merged: int = activation["merged"]
        self.redelivered: bool = activation["redelivered"]
        self.raised_at: int = activation["raised_at"]
        self.canceled = CanceledSignal()
        self._deferrals = deferrals
        self._report = report
        self._progress = 0

    @property
    def progress(self) -> int:
        """What was last reported; to set it reports it, in a measure of the task's own, from 0 to 4294967295."""
        return self._progress

    @progress.setter
    def progress(self, progress: int) -> None:
        self._progress = checked_progress(progress)
        self._report(self._progress)

    @property
    def suspended_count(self) -> int:
        """0: hwbridge suspends no run. How often others froze it, the history has."""
        return 0

    def get_deferral(self) -> Deferral:
        """Keeps the run open until the deferral is completed. Raises `HandlerError` when it is over."""
        return self._deferrals.take()


def checked_progress(progress: object) -> int:
    """The same progress, known to be one. Raises `InvalidValueError`.

    >>> checked_progress("10 %")
    Traceback (most recent call last):
    bridge.errors.InvalidValueError: progress is '10 %', not an integer from 0 to 4294967295
    """
    if not isinstance(progress, int) or isinstance(progress, bool) or not 0 <= progress <= MOST_PROGRESS:
        raise InvalidValueError(f"progress is {progress!r}, not an integer from 0 to {MOST_PROGRESS}")
    return progress


def entry_of(handler: object) -> "Callable[[Any], object]":
    """What is called with the instance to run a handler: a class, an object with `run`, or a function.

    A class is called for an object first. What the call returns may have to be awaited. Raises `HandlerError`.

    >>> entry_of("tasks:Jack")
    Traceback (most recent call last):
    bridge.errors.HandlerError: 'tasks:Jack' is no handler: a class or an object with run(instance), or a function
    """
    made = handler() if isinstance(handler, type) else handler
    entry: object = getattr(made, "run", None) or made
    if callable(entry):
        return entry
    what = f"class {handler.__name__}" if isinstance(handler, type) else repr(handler)
    raise HandlerError(f"{what} is no handler: a class or an object with run(instance), or a function")
