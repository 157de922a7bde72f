"""What becomes of each accepted raise: owed, run, or recorded as dropped. Nothing here is lost, or counted twice."""

from bridge.dispatch.decisions import Dropped
from bridge.dispatch.kept import Kept
from bridge.model.tasks import Concurrency, DropReason
from tests.pure.contract.books import Activation, Books, Place
from tests.pure.contract.transaction import Transaction


def fill(books: Books, transaction: Transaction, kept: Kept) -> None:
    """The raises that an activation is made of from now on."""
    if kept.number in transaction.filled:
        return
    transaction.filled.add(kept.number)
    place = (kept.task, kept.raised.key)
    activation = books.owed.setdefault(kept.number, Activation(kept.number, place))
    assert activation.place == place, "an activation stays with its task and key"
    task = books.tasks.get(kept.task)
    concurrency = None if task is None else task.registration.concurrency
    if concurrency is Concurrency.RESTART and activation.running is None and kept.merged > len(activation.raises):
        activation.begin_anew()  # a raise ends the retries of those before it
    if not activation.started:
        assert kept.due is None or place in books.slowed_places, f"{place} is held, and nobody says so"
        activation.not_before = kept.due
    if activation.started:
        assert kept.merged == len(activation.raises), "what a run answers does not change after it has started"
    # Details are forgotten without their raise where the task does not want them any more.
    if (kept.task in transaction.replaced and not activation.started) or concurrency is Concurrency.RESTART:
        with_retries = concurrency is Concurrency.RESTART
        _join(books, transaction, activation, kept.merged + kept.forgotten, with_retries=with_retries)
    loose = [] if activation.started else books.loose.get(place, [])
    spare = len(activation.raises) + len(loose) - kept.merged
    forgotten = max(0, min(kept.forgotten, spare))  # of others only the details, which nobody wants any more
    transaction.forgotten[place] += forgotten
    more = kept.merged + forgotten - len(activation.raises)
    assert 0 <= more <= len(loose), (
        f"merged of {len(activation.raises)} and {more} of {len(loose)} new, {forgotten} forgotten: {kept}"
    )
    activation.add(loose[:more])
    del loose[:more], activation.raises[:forgotten]
    newest = activation.newest
    assert newest.is_told_as(kept.raised), f"the newest raise is kept: {newest}, not {kept.raised}"


def _join(books: Books, transaction: Transaction, activation: Activation, merged: int, *, with_retries: bool) -> None:
    """Another registration may make one of what waits; `restart` does so with what waits to be run again, too."""
    for other in books.of_place(activation.place):
        waits = other.running is None and (with_retries or not other.started)
        joins = waits and other.number in transaction.to_answer and other is not activation
        if joins and len(activation.raises) + len(other.raises) <= merged:
            activation.add(other.raises)
            _answer(books, transaction, other.number)


def _answer(books: Books, transaction: Transaction, number: int) -> None:
    transaction.must_owe.discard(number)
    transaction.answered[number] = books.owed.pop(number)


def drop(books: Books, transaction: Transaction, dropped: Dropped) -> None:
    """Raises get no run, for a reason that is one."""
    place = (dropped.task, dropped.key)
    loose = books.loose.get(place, [])
    match dropped.reason:
        case DropReason.AlreadyRunning:
            assert books.tasks[dropped.task].registration.concurrency is Concurrency.IGNORE
            is_busy = books.of_place(place) or books.runs_at(place) or len(loose) > 1
            assert is_busy, "`ignore` drops only while something of the key is there"
            assert dropped.merged == 1
            loose.pop()
            transaction.must_latch[place] -= transaction.must_latch[place] > 0
        case DropReason.StoreFull:
            assert not books.accepting, "the store takes raises"
            assert dropped.merged == 1
            loose.pop()
            books.tasks[dropped.task].unspend(transaction.spent[dropped.task])
        case DropReason.Unregistered:
            assert dropped.task in transaction.unregistered or dropped.task not in books.tasks
            _let_go(books, transaction, place, dropped.merged)
        case DropReason.ResourceRevocation:
            assert place in transaction.revoked, "nothing revoked it"
            _let_go(books, transaction, place, dropped.merged)
        case DropReason.Expired:
            _check_age(books, transaction, place)
            _let_go(books, transaction, place, dropped.merged)
        case DropReason.QueueFull:
            transaction.full.add(dropped.task)
            _let_go(books, transaction, place, dropped.merged)


