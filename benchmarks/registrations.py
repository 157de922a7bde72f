"""10 000 registrations: how long they take to load, from the store and from files, and what a raise costs under them.

Measured from the bytes on the disk to a pipeline that knows every task. Nothing is run.
"""

import os
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from queue import SimpleQueue

from benchmarks.result import Result, in_turns
from bridge.dispatch.decisions import Activate, Completed
from bridge.mapping.table import RuleTable
from bridge.model.guid import Guid
from bridge.model.triggers import Raised
from bridge.pipeline.facts import Declared, RegisterTask
from bridge.pipeline.load.tasks import load_task, load_tasks
from bridge.pipeline.pipeline import Pipeline
from bridge.service.stored import restored_of
from bridge.service.undisturbed import undisturbed
from bridge.store.store import Store
from bridge.store.values import Durability, Limits, Times
from bridge.store.writer import Heard
from bridge.toml.document import parse

FEW, MANY = 10, 10_000
TASKS_A_FILE = 1000
RAISES = 5000
ROUNDS = 3
TIMES = Times(now=0, wall_offset=1_700_000_000_000_000)
NO_RULES = RuleTable(())


def measure() -> Iterator[Result]:
    """Two rows for loading, one for raising."""
    with _stored() as folder:
        (seconds,) = in_turns(lambda: _from_store(folder), rounds=ROUNDS)
    yield Result(name=f"{MANY} registrations, loaded from the store", value=seconds, unit="s", at_most=1)
    with tempfile.TemporaryDirectory() as directory:
        _write_files(Path(directory))
        seconds, baseline = in_turns(
            lambda: _from_files(Path(directory)), lambda: _by_tomllib(Path(directory)), rounds=ROUNDS
        )
    yield Result(
        name=f"{MANY} registrations, loaded from files",
        value=seconds,
        unit="s",
        at_most=1,
    )
    yield Result(name=f"the same files through tomllib alone, for {MANY}", value=baseline, unit="s")
    few, many = _pipeline(FEW), _pipeline(MANY)
    cost, baseline = in_turns(lambda: _cost(many), lambda: _cost(few))
    yield Result(
        name=f"a raise, its run and its end under {MANY} registrations",
        value=cost,
        unit="us",
        against=f"{FEW} registrations",
        baseline=baseline,
        at_most=1.2,
    )


def _guid(number: int) -> Guid:
    return Guid.parse(f"{{00000000-0000-0000-0000-{number + 1:012}}}")


def _definition(number: int) -> dict[str, object]:
    """As a program registers it over the API."""
    return {
        "name": f"fabrikam.audio-jack.connected Task {number}",
        "triggers": [{"custom": str(_guid(number))}],
        "run": {"exec": ["/usr/bin/logger", "jack {dev}"], "cwd": "/"},
    }


@contextmanager
def _stored() -> Iterator[Path]:
    """A state directory in which they all were registered over the API."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as directory:
        pipeline, store = Pipeline(str), _store(Path(directory))
        for number in range(MANY):
            registration, problems = load_task(_definition(number), NO_RULES, owner=1000)
            assert registration is not None, problems
            store.write(pipeline.receive(RegisterTask(at=0, registration=registration)), TIMES)
        store.close()
        yield Path(directory)


def _store(directory: Path) -> Store:
    told: SimpleQueue[object] = SimpleQueue()
    heard = Heard(committed=told.put, turned=lambda *turn: told.put(turn), damaged=told.put)
    return Store(directory, "boot", "start", Limits(), Durability.NORMAL, heard)


def _from_store(directory: Path) -> float:
    begin = time.perf_counter()
    store = _store(directory)
    pipeline = Pipeline(str)
    with undisturbed():  # as the daemon does
        pipeline.receive(restored_of(store.read(TIMES)))
    taken = time.perf_counter() - begin
    store.close()
    assert len(pipeline.dispatcher.registrations) == MANY
    return taken


def _write_files(directory: Path) -> None:
    for start in range(0, MANY, TASKS_A_FILE):
        text = "".join(
            f'[[task]]\nname = "fabrikam.audio-jack.connected Task {number}"\n'
            f'triggers = [{{ custom = "{_guid(number)}" }}]\n'
            'run = { exec = ["/usr/bin/logger", "jack {dev}"], cwd = "/" }\n\n'
            for number in range(start, start + TASKS_A_FILE)
        )
        (directory / f"{start:05}.toml").write_text(text)


def _from_files(directory: Path) -> float:
    begin = time.perf_counter()
    pipeline = Pipeline(str)
    with undisturbed():
        documents = [parse(str(path), path.read_bytes()) for path in sorted(directory.iterdir())]
        tasks, problems = load_tasks(documents, NO_RULES)
        pipeline.receive(Declared(at=0, rules=NO_RULES, tasks=tasks))
    taken = time.perf_counter() - begin
    assert not problems
    assert len(pipeline.dispatcher.registrations) == MANY
    return taken


def _by_tomllib(directory: Path) -> float:
    begin = time.perf_counter()
    for path in sorted(directory.iterdir()):
        tomllib.loads(path.read_text())
    return time.perf_counter() - begin


def _pipeline(registrations: int) -> Pipeline:
    numbers = count(1)
    pipeline = Pipeline(lambda: str(next(numbers)))
    for number in range(registrations):
        registration, _ = load_task(_definition(number), NO_RULES, owner=1000)
        assert registration is not None
        pipeline.receive(RegisterTask(at=0, registration=registration))
    return pipeline


def _cost(pipeline: Pipeline) -> float:
    """Microseconds for one."""
    at = 1
    begin = time.perf_counter()
    for number in range(RAISES):
        at += 1_000_000
        for outcome in pipeline.receive(Raised(at=at, trigger=_guid(number % FEW))):
            if isinstance(outcome, Activate):
                pipeline.receive(Completed(at=at + 1000, instance_id=outcome.instance.instance_id, succeeded=True))
    return (time.perf_counter() - begin) / RAISES * 1_000_000
