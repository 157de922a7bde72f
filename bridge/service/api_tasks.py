"""The methods that register tasks and tell of them. What is registered is judged as a tasks file is.

A task of a file belongs to the file: over the API it can be asked for, but not replaced or unregistered. A task that
somebody registered is that user's alone: to other members it is neither shown nor given up.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bridge.dispatch.task import Task
from bridge.errors import HandlerError
from bridge.hosts.accounts import account_of
from bridge.mapping.needs import NO_NEEDS, needs_of
from bridge.model.guid import Guid
from bridge.model.tasks import Registration, ServedClass
from bridge.monitors.monitor import Clock
from bridge.pipeline.facts import RegisterTask, ResetTask, UnregisterTask
from bridge.pipeline.load.tasks import load_task
from bridge.service.access import (
    is_privileged,
    may_see,
    may_serve,
    require_member,
    require_own_name,
    require_user,
    task_for,
)
from bridge.service.answers import failure, page_of, when_written
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.clock import times
from bridge.service.owners import class_owner
from bridge.service.task_views import TaskViews
from bridge.service.varlink_server import Answer, Parameters, ServedMethod
from bridge.toml.document import Problem

Reason = Mapping[str, str]
STEADY = 1_000
"""Microseconds by which two readings of two clocks may differ, without that the wall clock was set."""
MOST_TASKS = 1000
"""Of one user that is not privileged."""
_ONLY_FILES = "only root's tasks files may start units, no task that is registered over the API"


class TaskMethods:
    """`Register`, `Validate`, `Unregister`, `Reset`, `AllTasks`, `AllTaskGroups`.

    `first_served_by` is who serves a class that no task names, a uid, or None.
    """

    def __init__(
        self, bridge: Bridge, clock: Clock, first_served_by: Callable[[Guid], int | None] = lambda clsid: None
    ) -> None:
        self._bridge = bridge
        self._clock = clock
        self._first_served_by = first_served_by
        self._wall_offset = times().wall_offset

    def methods(self) -> Mapping[str, ServedMethod]:
        """The methods by their names."""
        return {
            "Register": self.register,
            "Validate": self.validate,
            "Unregister": self.unregister,
            "Reset": self.reset,
            "AllTasks": self.all_tasks,
            "AllTaskGroups": self.all_task_groups,
        }

    def register(self, caller: Caller, parameters: Parameters) -> Answer:
        """`Register`: one more task, or another one of its name."""
        require_member(caller, "Register")
        registration, reasons = self._load(caller, parameters["task"])
        if registration is None:
            raise failure("InvalidTask", reasons=reasons)
        before = self._bridge.pipeline.dispatcher.tasks.get(registration.name)
        if before is not None:
            _refuse_if_of_file(before)
        elif not is_privileged(caller) and self._count(caller.uid) >= MOST_TASKS:
            raise failure("TooManyTasks", limit=MOST_TASKS)
        if not self._bridge.pipeline.dispatcher.accepts:
            raise failure("StoreFull", reason=self._bridge.refusal)
        former = before.registration if before is not None else None
        if former is not None and former.owner != registration.owner:  # what waits is of raises that were for another
            self._bridge.tell(UnregisterTask(at=self._clock(), name=former.name, cancel_task=False))
        replaced = former is not None and former.definition != registration.definition
        answer = when_written(
            self._bridge,
            RegisterTask(at=self._clock(), registration=registration),
            {"task_id": registration.task_id.text, "replaced": replaced},
        )
        self._ask_monitors(registration, former)
        return answer

    def validate(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`Validate`: what is wrong in a task; nothing is changed."""
        require_member(caller, "Validate")
        return {"reasons": self._load(caller, parameters["task"])[1]}

    def _count(self, owner: int) -> int:
        return sum(1 for each in self._bridge.pipeline.dispatcher.registrations if each.owner == owner)

    def _load(self, caller: Caller, given: Mapping[str, Any]) -> tuple[Registration | None, list[Reason]]:
        """The task that the caller means, or everything that is wrong in it.

        Raises NotAllowed for a name, a user or a class that is another's.
        """
        name, user = given.get("name"), given.get("user")
        if isinstance(name, str):
            require_own_name(caller, self._bridge.pipeline.dispatcher.tasks, name)
        require_user(caller, user if isinstance(user, str) else None)
        registration, problems = load_task(given, self._bridge.pipeline.rules, owner=caller.uid)
        reasons: list[Reason] = [_reason(problem) for problem in problems]
        if all(reason["key"] != "user" for reason in reasons):
            try:
                account_of(user if isinstance(user, str) else caller.uid)
            except HandlerError as error:
                reasons.append({"key": "user", "message": str(error)})
        if registration is not None and isinstance(registration.run, ServedClass):
            self._refuse_class_of_another(caller, registration.run.clsid)
        return (registration if not reasons else None), reasons

    def _refuse_class_of_another(self, caller: Caller, clsid: Guid) -> None:
        owner = class_owner(self._bridge.pipeline.dispatcher.registrations, clsid)
        if not may_serve(caller, self._first_served_by(clsid) if owner is None else owner):
            raise failure("NotAllowed", clsid=clsid.text)

    def unregister(self, caller: Caller, parameters: Parameters) -> Answer:
        """`Unregister`: the task is there no more."""
        require_member(caller, "Unregister")
        task = self._task(caller, parameters["name"])
        _refuse_if_of_file(task)
        cancel_task = bool(parameters.get("cancel_task"))
        fact = UnregisterTask(at=self._clock(), name=task.name, cancel_task=cancel_task)
        answer = when_written(self._bridge, fact, {})
        self._ask_monitors(task.registration)
        return answer

    def reset(self, caller: Caller, parameters: Parameters) -> Answer:
        """`Reset`: the task is quarantined no more."""
        require_member(caller, "Reset")
        task = self._task(caller, parameters["name"])
        return when_written(self._bridge, ResetTask(at=self._clock(), name=task.name), {})

    def all_tasks(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`AllTasks`: the caller's tasks and what becomes of them, as many as one answer holds."""
        require_member(caller, "AllTasks")
        dispatcher = self._bridge.pipeline.dispatcher
        group, after = parameters.get("group"), parameters.get("after") or ""
        name = parameters.get("name")
        candidates = self._seen_by(caller) if name is None else [self._task(caller, name)]
        tasks = [each for each in candidates if each.name > after and group in (None, each.registration.group)]
        views = TaskViews(dispatcher, self._steady_wall_offset(), self._bridge.pipeline.rules.names)
        page, more = page_of(views.view(task) for task in tasks)
        return {"tasks": page, "more": more}

    def _seen_by(self, caller: Caller) -> list[Task]:
        seen = [task for task in self._bridge.pipeline.dispatcher.tasks if may_see(caller, task.registration)]
        return sorted(seen, key=lambda task: task.name)

    def _steady_wall_offset(self) -> int:
        """So that what is told twice is told of the same microsecond."""
        offset = times().wall_offset
        if abs(offset - self._wall_offset) > STEADY:
            self._wall_offset = offset
        return self._wall_offset

    def all_task_groups(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`AllTaskGroups`: the groups that the caller's tasks are in."""
        require_member(caller, "AllTaskGroups")
        groups = {each.group for each in self._bridge.pipeline.dispatcher.registrations if may_see(caller, each)}
        return {"groups": sorted(group for group in groups if group is not None)}

    def _task(self, caller: Caller, name: str) -> Task:
        return task_for(caller, self._bridge.pipeline.dispatcher.tasks, name)

    def _ask_monitors(self, *changed: Registration | None) -> None:
        """Monitors watch other things from now on, where these tasks need something that monitors tell."""
        if needs_of(each for each in changed if each is not None) != NO_NEEDS:
            self._bridge.ask_monitors()


def _refuse_if_of_file(task: Task) -> None:
    if task.registration.from_file:
        raise failure("TaskOfFile", name=task.name)


def _reason(problem: Problem) -> Reason:
    return {"key": problem.key, "message": _ONLY_FILES if problem.key == "run.unit" else problem.message}
