"""A task that raises its own trigger is slowed to a stop; a device that tells something all the time is not."""

from itertools import count

from bridge.dispatch.decisions import Activate, Completed, Decision, Quarantined, Slowed
from bridge.dispatch.dispatcher import Dispatcher
from bridge.dispatch.loops import ECHO, MOST_HOLDS, SHORTEST_HOLD, SUSPICIOUS_RUNS
from bridge.model.guid import Guid
from bridge.model.tasks import Concurrency, Exec, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised, TimeTrigger

GUID = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
MILLISECOND = 1000
DURATION = 10 * MILLISECOND


def dispatcher_of(*triggers: CustomSystemEventTrigger | TimeTrigger, **more: object) -> Dispatcher:
    ids = count(1)
    dispatcher = Dispatcher(lambda: str(next(ids)))
    task = Registration(
        name="t",
        triggers=triggers or (CustomSystemEventTrigger(GUID),),
        run=Exec(arguments=(Template.parse("/bin/true"),)),
        **more,  # type: ignore[arg-type]  # fields of several types by name
    )
    dispatcher.declare([task], 0)
    return dispatcher


def raised(at: int, key: str = "") -> Raised:
    return Raised(at=at, trigger=GUID, rule="r", key=key)


class Looping:
    """A task whose every run raises its trigger `after` it began, and lasts for `DURATION`."""

    def __init__(self, dispatcher: Dispatcher, after: int = DURATION // 2) -> None:
        self.dispatcher = dispatcher
        self.after = after
        self.now = 0
        self.began: list[int] = []
        self.slowed: list[Slowed] = []
        self.quarantined: list[Quarantined] = []

    def take(self, decisions: list[Decision]) -> str | None:
        """Takes what was decided; the run that it starts."""
        started = None
        for each in decisions:
            match each:
                case Activate(instance=instance):
                    started = instance.instance_id
                    self.began.append(self.now)
                case Slowed():
                    self.slowed.append(each)
                case Quarantined():
                    self.quarantined.append(each)
        return started

    def go_on(self, runs: int) -> None:
        run = self.take(self.dispatcher.raised(raised(self.now)))
        for _ in range(runs):
            if run is None:
                return
            began = self.now
            self.now = began + self.after
            if self.after < DURATION:
                assert self.take(self.dispatcher.raised(raised(self.now))) is None
            self.now = began + DURATION
            next_run = self.take(self.dispatcher.completed(over(run, self.now)))
            if self.after >= DURATION:
                self.now = began + self.after
                next_run = self.take(self.dispatcher.raised(raised(self.now)))
            if next_run is None and self.dispatcher.deadline is not None:
                self.now = self.dispatcher.deadline
                next_run = self.take(self.dispatcher.advance(self.now))
            run = next_run


def over(instance_id: str, at: int) -> Completed:
    return Completed(at=at, instance_id=instance_id, succeeded=True)


def test_a_loop_is_held_longer_and_longer_then_quarantined_and_its_trigger_is_named() -> None:
    looping = Looping(dispatcher_of(run_limit=None))
    looping.go_on(1000)

    assert len(looping.began) == 1 + SUSPICIOUS_RUNS + MOST_HOLDS
    assert [each.until - each.at for each in looping.slowed] == [SHORTEST_HOLD << n for n in range(MOST_HOLDS)]
    (quarantined,) = looping.quarantined
    assert str(GUID) in quarantined.why
    assert looping.dispatcher.waiting == 1


def test_a_raise_just_after_the_run_is_its_echo_too() -> None:
    looping = Looping(dispatcher_of(run_limit=None), after=DURATION + ECHO)
    looping.go_on(1000)

    assert len(looping.quarantined) == 1


def test_a_raise_that_a_filter_has_kept_back_counts_from_when_its_event_came() -> None:
    delay = 100 * MILLISECOND
    seen_in_run, seen_later = DURATION // 2, DURATION + ECHO + 1
    for seen, is_loop in ((seen_in_run, True), (seen_later, False)):
        looping = Looping(dispatcher_of(run_limit=None))
        run = looping.take(looping.dispatcher.raised(raised(0)))
        for _ in range(200):
            if run is None:
                break
            began = looping.now
            looping.now = began + DURATION
            looping.take(looping.dispatcher.completed(over(run, looping.now)))
            looping.now = began + seen + delay
            late = Raised(at=looping.now, trigger=GUID, rule="r", seen_at=began + seen)
            run = looping.take(looping.dispatcher.raised(late))
            if run is None and looping.dispatcher.deadline is not None:
                looping.now = looping.dispatcher.deadline
                run = looping.take(looping.dispatcher.advance(looping.now))

        assert bool(looping.quarantined) is is_loop


def test_a_raise_that_comes_later_than_that_is_none() -> None:
    looping = Looping(dispatcher_of(run_limit=None), after=DURATION + ECHO + 1)
    looping.go_on(1000)

    assert (looping.slowed, looping.quarantined, len(looping.began)) == ([], [], 1001)


def test_a_loop_is_seen_whatever_the_concurrency_that_lets_it_go_on() -> None:
    for concurrency in (Concurrency.LATEST, Concurrency.BATCH, Concurrency.QUEUE):
        looping = Looping(dispatcher_of(run_limit=None, concurrency=concurrency))
        looping.go_on(1000)

        assert len(looping.quarantined) == 1, concurrency


def test_a_raise_while_a_run_is_held_acquits_it_and_the_run_starts_at_once() -> None:
    looping = Looping(dispatcher_of(run_limit=None))
    looping.go_on(SUSPICIOUS_RUNS + 1)  # the last of them is held
    looping.take(looping.dispatcher.raised(raised(looping.now)))
    while not looping.slowed or looping.dispatcher.running:
        for run in looping.dispatcher.runs:
            looping.take(looping.dispatcher.raised(raised(looping.now + 1)))
            looping.now += DURATION
            looping.take(looping.dispatcher.completed(over(run.instance.instance_id, looping.now)))
    before = len(looping.began)
    looping.now += ECHO + 1

    assert looping.take(looping.dispatcher.raised(raised(looping.now))) is not None
    assert len(looping.began) == before + 1


def test_a_burst_that_waits_in_a_queue_is_no_loop() -> None:
    looping = Looping(dispatcher_of(run_limit=None, concurrency=Concurrency.QUEUE))
    for number in range(100):
        looping.take(looping.dispatcher.raised(raised(number)))
    while looping.dispatcher.running:
        for run in looping.dispatcher.runs:
            looping.now += DURATION
            looping.take(looping.dispatcher.completed(over(run.instance.instance_id, looping.now)))

    assert (looping.slowed, looping.quarantined, len(looping.began)) == ([], [], 100)


def test_a_caller_that_waits_for_each_run_before_it_raises_again_is_no_loop() -> None:
    looping = Looping(dispatcher_of(run_limit=None))
    for _ in range(100):
        run = looping.take(looping.dispatcher.raised(Raised(at=looping.now, trigger=GUID)))
        assert run is not None
        looping.now += DURATION
        looping.take(looping.dispatcher.completed(over(run, looping.now)))

    assert (looping.slowed, looping.quarantined) == ([], [])


def test_a_loop_of_a_caller_is_seen_though_it_takes_another_key_each_time() -> None:
    looping = Looping(dispatcher_of(run_limit=None))
    run = looping.take(looping.dispatcher.raised(Raised(at=0, trigger=GUID)))
    for number in range(200):
        if run is None:
            break
        looping.now += DURATION
        raised_by_run = Raised(at=looping.now, trigger=GUID, key=str(number), cause=run)
        next_run = looping.take(looping.dispatcher.raised(raised_by_run))
        next_run = looping.take(looping.dispatcher.completed(over(run, looping.now + 1))) or next_run
        if next_run is None and looping.dispatcher.deadline is not None:
            looping.now = looping.dispatcher.deadline
            next_run = looping.take(looping.dispatcher.advance(looping.now))
        run = next_run

    assert len(looping.quarantined) == 1


def test_a_loop_that_raises_twice_in_each_run_is_seen_though_its_queue_grows() -> None:
    looping = Looping(dispatcher_of(run_limit=None, concurrency=Concurrency.QUEUE, queue_limit=50))
    run = looping.take(looping.dispatcher.raised(Raised(at=0, trigger=GUID)))
    for _ in range(3000):
        if run is None:
            break
        looping.now += DURATION
        for _ in range(2):
            looping.take(looping.dispatcher.raised(Raised(at=looping.now, trigger=GUID, cause=run)))
        run = looping.take(looping.dispatcher.completed(over(run, looping.now + 1)))
        if run is None and looping.dispatcher.deadline is not None:
            looping.now = looping.dispatcher.deadline
            run = looping.take(looping.dispatcher.advance(looping.now))

    assert len(looping.quarantined) == 1


def test_a_run_that_raises_its_own_trigger_for_each_of_many_things_is_no_loop() -> None:
    looping = Looping(dispatcher_of(run_limit=None, concurrency=Concurrency.QUEUE))
    run = looping.take(looping.dispatcher.raised(Raised(at=0, trigger=GUID)))
    for number in range(200):
        looping.take(looping.dispatcher.raised(Raised(at=1, trigger=GUID, key=str(number), cause=run)))
    while run is not None:
        looping.now += DURATION
        run = looping.take(looping.dispatcher.completed(over(run, looping.now)))

    assert (looping.slowed, looping.quarantined, len(looping.began)) == ([], [], 201)


def test_a_loop_over_two_tasks_is_seen_where_callers_of_the_api_raise() -> None:
    ids = count(1)
    dispatcher = Dispatcher(lambda: str(next(ids)))
    other = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AC}")
    program = Exec(arguments=(Template.parse("/bin/true"),))
    tasks = [
        Registration(name=name, triggers=(CustomSystemEventTrigger(guid),), run=program, run_limit=None)
        for name, guid in (("there", GUID), ("back", other))
    ]
    dispatcher.declare(tasks, 0)
    looping = Looping(dispatcher)
    run = looping.take(dispatcher.raised(Raised(at=0, trigger=GUID)))
    for number in range(200):
        if run is None:
            break
        looping.now += DURATION
        next_run = looping.take(dispatcher.raised(Raised(at=looping.now, trigger=(other, GUID)[number % 2], cause=run)))
        looping.take(dispatcher.completed(over(run, looping.now + 1)))
        if next_run is None and dispatcher.deadline is not None:
            looping.now = dispatcher.deadline
            next_run = looping.take(dispatcher.advance(looping.now))
        run = next_run

    assert looping.slowed
    assert len(looping.quarantined) == 1


def test_a_timer_that_is_quicker_than_its_task_is_no_loop() -> None:
    dispatcher = dispatcher_of(TimeTrigger(1_000_000), run_limit=None)
    looping = Looping(dispatcher)
    for _ in range(100):
        looping.now += 1_000_000
        looping.take(dispatcher.advance(looping.now))
        if looping.now % 3_000_000 == 0:
            for run in dispatcher.runs:
                looping.take(dispatcher.completed(over(run.instance.instance_id, looping.now)))

    assert (looping.slowed, looping.quarantined) == ([], [])


def test_another_key_is_not_held() -> None:
    looping = Looping(dispatcher_of(run_limit=None, max_running=2))
    looping.go_on(SUSPICIOUS_RUNS + 3)

    assert looping.slowed
    assert looping.take(looping.dispatcher.raised(raised(looping.now, "other"))) is not None


def test_a_quarantined_loop_goes_on_when_it_is_reset() -> None:
    looping = Looping(dispatcher_of(run_limit=None))
    looping.go_on(1000)

    assert looping.take(looping.dispatcher.reset("t", looping.now)) is not None
