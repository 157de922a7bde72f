"""Durable raises: how many a second the store takes from one caller and from 64, each waiting until its own is safe.

With each raise come its run and its end, as the service writes them. On a disk that takes 10 ms to flush (SD card,
eMMC; here a sleep after each commit that flushes) callers that wait together share one flush.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from benchmarks.result import Result, in_turns
from bridge.dispatch.decisions import Activate, Finished
from bridge.dispatch.kept import Answered, Kept
from bridge.model.guid import Guid
from bridge.model.tasks import Exec, Instance, InstanceState, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised
from bridge.store.database import Database
from bridge.store.store import Store
from bridge.store.values import Durability, Limits, Times
from bridge.store.writer import Heard

CALLERS = 64
SECONDS = 0.7
ROUNDS = 3
FLUSH_SECONDS = 0.010
LEAST_RATIO = 20
LEAST_RATE = 3000
GUID = Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
TASK = Registration(
    name="fabrikam.audio-jack.connected Task",
    triggers=(CustomSystemEventTrigger(GUID),),
    run=Exec(arguments=(Template.parse("/bin/true"),)),
)
DETAILS = {"ACTION": "add", "SUBSYSTEM": "tty", "DEVNAME": "/dev/ttyUSB0", "ID_SERIAL": "FTDI_FT232R_A50285BI"}
TIMES = Times(now=0, wall_offset=1_700_000_000_000_000)


def measure() -> Iterator[Result]:
    """Three rows: a slow flush, this disk, and this disk without flushes."""
    with slow_flush():
        alone, together = in_turns(lambda: _rate(1), lambda: _rate(CALLERS), rounds=ROUNDS)
    yield Result(
        name=f"durable raises of {CALLERS} callers against one, 10 ms a flush",
        value=together / alone,
        unit="x",
        at_least=LEAST_RATIO,
    )
    yield Result(
        name=f"durable raises of {CALLERS} callers, 10 ms a flush",
        value=together,
        unit="raises/s",
        against="one caller",
        baseline=alone,
    )
    alone, together = in_turns(lambda: _rate(1), lambda: _rate(CALLERS), rounds=ROUNDS)
    yield Result(
        name=f"durable raises of {CALLERS} callers, this disk, store alone",
        value=together,
        unit="raises/s",
        against="one caller",
        baseline=alone,
        at_least=LEAST_RATE,
    )
    (normal,) = in_turns(lambda: _rate(CALLERS, Durability.NORMAL), rounds=ROUNDS)
    yield Result(name=f'raises of {CALLERS} callers, durability "normal"', value=normal, unit="raises/s")


def _rate(callers: int, durability: Durability = Durability.FULL) -> float:
    """Raises a second."""
    committed: SimpleQueue[Sequence[object]] = SimpleQueue()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as directory:  # a disk, and no tmpfs
        heard = Heard(committed=committed.put, turned=_refuse, damaged=_refuse)
        store = Store(Path(directory), "boot", "start", Limits(), durability, heard)
        store.read(TIMES)
        begin = time.perf_counter()
        number = raises = 0
        for _ in range(callers):
            number += 1
            _raise(store, number)
        while (taken := time.perf_counter() - begin) < SECONDS:
            for token in committed.get():
                if isinstance(token, int):
                    raises += 1
                    _end(store, token)
                    number += 1
                    _raise(store, number)
        store.close()
    return raises / taken


def _raise(store: Store, number: int) -> None:
    raised = Raised(at=number, trigger=GUID, details=DETAILS)
    instance = _instance(number, raised)
    kept = Kept(number=number, task=TASK.name, raised=raised, instance_id=instance.instance_id)
    store.write((raised, kept, Activate(at=number, instance=instance)), TIMES, flush=True, token=number)


def _end(store: Store, number: int) -> None:
    instance = _instance(number, Raised(at=number, trigger=GUID, details=DETAILS))
    finished = Finished(at=number, instance=instance, state=InstanceState.SUCCEEDED, detail="exit 0")
    store.write((Answered(number=number), finished), TIMES)


def _instance(number: int, raised: Raised) -> Instance:
    return Instance(instance_id=f"start-{number}", task=TASK, raised=raised)


def _refuse(*said: object) -> None:
    raise AssertionError(said)


@contextmanager
def slow_flush() -> Iterator[None]:
    """Makes each commit that flushes take 10 ms longer."""
    commit: Callable[[Database], None] = Database.commit

    def slow(database: Database) -> None:
        commit(database)
        if database.flushes:
            time.sleep(FLUSH_SECONDS)  # noqa: TID251  # the disk that is made up

    Database.commit = slow  # type: ignore[method-assign]  # no other way to a slower disk without root
    try:
        yield
    finally:
        Database.commit = commit  # type: ignore[method-assign]  # as above
