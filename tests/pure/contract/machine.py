"""Any order of raise, condition, end, cancel, crash, restart, reboot, clock step. The promises stand elsewhere."""

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.dispatch.decisions import Progressed, Resumed, StoreTurned
from bridge.model.conditions import MAINS
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import Registration
from bridge.model.triggers import Raised
from bridge.pipeline.facts import CancelRun, ConditionSet, RegisterTask, ResetTask, Stopping, UnregisterTask
from tests.pure.contract.cases import (
    APIS,
    FILES,
    GONE,
    KEYS,
    LEVELS,
    PLUGGED,
    POWER,
    PRESSED,
    SECOND,
    ZONE,
    registrations,
)
from tests.pure.contract.world import World

TRIGGERS = (PLUGGED,) * 6 + (PRESSED, GONE)
STEPS = (1, 20_000, 500_000, SECOND, 2 * SECOND, 7 * SECOND, 30 * SECOND, 400 * SECOND)


class Contract(RuleBasedStateMachine):
    """Facts in any order, a store that commits now or later, a daemon that may die at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.raises = 0
        self.world = World()

    @initialize(
        file=registrations(FILES[0]), api=registrations(APIS[0]), levels=st.lists(st.sampled_from(LEVELS), unique=True)
    )
    def begin(self, file: Registration, api: Registration, levels: list[str]) -> None:
        self.world.files[file.name] = file
        self.world.tell(self.world.declaration())
        self.world.tell(RegisterTask(at=self.world.now, registration=api))
        for level in levels:
            self.world.tell(ConditionSet(at=self.world.now, name=level, value=True))

    @rule(trigger=st.sampled_from(TRIGGERS), keys=st.lists(st.sampled_from("aaab"), min_size=1, max_size=4))
    def raise_some(self, trigger: Guid, keys: list[str]) -> None:
        for key in keys:
            self.raise_one(trigger, key)

    @rule(trigger=st.sampled_from([ZONE, ZONE, POWER]))
    def the_system_changes(self, trigger: SystemTriggerType) -> None:
        self.raise_one(trigger, "")

    def raise_one(self, trigger: Guid | SystemTriggerType, key: str, cause: str | None = None) -> None:
        self.raises += 1
        rule_name = "r" if self.raises % 2 and cause is None else None
        details = {"n": str(self.raises)}
        raised = Raised(at=self.world.now, trigger=trigger, rule=rule_name, key=key, details=details, cause=cause)
        self.world.tell(raised)

    @rule(name=st.sampled_from([*LEVELS, *LEVELS, MAINS]), value=st.sampled_from([True, True, False, False, None]))
    def a_condition_turns(self, name: str, value: bool | None) -> None:
        self.world.tell(ConditionSet(at=self.world.now, name=name, value=value))

    @precondition(lambda self: self.world.processes)
    @rule(data=st.data(), how=st.sampled_from(["succeeded", "succeeded", "failed", "again"]))
    def a_run_ends(self, data: st.DataObject, how: str) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.world.processes))), how)

    @precondition(lambda self: self.world.killed)
    @rule()
    def what_was_killed_is_dead(self) -> None:
        self.end(min(self.world.killed), "failed")

    def end(self, instance_id: str, how: str) -> None:
        self.world.complete(instance_id, succeeded=how == "succeeded", again=how == "again")

    @precondition(lambda self: self.world.processes)
    @rule(data=st.data())
    def a_person_cancels_a_run(self, data: st.DataObject) -> None:
        instance_id = data.draw(st.sampled_from(sorted(self.world.processes)))
        self.world.tell(CancelRun(at=self.world.now, instance_id=instance_id))

    @precondition(lambda self: self.world.processes)
    @rule(data=st.data(), progress=st.integers(0, 100))
    def a_run_says_how_far_it_is(self, data: st.DataObject, progress: int) -> None:
        instance_id = data.draw(st.sampled_from(sorted(self.world.processes)))
        self.world.tell(Progressed(at=self.world.now, instance_id=instance_id, progress=progress))

    @rule(key=st.sampled_from(KEYS), how=st.sampled_from(["failed", "failed", "failed", "succeeded"]))
    def a_key_is_raised_and_run_ten_times(self, key: str, how: str) -> None:
        for _ in range(10):
            self.raise_one(PLUGGED, key)
            self.world.commit()
            for instance_id in sorted(self.world.processes):
                if self.world.processes[instance_id].raised.key == key:
                    self.end(instance_id, how)
            self.world.commit()

    @rule(key=st.sampled_from(KEYS), rounds=st.sampled_from([1, 5, 30]), by_cause=st.booleans())
    def a_run_raises_its_own_trigger(self, key: str, rounds: int, by_cause: bool) -> None:
        self.raise_one(PLUGGED, key)
        for _ in range(rounds):
            self.world.commit()
            running = [each for each, run in self.world.processes.items() if run.raised.key == key]
            if not running:
                deadline = self.world.pipeline.deadline
                if deadline is None or deadline > self.world.now + 10 * SECOND:
                    return
                self.world.go_on(deadline)
                continue
            self.world.go_on(self.world.now + 30_000)
            self.raise_one(PLUGGED, key, cause=running[0] if by_cause else None)
            self.world.go_on(self.world.now + 5_000)
            self.world.commit()
            for instance_id in running:
                if instance_id in self.world.processes:
                    self.end(instance_id, "succeeded")

    @rule(data=st.data())
    def somebody_registers(self, data: st.DataObject) -> None:
        registration = data.draw(st.sampled_from([registrations(name) for name in APIS]).flatmap(lambda each: each))
        self.world.tell(RegisterTask(at=self.world.now, registration=registration))

    @rule(name=st.sampled_from(APIS))
    def somebody_registers_the_same_again(self, name: str) -> None:
        if name in self.world.store.registrations:
            same = self.world.store.registrations[name]
            self.world.tell(RegisterTask(at=self.world.now, registration=same))

    @rule(name=st.sampled_from(APIS), cancel_task=st.booleans())
    def somebody_unregisters(self, name: str, cancel_task: bool) -> None:
        self.world.tell(UnregisterTask(at=self.world.now, name=name, cancel_task=cancel_task))

    @rule(data=st.data(), name=st.sampled_from(FILES), how=st.sampled_from(["reload", "change", "remove"]))
    def files_are_read_again(self, data: st.DataObject, name: str, how: str) -> None:
        self.change_files(data, name, how)
        self.world.tell(self.world.declaration())

    def change_files(self, data: st.DataObject, name: str, how: str) -> None:
        if how == "change":
            self.world.files[name] = data.draw(registrations(name))
        if how == "remove":
            self.world.files.pop(name, None)

    @rule(name=st.sampled_from([*FILES, *APIS]))
    def somebody_resets(self, name: str) -> None:
        self.world.tell(ResetTask(at=self.world.now, name=name))

    @rule(by=st.sampled_from(STEPS), at_once=st.booleans())
    def time_goes_on(self, by: int, at_once: bool) -> None:
        self.world.go_on(self.world.now + by, at_once=at_once)

    @rule(before=st.sampled_from([0, 0, 1]))
    def time_goes_on_to_the_deadline(self, before: int) -> None:
        deadline = self.world.pipeline.deadline
        if deadline is not None and deadline - before > self.world.now:
            self.world.go_on(deadline - before)

    @rule(asleep=st.sampled_from(STEPS))
    def the_machine_sleeps(self, asleep: int) -> None:
        self.world.tell(Resumed(at=self.world.now, asleep=asleep))

    @rule(accepts=st.booleans())
    def the_store_turns(self, accepts: bool) -> None:
        self.world.tell(StoreTurned(at=self.world.now, accepts=accepts))

    @rule(transactions=st.integers(1, 12))
    def the_disk_is_slow(self, transactions: int) -> None:
        self.world.uncommitted = transactions

    @rule(transactions=st.sampled_from([1, 2, None]))
    def the_disk_has_written(self, transactions: int | None) -> None:
        if transactions is None:
            self.world.uncommitted = 0
        self.world.commit(transactions)

    @rule()
    def the_service_is_about_to_stop(self) -> None:
        self.world.tell(Stopping(at=self.world.now))

    @rule(data=st.data(), away=st.sampled_from(STEPS), reboot=st.booleans())
    def the_service_is_restarted(self, data: st.DataObject, away: int, reboot: bool) -> None:
        self.world.tell(Stopping(at=self.world.now))
        self.world.commit()
        self.world.uncommitted = 0
        while self.world.processes:
            how = data.draw(st.sampled_from(["succeeded", "failed", "again"]))
            self.end(min(self.world.processes), how)
        self.begin_again(data, away, reboot=reboot)

    @rule(data=st.data(), away=st.sampled_from(STEPS), reboot=st.booleans())
    def the_daemon_crashes(self, data: st.DataObject, away: int, reboot: bool) -> None:
        self.begin_again(data, away, reboot=reboot)

    def begin_again(self, data: st.DataObject, away: int, *, reboot: bool) -> None:
        before = self.world.now
        self.world.die()
        self.change_files(data, FILES[0], data.draw(st.sampled_from(["keep"] * 6 + ["change", "remove"])))
        self.world.now += away
        if reboot:
            stepped = data.draw(st.sampled_from([0, 0, 3600 * SECOND, -3600 * SECOND, -(10**9) * SECOND]))
            now = data.draw(st.sampled_from([3 * SECOND, 60 * SECOND]))
            self.world.boot_again(now, now - before - away - stepped)
        self.world.uncommitted = data.draw(st.sampled_from([0, 0, 0, 3]))
        self.world.start()

    @invariant()
    def what_is_promised_when_all_is_committed(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        try:
            if not self.world.is_broken:  # else a promise is, and this is called all the same
                self.everything_is_answered_in_the_end()
        finally:
            note("\n".join(self.world.story))

    def everything_is_answered_in_the_end(self) -> None:
        """Once all conditions hold and all runs succeed, no raise is left without its answer."""
        world = self.world
        world.uncommitted = 0
        world.commit()
        if world.promises.books.stopping:
            world.die()
            world.start()
        world.tell(StoreTurned(at=world.now, accepts=True))
        world.tell(ConditionSet(at=world.now, name=MAINS, value=True))
        for docked in (True, False):
            for name, value in ((LEVELS[0], docked), (LEVELS[1], True)):
                world.tell(ConditionSet(at=world.now, name=name, value=value))
            self.run_out()
        world.check()
        books = world.promises.books
        # What a timer raised for a task that waits for the dock, when that was gone again, waits for ever.
        left = [each for each in books.owed.values() if books.is_open(books.tasks[each.place[0]], each.newest.raised)]
        assert not left, "something is owed in the end"

    def run_out(self) -> None:
        for _ in range(200):
            for name, task in self.world.promises.books.tasks.items():
                if task.quarantined:
                    self.world.tell(ResetTask(at=self.world.now, name=name))
            while self.world.processes:
                self.world.complete(min(self.world.processes))
            deadline = self.world.pipeline.deadline
            if deadline is None or not self.world.promises.books.owed:
                return
            self.world.go_on(deadline)
