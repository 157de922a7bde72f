"""The bench that a test stands at: hwbridge with a clock, devices and runs that are the test's to move.

It is the pipeline of the daemon on the virtual clock of `hwbridge replay`; nothing is started, opened or waited for.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path

import msgspec

from bridge.dispatch.decisions import Progressed
from bridge.errors import CallFailedError, DeclarationError, InvalidGuidError, InvalidValueError
from bridge.hosts.host import Ended
from bridge.mapping.table import RuleTable
from bridge.model.conditions import MAINS, SYSTEM_CONDITIONS
from bridge.model.details import checked_key
from bridge.model.durations import format_at, parse_duration
from bridge.model.events import DeviceGone, Event, Origin
from bridge.model.guid import Guid
from bridge.model.system_triggers import SYSTEM_TRIGGERS
from bridge.model.tasks import RequestResult
from bridge.model.text import count_of
from bridge.model.triggers import OwnTrigger, Raised
from bridge.pipeline.facts import (
    CancelRun,
    ConditionSet,
    Declared,
    RegisterTask,
    ResetTask,
    Stopping,
    UnregisterTask,
)
from bridge.pipeline.load.tasks import load_task, load_tasks
from bridge.pipeline.pipeline import Fact, Outcome
from bridge.recording.record import event_of_record
from bridge.service.declarations import Declarations, check_declarations
from bridge.service.installed import use_plugins
from bridge.service.recordings import merged
from bridge.testing.details import given_details
from bridge.testing.expected import Expectations
from bridge.testing.given import Given, One, open_given, place_of, read_toml
from bridge.testing.hold import Hold, HoldingHost
from bridge.testing.journal import Journal, Restarted, copy_of
from bridge.testing.replay import Replay
from bridge.testing.short import short
from bridge.testing.told import RUNNING, Activation, DroppedRaise, LatchedRaise, RaisedTrigger, Told, seconds
from bridge.toml.document import Document
from bridge.toml.values import did_you_mean


class Bench:
    """hwbridge, as the fixture `hwbridge` gives it to a test; paths start at `folder`.

    Nothing is declared at first, and it is 0 seconds. A mistake of the test is an error of `bridge.errors`.
    """

    def __init__(self, folder: Path, expectations: Expectations) -> None:
        use_plugins()
        self._folder = folder
        self._expectations = expectations
        self._tasks_given: Sequence[Document] = ()
        self._declarations = Declarations(RuleTable(), ())
        self._are_rules_given = self._are_tasks_given = False
        self._set_conditions: set[str] = set()
        self._told = Told()
        self._hold_of: dict[str, Hold] = {}
        self._replay = Replay(self._declarations.rules, (), self._make_host)
        self._journal = Journal(self._declarations.rules)

    def _make_host(self, ended: Callable[..., None]) -> HoldingHost:
        self._host = HoldingHost(ended)
        return self._host

    def __repr__(self) -> str:
        counts = f"{len(self.raised)} raised, {count_of(len(self.activations), 'run')}"
        return f"<hwbridge at {format_at(self._replay.now)}: {counts}>"

    @property
    def now(self) -> float:
        """The time in seconds: that of the last event, or where `advance` and filters that ran out have put it."""
        return seconds(self._replay.now)

    @property
    def raised(self) -> list[RaisedTrigger]:
        """The triggers that were raised, in order."""
        return self._told.raised

    @property
    def activations(self) -> list[Activation]:
        """The runs that were started, in order."""
        return self._told.activations

    @property
    def latched(self) -> list[LatchedRaise]:
        """The raises that had to wait for conditions, in order."""
        return self._told.latched

    @property
    def dropped(self) -> list[DroppedRaise]:
        """The raises that got no run, in order."""
        return self._told.dropped

    @property
    def quarantined(self) -> list[str]:
        """The names of the tasks that are quarantined now."""
        return [task.name for task in self._replay.dispatcher.tasks if task.quarantined]

    @short
    def replay(
        self,
        *files: One,
        rules: Given | None = None,
        tasks: Given | None = None,
        until: str | None = None,
    ) -> None:
        """Declares rules and tasks, then plays recordings from `now` on, merged by time.

        `rules` and `tasks` are a folder, a file, TOML text, or a list of these; None keeps those before. After the
        last event filters run out; or `until` that time of the recordings, `"10s"`, everything that is due happens.
        """
        end = None if until is None else parse_duration(until)
        with ExitStack() as opened:
            recordings = [opened.enter_context(open_given(file, self._folder)) for file in files]
            self._declare(rules, tasks)
            if not recordings and end is None:
                return
            start = self._replay.now
            stop = None if end is None else start + end
            events = _up_to(stop, (_moved(each, start) for each in merged(recordings)))
            self._take(self._replay.events(map(self._journal.noted, events), stop))

    @short
    def emit(self, source: str, origin: str = "live", **fields: str | int) -> None:
        """One event, `now`: fields as in a line of a recording, with the same checks.

        A name that Python does not take is given as `**{"attr.idVendor": "046d"}`; `gone=` says that a device went.
        """
        event = _checked_event(source, origin, fields)
        self._tell(msgspec.structs.replace(event, at=self._replay.now))

    @short
    def advance(self, duration: str | float) -> None:
        """Lets so much time go by: `"5s"`, or a number of seconds. What is due happens."""
        if isinstance(duration, float | int) and duration >= 0:
            duration = f"{duration:.6f}s"
        self._take(self._replay.advance(self._replay.now + parse_duration(duration)))

    @short
    def set_condition(self, name: str, value: bool | None) -> None:
        """Says whether a condition holds, whatever events tell of it; None takes that back, and events tell again.

        It may be said before rules are declared; then they must have a condition of the name.
        """
        if self._are_rules_given:
            _check_known(name, self._known_conditions(), "condition", "rules")
        self._set_conditions.add(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidValueError(f"a condition holds (True), does not (False) or is unknown (None), not {value!r}")
        self._tell(ConditionSet(at=self._replay.now, name=name, value=value))

    @short
    def raise_trigger(self, trigger: str, /, key: str = "", **details: str) -> int:
        """Raises a trigger as a caller of the API does, by its name or GUID; returns how many tasks heard of it.

        Raises `CallFailedError` where a full queue makes the API answer `Busy`.
        """
        names = self._declarations.rules.names
        guid = names[trigger].guid if trigger in names else _guid_of(trigger, names)
        dispatcher = self._replay.dispatcher
        if dispatcher.busy(guid, checked_key(key)):
            raise CallFailedError("org.hwbridge.Busy", {"trigger": trigger})
        subscribers = dispatcher.subscribers(guid)
        if subscribers:
            self._tell(Raised(at=self._replay.now, trigger=guid, key=key, details=given_details(details)))
        return subscribers

    @short
    def request(self, task: str, /, **details: str) -> RequestResult:
        """Requests a task that has an application trigger, as a caller of the API does; returns what is answered."""
        self._check_task(task)
        result = self._replay.dispatcher.request_result(task)
        if result is RequestResult.Allowed:
            trigger, told = OwnTrigger.APPLICATION, given_details(details)
            self._tell(Raised(at=self._replay.now, trigger=trigger, task=task, details=told))
        return result

    @short
    def cancel(self, activation: Activation) -> None:
        """Cancels a run, as `hwbridge cancel` does (`Abort`). Raises `InvalidValueError` where it is over."""
        if activation.state != RUNNING:
            raise InvalidValueError(f"{activation!r} is no open run")
        self._tell(CancelRun(at=self._replay.now, instance_id=activation.instance_id))

    @short
    def register(self, definition: Mapping[str, object]) -> None:
        """Registers a task as a caller of the API does; what it says is what stands below `[[task]]` in a file.

        Raises `DeclarationError` with all that is wrong with it.
        """
        registration, problems = load_task(definition, self._declarations.rules, owner=None)
        if registration is None:
            raise DeclarationError(problems)
        self._tell(RegisterTask(at=self._replay.now, registration=registration))

    @short
    def unregister(self, task: str, cancel_task: bool = False) -> None:
        """A task is registered no more (one of a file comes back with it); its runs may finish, or are canceled."""
        self._check_task(task)
        self._tell(UnregisterTask(at=self._replay.now, name=task, cancel_task=cancel_task))

    @short
    def reset(self, task: str) -> None:
        """A task is quarantined no more, and its failures are forgotten, as by `hwbridge reset`."""
        self._check_task(task)
        self._tell(ResetTask(at=self._replay.now, name=task))

    @short
    def restart(self, reboot: bool = False, kill: bool = False) -> None:
        """Stops the daemon and starts it again, with `reboot` the machine too; no time goes by.

        Runs are canceled (`Terminating`) and run again; with `kill` nobody could cancel them, and they are `lost`.
        What the store keeps is kept, "boot" only until a reboot; levels, filters and conditions are forgotten. Tell
        what a monitor would find by `emit(..., origin="start")`.
        """
        if kill:
            self._host.forget_all()
            self._told.lose_runs()
        else:
            self._tell(Stopping(at=self._replay.now))
            self._host.kill_all()
            self._take(self._replay.settle())
        if reboot:
            self._told.book.boot()
        rules, memory = self._declarations.rules, copy_of(self._told.book.memory)
        self._journal.noted(Restarted(at=self._replay.now, rules=rules, memory=memory))
        restored = self._told.book.restored(self._replay.now)
        self._take(self._replay.start(rules, self._declarations.tasks, memory, restored))

    @short
    def hold(self, task: str) -> Hold:
        """Keeps the runs of a task open from now on; its limits apply.

        It may be said before tasks are declared; then one must have the name.
        """
        if self._are_tasks_given:
            self._check_task(task)
        if not isinstance(task, str):
            raise InvalidValueError(f"a task is held by its name, not by {task!r}")
        self._host.held.add(task)
        return self._hold_of.setdefault(task, Hold(task, self._told.runs, self._end_all, self._report))

    @short
    def expect(self, expected: One) -> None:
        """Asserts that the file holds what happened since the test began, as `hwbridge replay` prints it.

        `pytest --update-expected` writes the file.
        """
        self._expectations.meet(place_of(expected, self._folder), self._told.content())

    def explanation(self) -> str:
        """What happened and what did not, and why: for a failing test."""
        from bridge.testing.explanation import explanation_of  # a test that succeeds has no use for it

        return explanation_of(self._told, self._declarations.rules, self._journal, self._replay)

    def _declare(self, rules: Given | None, tasks: Given | None) -> None:
        if rules is None and tasks is None:
            return
        task_documents = self._tasks_given if tasks is None else read_toml("tasks", tasks, self._folder)
        if rules is not None:
            declarations = check_declarations(read_toml("rules", rules, self._folder), task_documents)
        else:  # the rules that there are: a rule is the same only if it is the same object
            declarations = _with_tasks(self._declarations.rules, task_documents)
        self._tasks_given, self._declarations = task_documents, declarations
        self._are_rules_given |= rules is not None
        self._are_tasks_given |= tasks is not None
        from_callers = {task.name for task in self._replay.dispatcher.tasks if not task.registration.from_file}
        for task in sorted(self._host.held) if self._are_tasks_given else ():
            _check_known(task, {each.name for each in declarations.tasks} | from_callers, "task", "tasks")
        for condition in sorted(self._set_conditions) if self._are_rules_given else ():
            _check_known(condition, self._known_conditions(), "condition", "rules")
        self._tell(Declared(at=self._replay.now, rules=declarations.rules, tasks=declarations.tasks))

    def _known_conditions(self) -> set[str]:
        return {MAINS, *SYSTEM_CONDITIONS, *(each.name for each in self._declarations.rules.conditions)}

    def _check_task(self, name: str) -> None:
        _check_known(name, {task.name for task in self._replay.dispatcher.tasks}, "task", "tasks")

    def _tell(self, fact: Fact) -> None:
        self._take(self._replay.tell(self._journal.noted(fact)))

    def _end_all(self, runs: Sequence[Ended]) -> None:
        for run in runs:
            self._host.end(run)
        self._take(self._replay.settle())

    def _report(self, run: Activation, progress: int) -> None:
        self._tell(Progressed(at=self._replay.now, instance_id=run.instance_id, progress=progress))

    def _take(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._told.take(outcome)


def _with_tasks(rules: RuleTable, documents: Sequence[Document]) -> Declarations:
    tasks, problems = load_tasks(documents, rules)
    if problems:
        raise DeclarationError(problems)
    return Declarations(rules, tasks)


def _up_to(stop: int | None, events: Iterator[Event | DeviceGone]) -> Iterator[Event | DeviceGone]:
    return events if stop is None else takewhile(lambda event: event.at <= stop, events)


def _moved(event: Event | DeviceGone, by: int) -> Event | DeviceGone:
    return msgspec.structs.replace(event, at=event.at + by) if by else event


def _checked_event(source: str, origin: str, fields: Mapping[str, str | int]) -> Event | DeviceGone:
    if "at" in fields:
        raise InvalidValueError("an event is emitted now, and has no at: advance the time before it")
    rest = {**fields} if "gone" in fields and origin == Origin.LIVE else {"origin": origin, **fields}
    try:
        return event_of_record({"at": 0, "source": source, **rest})
    except InvalidValueError as error:
        raise InvalidValueError(f"emit({source!r}): {error}") from error


def _guid_of(trigger: str, names: Collection[str]) -> Guid:
    if trigger in SYSTEM_TRIGGERS or trigger in list(OwnTrigger):
        raise InvalidValueError(f"{trigger} is the system's or a task's own trigger: no caller can raise it")
    try:
        return Guid.parse(trigger)
    except InvalidGuidError as error:
        raise InvalidValueError(f"{error}, and no name in [triggers]{did_you_mean(str(trigger), names)}") from error


def _check_known(name: str, known: Collection[str], what: str, where: str) -> None:
    if name not in known:
        there = f"there are {', '.join(sorted(known))}" if known else f"declare it by replay({where}=...)"
        raise InvalidValueError(f"no {what} has the name {name!r}; {there}{did_you_mean(str(name), known)}")
