"""The `python` host: hands runs to workers, processes that stay for the next run. No handler's code is loaded here.

A worker serves one task: one handler with one interpreter, import path and user, one run at a time. Runs that are
there at once have a worker each; one that has had none for `IDLE_SECONDS` ends. A run is over when it has returned and
no process is left that it started: a worker that has one ends, and what does not end with it is killed, as a program's.
"""

import asyncio
import logging
import math
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from bridge.errors import HandlerError, ProtocolError
from bridge.hosts.accounts import account_of
from bridge.hosts.endings import ending, left_line, status_line
from bridge.hosts.families import NOT_COUNTED, Counts, Families, Over
from bridge.hosts.host import Ended
from bridge.hosts.served import REGISTERED, Completion, Progress, activation, cancellation, ended_of
from bridge.hosts.worker_pipe import WorkerPipe
from bridge.hosts.worker_program import STALE, not_begun, not_started, worker_invocation
from bridge.model.durations import MICROSECONDS
from bridge.model.tasks import CancellationReason, Instance, Python
from bridge.varlink.calls import Call

IDLE_SECONDS = 30.0
"""How long a worker waits for its next run."""
MOST_IDLE = 16
"""Workers that wait; beyond it the one ends that has waited longest."""
BEGIN_SECONDS = 60.0
"""How long an interpreter has to ask for its first run."""
DEAF_SECONDS = 1.0
"""How long a worker has to end by itself once it has hung up."""
CLOSE_SECONDS = 2.0
"""How long idle workers have to end when we do."""
LOOK_AGAIN_SECONDS = 0.005
MOST_UNSURE_LOOKS = 200
MOST_PROGRESS = 2**32 - 1

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_Kind = tuple[str, str | int | None, Python]
"""What a worker is for: the task's name, whose rights it has, and the handler."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Worker:
    """A worker, and the run that it has; `family` is the run that it was started for.

    `completion` is what it said of its run: from then on it is only looked what the run has left.
    """

    family: str
    kind: _Kind
    grace: float
    pipe: WorkerPipe
    instance: Instance | None
    runs: int = 1
    is_registered: bool = False
    leaves: bool = False
    completion: Completion | None = None
    canceled: CancellationReason | None = None
    fault: str = ""
    unsure_looks: int = 0
    counted: Counts = NOT_COUNTED
    idle_since: float = math.inf
    timer: asyncio.TimerHandle | None = None


class WorkerHost:
    """Runs Python handlers as `families`. `ended` is called by the loop, never from inside `start`, `cancel` or `kill`.

    `progressed` is told how far a run is. `wall_time` gives the microseconds since 1970 of a time of ours.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        families: Families,
        socket_path: str,
        wall_time: Callable[[int], int],
        ended: Callable[[Ended], None],
        progressed: Callable[[str, int], None],
    ) -> None:
        self._loop = loop
        self._families = families
        self._socket_path = socket_path
        self._wall_time = wall_time
        self._ended = ended
        self._progressed = progressed
        self._workers: dict[str, _Worker] = {}
        self._by_run: dict[str, _Worker] = {}
        self._idle: dict[_Kind, list[_Worker]] = {}
        self._idle_timer: asyncio.TimerHandle | None = None
        self._gone = asyncio.Event()
        self._calls: dict[str, Callable[[_Worker, Call], None]] = {
            "org.hwbridge.RegisterClass": self._register,
            "org.hwbridge.RevokeClass": self._revoke,
            "org.hwbridge.Complete": self._complete,
            "org.hwbridge.ReportProgress": self._report_progress,
        }

    def start(self, instance: Instance) -> None:
        """Hands the run to an idle worker, or to a new one; what hinders that becomes the run's `Ended`."""
        kind = _kind_of(instance)
        idle = self._idle.get(kind)
        if not idle:
            self._start_worker(instance, kind)
            return
        worker = idle.pop()
        worker.idle_since = math.inf
        worker.instance = instance
        worker.runs += 1
        self._by_run[instance.instance_id] = worker
        self._hand(worker, instance)

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        """Tells the handler; where it has returned, sends TERM to what it has left."""
        worker = self._by_run.get(instance_id)
        if worker is None or worker.instance is None:
            return
        worker.canceled = reason
        if worker.completion is not None:
            self._families.terminate(worker.family)
        elif worker.is_registered:
            worker.pipe.answer(cancellation(instance_id, reason))

    def kill(self, instance_id: str) -> None:
        """Kills the run's worker and all that it started."""
        worker = self._by_run.get(instance_id)
        if worker is not None:
            self._families.kill(worker.family)

    @property
    def has_runs(self) -> bool:
        """Whether a run is there."""
        return bool(self._by_run)

    def run_of(self, family: str) -> str | None:
        """The run that the worker has which is this family, if it is one of ours."""
        worker = self._workers.get(family)
        return worker.instance.instance_id if worker is not None and worker.instance is not None else None

    async def close(self) -> None:
        """Ends idle workers and kills the others; what is still there after `CLOSE_SECONDS` is left to `families`."""
        deadline = self._loop.time() + CLOSE_SECONDS
        for worker in list(self._workers.values()):
            if worker.instance is None:
                self._dismiss(worker)
            else:
                self._families.kill(worker.family)
        while self._workers and self._loop.time() < deadline:
            self._gone.clear()
            try:
                await asyncio.wait_for(self._gone.wait(), deadline - self._loop.time())
            except TimeoutError:
                break
        if self._idle_timer is not None:
            self._idle_timer.cancel()

    # -- a worker begins -------------------------------------------------------------------------------------------

    def _start_worker(self, instance: Instance, kind: _Kind) -> None:
        instance_id, grace = instance.instance_id, instance.task.cancel_grace / MICROSECONDS["s"]
        ours, theirs = socket.socketpair()
        try:
            account = account_of(instance.task.runs_as)
            invocation = worker_invocation(instance, account, self._socket_path, theirs)
            pid = self._families.start(instance_id, invocation, account, grace, partial(self._over, instance_id))
        except HandlerError as error:
            ours.close()
            failed = Ended(instance_id=instance_id, succeeded=False, detail=not_started(kind[2], str(error)))
            self._loop.call_soon(self._ended, failed)
            return
        finally:
            theirs.close()
        pipe = WorkerPipe(
            self._loop, ours, lambda call: self._called(worker, call), lambda why: self._hung_up(worker, why)
        )
        worker = _Worker(family=instance_id, kind=kind, grace=grace, pipe=pipe, instance=instance)
        self._workers[instance_id] = self._by_run[instance_id] = worker
        self._kill_later(worker, BEGIN_SECONDS, f"did not ask for its run in {BEGIN_SECONDS:g} s")
        self._loop.call_soon(log.debug, "%s %s: worker, pid %d", kind[0], instance_id, pid)  # behind `activated`

    def _hand(self, worker: _Worker, instance: Instance) -> None:
        self._families.output(worker.family).forget()  # what was printed between two runs is of none
        entry_point = worker.kind[2].entry_point
        worker.pipe.answer(activation(instance, self._wall_time(instance.raised.at), entry_point))
        if worker.canceled is not None:
            worker.pipe.answer(cancellation(instance.instance_id, worker.canceled))

    # -- what a worker says ----------------------------------------------------------------------------------------

    def _called(self, worker: _Worker, call: Call) -> None:
        method = self._calls.get(call.method)
        if method is None:
            raise ProtocolError(f"{call.method} is not what a worker calls")
        method(worker, call)

    def _register(self, worker: _Worker, call: Call) -> None:
        if worker.is_registered or not call.more:
            raise ProtocolError("a worker calls RegisterClass once, with more")
        worker.is_registered = True
        self._drop_timer(worker)
        worker.pipe.answer(REGISTERED)
        if worker.instance is not None:
            self._hand(worker, worker.instance)

    def _revoke(self, worker: _Worker, call: Call) -> None:
        worker.leaves = True

    def _complete(self, worker: _Worker, call: Call) -> None:
        completion = _converted(call, Completion)
        if self._by_run.get(completion.instance_id) is worker and worker.completion is None:
            worker.completion = completion
            self._look(worker)

    def _report_progress(self, worker: _Worker, call: Call) -> None:
        report = _converted(call, Progress)
        is_running = self._by_run.get(report.instance_id) is worker and worker.completion is None
        if is_running and 0 <= report.progress <= MOST_PROGRESS:
            self._progressed(report.instance_id, report.progress)

    # -- a run ends ------------------------------------------------------------------------------------------------

    def _look(self, worker: _Worker) -> None:
        """Looks what is left of a run that has returned: nothing, then it is over; else it ends with its worker."""
        if self._workers.get(worker.family) is not worker:
            return
        found = self._families.beside_main(worker.family)
        worker.unsure_looks += found.unsure
        if found.unsure and not found.processes and worker.unsure_looks < MOST_UNSURE_LOOKS:
            self._loop.call_later(LOOK_AGAIN_SECONDS, self._look, worker)
        elif found.processes:
            self._dismiss(worker)
        else:
            self._finish(worker)

    def _finish(self, worker: _Worker) -> None:
        """The run is over, and the worker can have the next one, unless it wants none."""
        assert worker.completion is not None, "only what has returned is over"
        ended = ended_of(worker.completion, "returned")
        output = self._families.output(worker.family).take()
        before, worker.counted = worker.counted, self._families.counts(worker.family)
        self._forget_run(worker)
        worker.completion = worker.canceled = None
        worker.unsure_looks = 0
        if worker.leaves:
            self._dismiss(worker)
        else:
            self._rest(worker)
        self._ended(_with(ended, output, before, worker.counted))

    def _rest(self, worker: _Worker) -> None:
        worker.idle_since = self._loop.time()
        self._idle.setdefault(worker.kind, []).append(worker)
        idle = sorted((each for waiting in self._idle.values() for each in waiting), key=lambda each: each.idle_since)
        for each in idle[: max(0, len(idle) - MOST_IDLE)]:
            self._dismiss(each)
        if self._idle_timer is None:
            self._idle_timer = self._loop.call_later(IDLE_SECONDS, self._end_idle)

    def _end_idle(self) -> None:
        """Ends the workers that have waited long enough, and looks again when the next one will have."""
        self._idle_timer = None
        long_ago = self._loop.time() - IDLE_SECONDS
        waiting = [each for workers in self._idle.values() for each in workers]
        for worker in waiting:
            if worker.idle_since <= long_ago:
                self._dismiss(worker)
        next_one = min((each.idle_since for workers in self._idle.values() for each in workers), default=None)
        if next_one is not None:
            self._idle_timer = self._loop.call_at(next_one + IDLE_SECONDS, self._end_idle)

    # -- a worker ends ---------------------------------------------------------------------------------------------

    def _dismiss(self, worker: _Worker) -> None:
        """Hangs up, which ends a worker; one that does not is killed."""
        self._take_from_idle(worker)
        worker.pipe.close()
        self._kill_later(worker, worker.grace, "")

    def _hung_up(self, worker: _Worker, why: str) -> None:
        """The worker has ended just now, or its handler did something to its socket: then it is of no use."""
        self._take_from_idle(worker)
        if why:
            worker.fault = f"what its worker was told to send is not of hwbridge: {why}"
            self._families.kill(worker.family)
        else:
            self._kill_later(worker, DEAF_SECONDS, "closed its worker's connection to hwbridge")

    def _kill_later(self, worker: _Worker, seconds: float, fault: str) -> None:
        self._drop_timer(worker)
        worker.timer = self._loop.call_later(seconds, self._kill_for, worker, fault)

    def _kill_for(self, worker: _Worker, fault: str) -> None:
        is_left = worker.completion is not None and self._families.has_main(worker.family)
        left = self._families.beside_main(worker.family).processes if is_left else ()
        worker.fault = left_line(left) if left else fault
        self._families.kill(worker.family)

    def _drop_timer(self, worker: _Worker) -> None:
        if worker.timer is not None:
            worker.timer.cancel()
            worker.timer = None

    def _take_from_idle(self, worker: _Worker) -> None:
        waiting = self._idle.get(worker.kind, [])
        if worker in waiting:
            waiting.remove(worker)
            if not waiting:
                del self._idle[worker.kind]

    def _forget_run(self, worker: _Worker) -> None:
        if worker.instance is not None:
            del self._by_run[worker.instance.instance_id]
            worker.instance = None

    def _over(self, family: str, over: Over) -> None:
        """A worker has ended, with all that it started; if it had a run, that is over too."""
        worker = self._workers.pop(family)
        self._take_from_idle(worker)
        self._drop_timer(worker)
        worker.pipe.close()
        self._gone.set()
        instance = worker.instance
        if instance is None:
            log.debug("worker %s ended: %s", family, status_line(over.status or 0))
            return
        self._forget_run(worker)
        is_stale = over.status == STALE and worker.runs > 1 and worker.completion is None and not over.killed
        if is_stale and worker.canceled is None:
            self._start_worker(instance, worker.kind)
            return
        self._ended(_with(_last(worker, instance, over), over.output, worker.counted, over.counts))


