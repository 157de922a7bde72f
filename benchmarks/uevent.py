"""From a uevent written to sysfs to the handler entered in this process, against a bare loop over pyudev."""

import asyncio
import os
import select
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pyudev

from benchmarks.declared import TASK, rules_of
from benchmarks.result import Missing, Result, in_turns
from bridge.hosts.inline import InlineHost
from bridge.model.tasks import Instance
from bridge.monitors.udev import open_monitor
from bridge.pipeline.load.tasks import load_tasks
from bridge.pipeline.pipeline import Pipeline
from bridge.service.bridge import Bridge
from bridge.service.clock import monotonic
from bridge.service.declarations import Declarations
from bridge.store.store import Durability, Heard, Limits, Store
from bridge.toml.document import parse

UEVENT = Path("/sys/devices/virtual/mem/null/uevent")
NAME = "uevent written to handler entered"
EVENTS = 200
QUIET_SECONDS = 0.025
"""Between two of them: what comes at once after a run might be its own doing, and is looked at twice."""


def measure() -> Iterator[Result | Missing]:
    """Two rows, against a loop that looks at action and subsystem only, and one that hands on all properties as we do.

    They write to sysfs, which only root may.
    """
    if not os.access(UEVENT, os.W_OK):
        yield Missing(NAME, f"{UEVENT} may not be written: run as root")
        return
    value, unkept, bare, telling = in_turns(
        lambda: asyncio.run(_bridge(is_kept=True)),
        lambda: asyncio.run(_bridge(is_kept=False)),
        lambda: _pyudev(_nothing),
        lambda: _pyudev(_all),
    )
    yield Result(name=NAME, value=value, unit="us", against="bare pyudev loop", baseline=bare, at_most=3)
    against = "bare pyudev loop that reads the properties"
    yield Result(name=f"{NAME}, with its properties", value=value, unit="us", against=against, baseline=telling)
    yield Result(name=f"{NAME}, nothing kept", value=unkept, unit="us", against="bare pyudev loop", baseline=bare)


async def _bridge(*, is_kept: bool) -> float:
    with TemporaryDirectory() as directory:
        return await _measured(Path(directory) if is_kept else None)


async def _measured(state: Path | None) -> float:
    loop = asyncio.get_running_loop()
    entered: asyncio.Queue[float] = asyncio.Queue()
    bridges: list[Bridge] = []
    numbers = count(1)
    heard = Heard(
        committed=lambda tokens: loop.call_soon_threadsafe(bridges[0].written, tokens) and None,
        turned=lambda accepts, why: None,
        damaged=lambda message: None,
    )
    store = Store(state, "boot", "run", Limits(), Durability.NORMAL, heard) if state is not None else None
    bridge = Bridge(loop, monotonic, Pipeline(lambda: f"run-{next(numbers)}"), store)
    bridges.append(bridge)

    def enter(instance: Instance) -> None:
        entered.put_nowait(time.perf_counter())

    bridge.use(InlineHost({"task": enter}, lambda ended: loop.call_soon(bridge.ended, ended) and None))
    rules = rules_of(['{ subsystem = "mem", action = "change" }'], "udev")
    tasks, _ = load_tasks([parse("task.toml", TASK.encode())], rules)
    bridge.declare(Declarations(rules, tasks))
    bridge.add("udev", open_monitor(clock=monotonic, settings={"group": "kernel"}))
    total = 0.0
    for _ in range(EVENTS):
        begin = time.perf_counter()
        UEVENT.write_text("change")
        total += await entered.get() - begin
        await asyncio.sleep(QUIET_SECONDS)
    await bridge.stop()
    if store is not None:
        store.close()
    return total / EVENTS * 1_000_000


def _nothing(device: pyudev.Device) -> None:
    pass


def _all(device: pyudev.Device) -> None:
    dict(device.properties)


def _pyudev(read: Callable[[pyudev.Device], None]) -> float:
    monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source="kernel")
    monitor.filter_by("mem")
    monitor.start()
    handlers = {("mem", "change"): time.perf_counter}
    total = 0.0
    for _ in range(EVENTS):
        begin = time.perf_counter()
        UEVENT.write_text("change")
        select.select([monitor.fileno()], [], [])
        device = monitor.poll(0)
        read(device)
        total += handlers[device.subsystem, device.action]() - begin
    return total / EVENTS * 1_000_000
