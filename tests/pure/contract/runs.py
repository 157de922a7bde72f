"""What is promised of runs: when one starts, who ends it and when, what follows. Nothing here starts one."""

from collections.abc import Iterator

from bridge.dispatch.decisions import Activate, Cancel, Completed, Finished, Kill
from bridge.model.tasks import LONGEST_BACKOFF, CancellationReason, Concurrency, Instance, InstanceState, Registration
from tests.pure.contract.books import Activation, Books, Run, Task
from tests.pure.contract.transaction import Transaction

FAILURES_IN_A_ROW = 10
LIMIT = CancellationReason.ExecutionTimeExceeded
STOP = CancellationReason.Terminating


def start(books: Books, transaction: Transaction, started: Activate) -> None:
    """A run begins."""
    instance, at = started.instance, started.at
    assert books.before <= at <= books.now, f"{started}: it is between {books.before} and {books.now}"
    name = instance.task.name
    assert instance.instance_id not in books.known_ids, "each run has an id of its own"
    books.known_ids.add(instance.instance_id)
    activation, task = books.owed[transaction.number_of[instance.instance_id]], books.tasks.get(name)
    assert not books.stopping, "nothing starts after Stopping"
    assert task is not None, f"{name} is not registered"
    assert not activation.abandoned, f"{name} was unregistered since this was raised"
    assert instance.task == task.registration, "a run is of the registration in force"
    assert books.is_open(task, activation.newest.raised), f"{instance}: conditions hold, mains are there, no quarantine"
    _check_room(books, activation, task.registration)
    _check_turn(books, activation, task, at)
    _check_contents(activation, instance)
    _check_repeats(books, activation, task.registration, instance, at)
    transaction.started.add(activation.number)
    activation.started, activation.cut_off, activation.not_before = True, False, None
    activation.running = instance.instance_id
    books.run_count[activation.place] = books.run_count.get(activation.place, 0) + 1
    books.runs[instance.instance_id] = Run(instance, activation, at)


def _check_room(books: Books, activation: Activation, registration: Registration) -> None:
    running = books.runs_of(registration.name)
    assert activation.running is None, "an activation has one run at a time"
    assert len(running) < registration.max_running, f"{registration.name}: never more than max_running"
    if registration.concurrency is not Concurrency.PARALLEL:
        assert not books.runs_at(activation.place), f"{activation.place}: never two at once of one task and key"


def _check_turn(books: Books, activation: Activation, task: Task, at: int) -> None:
    is_parallel = task.registration.concurrency is Concurrency.PARALLEL
    for other in books.of_place(activation.place):
        is_ready = other.not_before is None or other.not_before <= at
        is_in_the_way = is_ready or not is_parallel
        if other.number < activation.number and other.running is None and is_in_the_way:
            assert not books.is_open(task, other.newest.raised), f"{other} is older than {activation}"


def _check_contents(activation: Activation, instance: Instance) -> None:
    raises = [each.raised for each in activation.raises]
    assert instance.merged == len(raises), f"{instance} answers {len(raises)} raises"
    assert activation.newest.is_told_as(instance.raised), "the newest details are the run's"
    if activation.has_batch and instance.task.concurrency is Concurrency.BATCH:
        assert instance.batch == tuple(each.details for each in raises), "a batch has all details, in order"
    elif activation.has_batch:
        assert instance.batch == (), "only a batch has one"


def _check_repeats(
    books: Books, activation: Activation, registration: Registration, instance: Instance, at: int
) -> None:
    is_retry = activation.not_before is not None or activation.failures + activation.agains > 0
    if activation.started and not activation.cut_off:
        assert is_retry, f"{activation} was run, and is run again"
    assert activation.not_before is None or at >= activation.not_before, "a retry waits for its backoff"
    if activation.cut_off:
        assert instance.redelivered, f"{instance} may have run before"
    if not activation.ever_cut_off:
        assert not instance.redelivered, f"{instance} has not run before"
    assert instance.attempt == activation.failures + 1, "attempts are counted from 1, without those that ask again"
    if not activation.started or activation.cut_off:
        is_expired = books.is_expired(registration, activation.newest, at, with_sleep=not activation.ever_cut_off)
        assert not is_expired, f"{activation} is too old to be run"


def cancel(books: Books, transaction: Transaction, canceled: Cancel) -> None:
    """A run is asked to end."""
    run = books.runs.get(canceled.instance.instance_id)
    assert run is not None, f"{canceled} is of no run"
    assert run.canceled is None, f"{canceled}: it was canceled before"
    assert canceled.instance == run.instance
    if canceled.reason is LIMIT:
        limit = run.instance.task.run_limit
        assert limit is not None, "a run without a limit"
        assert canceled.at == run.since + limit, f"{canceled}: the limit was at {run.since + limit}"
    else:
        reasons = transaction.allows(run.instance.instance_id)
        assert canceled.reason in reasons, f"{canceled} for nothing but {reasons}"
    run.canceled = (canceled.reason, canceled.at)


def kill(books: Books, killed: Kill) -> None:
    """A run is ended, exactly when its grace is over."""
    run = books.runs.get(killed.instance.instance_id)
    assert run is not None, f"{killed} is of no run"
    assert run.canceled is not None, f"{killed}: it was not canceled"
    assert not run.killed, f"{killed} twice"
    grace_ends = run.canceled[1] + run.instance.task.cancel_grace
    assert killed.at == grace_ends, f"{killed}: its grace ends at {grace_ends}"
    run.killed = True