def _kind_of(instance: Instance) -> _Kind:
    handler = instance.task.run
    assert isinstance(handler, Python), "each kind of handler has its own host"
    return instance.task.name, instance.task.runs_as, handler


def _converted(call: Call, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(call.parameters, kind)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"{call.method}: {error}") from error


def _last(worker: _Worker, instance: Instance, over: Over) -> Ended:
    """The end of a run that its worker did not outlive."""
    faults: list[str] = [worker.fault] if worker.fault else []
    faults += over.faults
    if worker.completion is not None:
        return _with_faults(ended_of(worker.completion, "returned"), over.status, faults)
    if not worker.is_registered and not over.killed:
        faults += not_begun(worker.kind[2], over.status, over.output)
        return Ended(instance_id=instance.instance_id, succeeded=False, detail="; ".join(faults))
    if over.status == 0:
        faults = ["exit 0 before the run was over", *faults]
    return ending(instance.instance_id, over.status, faults, killed=over.killed)


def _with_faults(ended: Ended, status: int | None, faults: Sequence[str]) -> Ended:
    """The same end, of which more is to be told: how the worker ended, if not well, and what the run left behind."""
    lines = faults or ([status_line(status)] if status else [])
    if not lines:
        return ended
    said = [] if ended.succeeded else [ended.detail]
    return replace(ended, succeeded=False, again=False, detail="; ".join([*said, *lines]))


def _with(ended: Ended, output: str, before: Counts, after: Counts) -> Ended:
    return replace(
        ended,
        output=output,
        suspended=_difference(before.suspended, after.suspended),
        throttled=_difference(before.throttled, after.throttled),
    )


def _difference(before: int | None, after: int | None) -> int | None:
    return None if after is None else after - (before or 0)
