"""Many runs that are to be started at once: they are, in their order, and in between the loop does other things."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from msgspec.structs import replace

from bridge.hosts.host import Ended
from bridge.hosts.starting import MOST_STARTING_SECONDS, Starts
from bridge.model.guid import Guid
from bridge.model.tasks import Exec, Instance, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised

GUID = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
TASK = Registration(
    name="t", triggers=(CustomSystemEventTrigger(GUID),), run=Exec(arguments=(Template.parse("/bin/true"),))
)


class SlowLoop:
    """As much of a loop as is asked for; its clock goes on when something is started."""

    def __init__(self) -> None:
        self.now = 0.0
        self.soon: list[Callable[[], object]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *arguments: object) -> None:
        self.soon.append(lambda: callback(*arguments))

    def turn(self) -> None:
        soon, self.soon = self.soon, []
        for each in soon:
            each()


class Bench:
    """Starts that take so long, and what was started and ended."""

    def __init__(self, seconds: float) -> None:
        self.loop = SlowLoop()
        self.started: list[str] = []
        self.ended: list[Ended] = []
        self.seconds = seconds
        self.starts = Starts(self.loop, self._start, self.ended.append)  # type: ignore[arg-type]  # a loop of a test

    def _start(self, instance: Instance) -> None:
        self.loop.now += self.seconds
        self.started.append(instance.instance_id)

    def put(self, *names: str, owner: int | None = None) -> None:
        for name in names:
            self.starts.put(
                Instance(instance_id=name, task=replace(TASK, owner=owner), raised=Raised(at=0, trigger=GUID))
            )


def test_one_run_is_started_at_once_each_time() -> None:
    bench = Bench(MOST_STARTING_SECONDS)
    for name in "abc":
        bench.put(name)
        assert bench.started[-1] == name
        bench.loop.turn()
    assert bench.loop.soon == []


@pytest.mark.parametrize(("seconds", "at_once"), [(MOST_STARTING_SECONDS, 1), (MOST_STARTING_SECONDS / 2, 2), (0.0, 6)])
def test_of_many_only_some_are_started_in_one_turn_and_all_in_their_order(seconds: float, at_once: int) -> None:
    bench = Bench(seconds)
    bench.put(*"abcdef")
    counts = [len(bench.started)]
    while bench.loop.soon:
        bench.loop.turn()
        counts.append(len(bench.started))

    assert bench.started == list("abcdef")
    assert counts[0] == at_once
    assert all(after - before <= at_once for before, after in pairwise(counts))


def test_what_comes_while_others_wait_waits_behind_them() -> None:
    bench = Bench(MOST_STARTING_SECONDS)
    bench.put("a", "b", "c")
    bench.loop.turn()
    bench.put("d")
    while bench.loop.soon:
        bench.loop.turn()

    assert bench.started == ["a", "b", "c", "d"]


def test_users_are_served_in_turn_however_much_one_of_them_wants() -> None:
    bench = Bench(MOST_STARTING_SECONDS)
    bench.put("a", "b", "c", "d", owner=1000)
    bench.put("x", "y", owner=1001)
    bench.put("0")
    while bench.loop.soon:
        bench.loop.turn()

    assert bench.started == ["a", "b", "x", "0", "c", "y", "d"]


def test_what_is_withdrawn_is_never_started_and_has_ended() -> None:
    bench = Bench(MOST_STARTING_SECONDS)
    bench.put("a", "b", "c", "d")

    assert not bench.starts.withdraw("a"), "it has been started"
    assert bench.starts.withdraw("c")
    assert not bench.starts.withdraw("c")
    bench.loop.turn()
    bench.starts.withdraw_all()
    while bench.loop.soon:
        bench.loop.turn()

    assert bench.started == ["a", "b"]
    assert bench.ended == [Ended(instance_id=each, succeeded=False, detail="it had not begun") for each in "cd"]


def test_a_real_loop_goes_on_between_starts() -> None:
    order: list[str] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        starts = Starts(loop, lambda instance: _spend(loop, order, instance.instance_id), print)
        for name in "abc":
            starts.put(Instance(instance_id=name, task=TASK, raised=Raised(at=0, trigger=GUID)))
        loop.call_soon(order.append, "something else")
        while len(order) < 4:
            await asyncio.sleep(0)

    asyncio.run(run())

    assert order.index("something else") < order.index("c")


def _spend(loop: asyncio.AbstractEventLoop, order: list[str], name: str) -> None:
    until = loop.time() + MOST_STARTING_SECONDS
    while loop.time() < until:
        pass
    order.append(name)
