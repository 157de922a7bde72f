"""A fake instance is what a handler is given: the signal, deferrals, progress, and handlers of every kind."""

import asyncio
from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from bridge.client.instance import BackgroundTaskInstance, CanceledSignal, Deferral, Deferrals
from bridge.errors import BridgeError, HandlerError
from bridge.model.tasks import CancellationReason
from bridge.testing import FakeInstance

GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
THREADS = 8


def test_it_has_what_a_run_of_the_daemon_has() -> None:
    names = ["instance_id", "task", "trigger", "key", "details", "merged", "redelivered", "raised_at", "batch"]
    real = BackgroundTaskInstance(dict.fromkeys(names, ()), lambda progress: None, Deferrals(done=lambda: None))

    def public(instance: object) -> set[str]:
        return {name for name in dir(instance) if not name.startswith("_")}

    assert public(FakeInstance()) >= public(real)


class Sync:
    def run(self, instance: FakeInstance) -> None:
        instance.progress = 7


class Async:
    async def run(self, instance: FakeInstance) -> None:
        await asyncio.sleep(0)
        instance.progress = 7


class Callable7:
    def __call__(self, instance: FakeInstance) -> None:
        instance.progress = 7


def function(instance: FakeInstance) -> None:
    instance.progress = 7


async def coroutine(instance: FakeInstance) -> None:
    await asyncio.sleep(0)
    instance.progress = 7


@pytest.mark.parametrize(
    "handler", [Sync, Sync(), Sync().run, Async, Async(), Callable7, Callable7(), function, coroutine], ids=repr
)
def test_every_kind_of_handler_is_run_to_its_end(handler: object) -> None:
    instance = FakeInstance()
    instance.run(handler)

    assert (instance.progress, instance.open_deferrals) == (7, 0)


def test_an_instance_has_what_it_was_given() -> None:
    instance = FakeInstance({"a": "b"}, trigger=GUID.lower(), key="k", merged=3, redelivered=True)

    assert (instance.details, instance.trigger, instance.key) == ({"a": "b"}, GUID, "k")
    assert (instance.merged, instance.redelivered, instance.batch, instance.instance_id) == (3, True, (), "1")
    assert FakeInstance(trigger="TimeZoneChange").trigger == "TimeZoneChange"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FakeInstance(trigger="TimeZoneChanged"), "'TimeZoneChanged' is not a GUID"),
        (lambda: FakeInstance(details={"a": 1}), "detail 'a': details are text, as a handler gets them; 1 is none"),
        (lambda: FakeInstance(details={"a-b": "1"}), "detail 'a-b': a name is a letter"),
        (lambda: FakeInstance(batch=[{"": "1"}]), "detail '': a name is a letter"),
        (lambda: FakeInstance(merged=0), "merged is 0, not how many raises the run answers"),
        (lambda: FakeInstance(key="k" * 5000), "detail 'key': a key has at most 4096 characters"),
        (lambda: FakeInstance().cancel(None), "None is no reason to cancel; there are Abort"),
        (lambda: FakeInstance().run(None), "None is no handler: a class or an object with run(instance)"),
        (lambda: FakeInstance().run(str), "class str is no handler"),
        (lambda: setattr(FakeInstance(), "progress", -1), "progress is -1, not an integer from 0 to 4294967295"),
        (lambda: setattr(FakeInstance(), "progress", True), "progress is True, not an integer"),
        (lambda: FakeInstance().canceled.connect("x"), "connect wants a function (instance, reason), found 'x'"),
    ],
)
def test_what_no_run_has_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(BridgeError) as caught:
        make()

    assert str(caught.value).startswith(message)


def test_a_run_is_one_run() -> None:
    instance = FakeInstance()
    instance.run(function)
    with pytest.raises(BridgeError, match="make a FakeInstance for each run"):
        instance.run(function)


def test_what_an_async_handler_leaves_on_the_loop_is_cancelled() -> None:
    left: list[str] = []

    async def work(deferral: Deferral) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.append("cancelled")

    async def handler(instance: FakeInstance) -> None:
        left_behind = asyncio.create_task(work(instance.get_deferral()))
        await asyncio.sleep(0)
        assert not left_behind.done()

    instance = FakeInstance()
    instance.run(handler)

    assert (left, instance.open_deferrals) == (["cancelled"], 1)


def test_a_cancellation_reaches_everyone_once() -> None:
    heard: list[tuple[str, FakeInstance, CancellationReason]] = []
    instance = FakeInstance()
    instance.canceled.connect(lambda *said: heard.append(("first", *said)))
    instance.canceled.connect(lambda *said: heard.append(("second", *said)))
    instance.cancel("IdleTask")
    instance.cancel(CancellationReason.Abort)
    instance.canceled.connect(lambda *said: heard.append(("late", *said)))

    assert heard == [(who, instance, CancellationReason.IdleTask) for who in ("first", "second", "late")]


def test_a_signal_that_is_sent_while_others_connect_reaches_each_of_them_once() -> None:
    signal, barrier, heard = CanceledSignal(), Barrier(THREADS), [0] * THREADS

    def connect(number: int) -> None:
        def callback(*_: object) -> None:
            heard[number] += 1

        barrier.wait()
        signal.connect(callback)
        signal.send(None, CancellationReason.Abort)

    in_threads(connect)

    assert heard == [1] * THREADS


def test_a_run_is_done_once_whoever_completes_its_deferrals() -> None:
    done: list[str] = []
    deferrals = Deferrals(lambda: done.append("done"))
    taken = [deferrals.take() for _ in range(THREADS)]
    barrier = Barrier(THREADS)

    def complete(number: int) -> None:
        barrier.wait()
        for deferral in taken[: number + 1]:
            deferral.complete()

    deferrals.returned()
    assert (done, deferrals.open) == ([], THREADS)
    in_threads(complete)
    assert (done, deferrals.open) == (["done"], 0)


def test_a_run_that_is_over_gives_no_deferral() -> None:
    instance = FakeInstance()
    instance.run(function)
    with pytest.raises(HandlerError, match="take a deferral before run returns"):
        instance.get_deferral()


def test_a_deferral_may_be_taken_while_another_is_open() -> None:
    instance = FakeInstance()
    first = instance.get_deferral()
    instance.run(function)
    second = instance.get_deferral()
    first.complete()
    first.complete()
    assert instance.open_deferrals == 1
    second.complete()
    assert instance.open_deferrals == 0


def in_threads(function: Callable[[int], None]) -> None:
    threads = [Thread(target=function, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
