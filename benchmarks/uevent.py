"""From a uevent written to sysfs to the handler entered in this process, against a bare loop over pyudev."""

import asyncio
import os
import select
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyudev

from benchmarks.declared import TASK, rules_of
from benchmarks.result import Missing, Result, in_turns
from bridge.dispatch.load import load_tasks
from bridge.hosts.inline import InlineHost
from bridge.model.tasks import Instance
from bridge.monitors.udev import open_monitor
from bridge.pipeline.pipeline import Pipeline
from bridge.service.bridge import Bridge
from bridge.service.clock import monotonic
from bridge.service.declarations import Declarations
from bridge.toml.document import parse

UEVENT = Path("/sys/devices/virtual/mem/null/uevent")
NAME = "uevent written to handler entered"
EVENTS = 200


def measure() -> Iterator[Result | Missing]:
    """Two rows, against a loop that looks at action and subsystem only, and one that hands on all properties as we do.

    They write to sysfs, which only root may.
    """
    if not os.access(UEVENT, os.W_OK):
        yield Missing(NAME, f"{UEVENT} may not be written: run as root")
        return
    value, bare, telling = in_turns(lambda: asyncio.run(_bridge()), lambda: _pyudev(_nothing), lambda: _pyudev(_all))
    yield Result(name=NAME, value=value, unit="us", against="bare pyudev loop", baseline=bare, at_most=3)
    against = "bare pyudev loop that reads the properties"
    yield Result(name=f"{NAME}, with its properties", value=value, unit="us", against=against, baseline=telling)


async def _bridge() -> float:
    loop = asyncio.get_running_loop()
    entered: asyncio.Queue[float] = asyncio.Queue()
    bridge = Bridge(loop, monotonic, Pipeline(partial(str, "run")), lambda change: None)

    def enter(instance: Instance) -> None:
        entered.put_nowait(time.perf_counter())

    bridge.use(InlineHost({"task": enter}, lambda ended: loop.call_soon(bridge.ended, ended) and None))
    rules = rules_of(['{ subsystem = "mem", action = "change" }'], "udev")
    tasks, _ = load_tasks([parse("task.toml", TASK.encode())], rules.names)
    bridge.declare(Declarations(rules, tasks))
    bridge.add("udev", open_monitor(clock=monotonic, settings={"group": "kernel"}))
    total = 0.0
    for _ in range(EVENTS):
        begin = time.perf_counter()
        UEVENT.write_text("change")
        total += await entered.get() - begin
        await asyncio.sleep(0)
    await bridge.stop()
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