def finish(books: Books, transaction: Transaction, finished: Finished) -> None:
    """A run is over: answered, or to be run again."""
    run = books.runs.pop(finished.instance.instance_id, None)
    assert run is not None, f"{finished} is of no run"
    assert run.completed is not None, f"{finished}: nobody says that it is over"
    assert finished.instance == run.instance
    activation, task = run.activation, books.tasks.get(run.place[0])
    activation.running = None
    assert finished.state in _states(run, run.completed), f"{finished} of {run}"
    if activation.abandoned or task is None:
        assert finished.again_at is None, "what was unregistered is not run again"
        _close(books, transaction, activation)
        return
    if run.canceled is not None and run.canceled[0] is STOP and not run.completed.succeeded:
        activation.cut_off = activation.ever_cut_off = True
        transaction.must_owe.add(activation.number)
        return
    if finished.state in {InstanceState.FAILED, InstanceState.AGAIN}:
        _end_badly(books, transaction, activation, task, run, finished)
    else:
        assert finished.again_at is None
        _close(books, transaction, activation)
        if finished.state is InstanceState.SUCCEEDED:
            task.failures = 0


def _close(books: Books, transaction: Transaction, activation: Activation) -> None:
    """It needs no further run, and is in nobody's way."""
    if books.owed.pop(activation.number, None) is not None:
        transaction.over.add(activation.number)
        transaction.answered[activation.number] = activation


def _states(run: Run, completed: Completed) -> set[InstanceState]:
    match run.canceled:
        case None if completed.succeeded:
            return {InstanceState.SUCCEEDED}
        case None:
            return {InstanceState.AGAIN if completed.again else InstanceState.FAILED}
        case (CancellationReason.ExecutionTimeExceeded, _):
            return {InstanceState.FAILED}
        case (CancellationReason.Terminating, _) if completed.succeeded:
            return {InstanceState.SUCCEEDED, InstanceState.CANCELED}
        case _:
            return {InstanceState.CANCELED}


def _end_badly(
    books: Books, transaction: Transaction, activation: Activation, task: Task, run: Run, finished: Finished
) -> None:
    if finished.state is InstanceState.AGAIN:
        activation.agains += 1
        is_last = {False}
    else:
        activation.failures += 1
        # Which registration's retry counts for a run that began under another one is open.
        is_last = {activation.failures >= each.retry.attempts for each in (run.instance.task, task.registration)}
    assert (finished.again_at is None) in is_last, f"{finished}: failure {activation.failures}"
    if finished.again_at is not None:
        doublings = activation.failures + activation.agains - 1
        delays = {
            min(each.retry.backoff << doublings, LONGEST_BACKOFF) for each in (run.instance.task, task.registration)
        }
        assert finished.again_at - finished.at in delays, f"{finished}: the backoff doubles, up to five minutes"
        activation.not_before = finished.again_at
        transaction.must_owe.add(activation.number)
        return
    _close(books, transaction, activation)
    task.failures += 1
    if task.failures >= FAILURES_IN_A_ROW and not task.quarantined:
        transaction.must_quarantine.add(task.registration.name)


def end(books: Books, transaction: Transaction, *, is_time: bool) -> None:
    """After a transaction: whoever has to end was asked to, and limits and graces that are over were honoured."""
    for instance_id, reasons in transaction.must_cancel.items():
        run = books.runs.get(instance_id)
        assert run is None or run.canceled is not None, f"{run} is not canceled for {reasons}"
    if not is_time:
        return
    for at, what in expected(books):
        assert at > transaction.at, f"{what} at {at}, and it is {transaction.at}"


def expected(books: Books) -> Iterator[tuple[int, str]]:
    """What has to happen to runs on its time, unless something comes before."""
    for run in books.runs.values():
        limit = run.instance.task.run_limit
        if run.canceled is None and limit is not None:
            yield run.since + limit, f"the limit of {run.instance.instance_id}"
        if run.canceled is not None and not run.killed:
            yield run.canceled[1] + run.instance.task.cancel_grace, f"the end of grace of {run.instance.instance_id}"


def startable(books: Books, task: Task, at: int) -> list[Activation]:
    """What of a task may be run at this time, if there is room."""
    is_parallel = task.registration.concurrency is Concurrency.PARALLEL
    found = []
    for activation in books.of_task(task.registration.name):
        ready = activation.not_before is None or activation.not_before <= at
        rivals = [] if is_parallel else [each for each in books.of_place(activation.place) if each is not activation]
        taken = any(each.running is not None or each.number < activation.number for each in rivals)
        taken |= not is_parallel and bool(books.runs_at(activation.place))
        waits = activation.running is None and not activation.abandoned and not taken
        if waits and ready and books.is_open(task, activation.newest.raised):
            found.append(activation)
    return found


def check_nothing_waits_in_vain(books: Books) -> None:
    """Whatever may be run is run, unless there is no room."""
    if books.stopping:
        return
    for name, task in books.tasks.items():
        room = task.registration.max_running - len(books.runs_of(name))
        waiting = startable(books, task, books.now)
        assert room <= 0 or not waiting, f"{waiting} could be run, and is not"