def _check_age(books: Books, transaction: Transaction, place: Place) -> None:
    registration = books.tasks[place[0]].registration
    raised = [each.newest for each in books.of_place(place) if each.number in transaction.to_answer]
    raised += books.loose.get(place, [])
    at = transaction.at + 1
    assert any(books.is_expired(registration, each, at, with_sleep=True) for each in raised), (
        f"{place}: {raised} are new"
    )


def _let_go(books: Books, transaction: Transaction, place: Place, merged: int) -> None:
    """Recorded as dropped: an activation that is owed no more, or the first details of a batch, or a new raise."""
    loose = books.loose.get(place, [])
    transaction.dropped[place] += merged
    forgotten = sum(each.forgotten for each in transaction.kept.values() if (each.task, each.raised.key) == place)
    going = _going(books, transaction, place, merged)
    if not going:
        _fill_next(books, transaction, place, merged)
        going = _going(books, transaction, place, merged)
    if going:
        _answer(books, transaction, going[0])
    elif forgotten + transaction.forgotten[place] > 0:
        transaction.forgotten[place] -= 1
    elif _let_some_go(books, transaction, place, merged):
        pass
    else:
        assert len(loose) >= merged, f"{merged} of {place} are dropped, and not owed"
        del loose[:merged]


def _let_some_go(books: Books, transaction: Transaction, place: Place, merged: int) -> bool:
    """Activations that became one just before, or the first raises of a batch that goes as a whole afterwards."""
    leaving = [each for each in books.of_place(place) if each.number in transaction.to_answer]
    leaving = [each for each in leaving if each.running is None]
    if sum(len(each.raises) for each in leaving) == merged:
        for each in leaving:
            _answer(books, transaction, each.number)
        return True
    for each in leaving:
        if len(each.raises) > merged and books.tasks[place[0]].registration.concurrency is Concurrency.BATCH:
            del each.raises[:merged]
            return True
    return False


def _going(books: Books, transaction: Transaction, place: Place, merged: int) -> list[int]:
    """What is owed no more after this transaction, of so many raises."""
    waiting = [each for each in books.of_place(place) if each.running is None and len(each.raises) == merged]
    return [each.number for each in waiting if each.number in transaction.to_answer]


def _fill_next(books: Books, transaction: Transaction, place: Place, merged: int) -> None:
    """The next of a place that was kept, and is owed no more within the same transaction."""
    for number in sorted(transaction.to_answer & set(transaction.kept) - transaction.filled):
        kept = transaction.kept[number]
        if (kept.task, kept.raised.key, kept.merged) == (*place, merged):
            fill(books, transaction, kept)
            return


def check_queue(books: Books, transaction: Transaction, name: str) -> None:
    """Where something was dropped, the queue is full."""
    waiting = [each for each in books.of_task(name) if not each.started or each.number in transaction.started]
    waiting += [each for each in transaction.answered.values() if each.place[0] == name]
    if all(each.has_batch for each in waiting):
        full = sum(_weight(books, each) for each in waiting) >= books.tasks[name].registration.queue_limit
        assert full, f"{name} dropped what there was room for: {waiting}"


def _weight(books: Books, activation: Activation) -> int:
    """How many places of the queue an activation takes."""
    task = books.tasks.get(activation.place[0])
    is_batch = task is not None and task.registration.concurrency is Concurrency.BATCH
    return len(activation.raises) if is_batch else 1


def end(books: Books, transaction: Transaction) -> None:
    """After a transaction: what is owed no more was run, or recorded as dropped."""
    owed = books.owed
    for number in transaction.over:
        assert number in transaction.to_answer, f"activation {number} was run, and is still owed"
    for number in transaction.to_answer - set(transaction.answered):
        activation = owed.pop(number, None)
        if activation is None:
            continue  # said before
        is_left = activation.running is not None and activation.abandoned
        assert is_left or number in transaction.over, f"{activation} is owed no more, and nobody says why"
    for number in transaction.must_answer:
        assert number not in owed, f"activation {number} is not to be run any more, and is still owed"
    for number in transaction.must_owe:
        assert number in owed, f"activation {number} has to be run again, and is owed no more"
    assert not any(transaction.forgotten.values()), "details were forgotten, and not recorded as dropped"
    for place, merged in transaction.latched_as.items():
        waiting = [len(each.raises) for each in books.waiting(place)]
        assert transaction.dropped[place] or merged in waiting, (
            f"a latch of {place} says of how many raises it is made: {waiting}, not {merged}"
        )
