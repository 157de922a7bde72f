"""A run that no daemon started, to test a handler with: it has all that a handler finds, and tells what was done to it.

Nothing is started but the handler, in the thread of the test, and nothing ends it: no limit, no grace.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import isawaitable

from bridge.client.instance import CanceledSignal, Deferral, Deferrals, checked_progress, entry_of
from bridge.errors import InvalidValueError
from bridge.model.details import checked_key
from bridge.model.guid import Guid
from bridge.model.system_triggers import SYSTEM_TRIGGERS
from bridge.model.tasks import CancellationReason
from bridge.testing.details import given_details
from bridge.testing.short import short

ANY_TRIGGER = "{FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF}"
"""The trigger of a fake that is not given one."""


class FakeInstance:
    """An `instance` as handlers get it, in a test.

    >>> def handler(instance):
    ...     instance.progress = len(instance.details["name"])
    >>> instance = FakeInstance(details={"name": "HDA Jack"})
    >>> instance.run(handler)
    >>> instance.progress, instance.open_deferrals
    (8, 0)

    Raises `InvalidValueError` (or one of those that it is the root of) for what no run has.
    """

    @short
    def __init__(
        self,
        details: Mapping[str, str] | None = None,
        trigger: str = ANY_TRIGGER,
        key: str = "",
        merged: int = 1,
        redelivered: bool = False,
        *,
        batch: Iterable[Mapping[str, str]] = (),
        task: str = "a task",
    ) -> None:
        self.instance_id = "1"
        self.task = task
        self.raised_at = 0
        self.trigger = trigger if trigger in SYSTEM_TRIGGERS else str(Guid.parse(trigger))
        self.key = checked_key(key)
        self.details = given_details(details or {})
        self.batch = tuple(given_details(each) for each in batch)
        self.merged = _merged(merged, self.batch)
        self.redelivered = redelivered
        self.canceled = CanceledSignal()
        self._deferrals = Deferrals(done=lambda: None)
        self._progress = 0
        self._is_started = False

    @property
    def progress(self) -> int:
        """What the handler last reported."""
        return self._progress

    @progress.setter
    def progress(self, progress: int) -> None:
        self._progress = checked_progress(progress)

    @property
    def open_deferrals(self) -> int:
        """How many deferrals are not completed; a run that has returned is done when there are none."""
        return self._deferrals.open

    @property
    def suspended_count(self) -> int:
        """0: hwbridge suspends no run."""
        return 0

    def get_deferral(self) -> Deferral:
        """Keeps the run open until the deferral is completed."""
        return self._deferrals.take()

    def run(self, handler: object) -> None:
        """Calls a handler, and returns when its `run` has; an error of it is the test's.

        A handler is a class, an object with `run(instance)`, or a function; each may be `async def`: then it is
        awaited, and what it leaves on the loop is cancelled, as `asyncio.run` does. Raises `HandlerError` for anything
        else.
        """
        __tracebackhide__ = True  # what comes from the handler is shown, and nothing in here
        entry = self._entry(handler)
        self._is_started = True
        returned = entry(self)
        if isawaitable(returned):
            asyncio.run(_awaited(returned))
        self._deferrals.returned()

    def cancel(self, reason: CancellationReason | str | int = CancellationReason.Abort) -> None:
        """Asks the run to end: calls what is connected to `canceled`, or will be; a second time nothing happens.

        Before `run`, it comes as soon as the handler connects. The name of a reason does, too, and its number.
        """
        __tracebackhide__ = True
        self.canceled.send(self, _reason(reason))

    @short
    def _entry(self, handler: object) -> Callable[[object], object]:
        if self._is_started:
            raise InvalidValueError("this instance was run already: make a FakeInstance for each run")
        return entry_of(handler)


async def _awaited(returned: Awaitable[object]) -> None:
    await returned


def _merged(merged: object, batch: tuple[Mapping[str, str], ...]) -> int:
    if not isinstance(merged, int) or isinstance(merged, bool) or merged < 1:
        raise InvalidValueError(f"merged is {merged!r}, not how many raises the run answers")
    return max(merged, len(batch))


@short
def _reason(reason: object) -> CancellationReason:
    if isinstance(reason, CancellationReason):
        return reason
    if isinstance(reason, str) and reason in CancellationReason.__members__:
        return CancellationReason[reason]
    if isinstance(reason, int) and reason in list(CancellationReason):
        return CancellationReason(reason)
    raise InvalidValueError(f"{reason!r} is no reason to cancel; there are {', '.join(CancellationReason.__members__)}")
