"""The methods that register tasks and tell of them. What is registered is judged as a tasks file is.

A task of a file belongs to the file: over the API it can be asked for, but not replaced or unregistered.
"""

from collections.abc import Mapping
from typing import Any

from bridge.dispatch.task import Task
from bridge.errors import HandlerError
from bridge.hosts.accounts import account_of
from bridge.mapping.needs import NO_NEEDS, needs_of
from bridge.model.tasks import Registration
from bridge.monitors.monitor import Clock
from bridge.pipeline.facts import RegisterTask, ResetTask, UnregisterTask
from bridge.pipeline.load.tasks import load_task
from bridge.service.access import may_run_as, require_privilege
from bridge.service.answers import failure, page_of, when_written
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.clock import times
from bridge.service.task_views import TaskViews
from bridge.service.varlink_server import Answer, Parameters, ServedMethod

Reason = Mapping[str, str]
STEADY = 1_000
"""Microseconds by which two readings of two clocks may differ, without that the wall clock was set."""


class TaskMethods:
    """`Register`, `Validate`, `Unregister`, `Reset`, `AllTasks`, `AllTaskGroups`."""

    def __init__(self, bridge: Bridge, clock: Clock) -> None:
        self._bridge = bridge
        self._clock = clock
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
        require_privilege(caller, "Register")
        registration, reasons = self._load(caller, parameters["task"])
        if registration is None:
            raise failure("InvalidTask", reasons=reasons)
        before = self._bridge.pipeline.dispatcher.tasks.get(registration.name)
        if before is not None:
            _refuse_if_of_file(before)
        if not self._bridge.pipeline.dispatcher.accepts:
            raise failure("StoreFull", reason=self._bridge.refusal)
        former = before.registration if before is not None else None
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
        require_privilege(caller, "Validate")
        return {"reasons": self._load(caller, parameters["task"])[1]}

    def _load(self, caller: Caller, given: Mapping[str, Any]) -> tuple[Registration | None, list[Reason]]:
        """The task that the caller means, or everything that is wrong in it. Raises NotAllowed for another user's."""
        user = given.get("user")
        if isinstance(user, str) and not may_run_as(caller, user):
            raise failure("NotAllowed", user=user)
        registration, problems = load_task(given, self._bridge.pipeline.rules, owner=caller.uid)
        reasons: list[Reason] = [{"key": problem.key, "message": problem.message} for problem in problems]
        if isinstance(user, str) and all(reason["key"] != "user" for reason in reasons):
            try:
                account_of(user)
            except HandlerError as error:
                reasons.append({"key": "user", "message": str(error)})
        return (registration if not reasons else None), reasons

    def unregister(self, caller: Caller, parameters: Parameters) -> Answer:
        """`Unregister`: the task is there no more."""
        require_privilege(caller, "Unregister")
        task = self._task(parameters["name"])
        _refuse_if_of_file(task)
        cancel_task = bool(parameters.get("cancel_task"))
        fact = UnregisterTask(at=self._clock(), name=task.name, cancel_task=cancel_task)
        answer = when_written(self._bridge, fact, {})
        self._ask_monitors(task.registration)
        return answer

    def reset(self, caller: Caller, parameters: Parameters) -> Answer:
        """`Reset`: the task is quarantined no more."""
        require_privilege(caller, "Reset")
        task = self._task(parameters["name"])
        return when_written(self._bridge, ResetTask(at=self._clock(), name=task.name), {})

    def all_tasks(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`AllTasks`: the tasks and what becomes of them, as many as one answer holds."""
        require_privilege(caller, "AllTasks")
        dispatcher = self._bridge.pipeline.dispatcher
        group, after = parameters.get("group"), parameters.get("after") or ""
        name = parameters.get("name")
        candidates = sorted(dispatcher.tasks, key=lambda task: task.name) if name is None else [self._task(name)]
        tasks = [each for each in candidates if each.name > after and group in (None, each.registration.group)]
        views = TaskViews(dispatcher, self._steady_wall_offset())
        page, more = page_of(views.view(task) for task in tasks)
        return {"tasks": page, "more": more}

    def _steady_wall_offset(self) -> int:
        """So that what is told twice is told of the same microsecond."""
        offset = times().wall_offset
        if abs(offset - self._wall_offset) > STEADY:
            self._wall_offset = offset
        return self._wall_offset

    def all_task_groups(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`AllTaskGroups`: the groups that there are."""
        require_privilege(caller, "AllTaskGroups")
        groups = {registration.group for registration in self._bridge.pipeline.dispatcher.registrations}
        return {"groups": sorted(group for group in groups if group is not None)}

    def _task(self, name: str) -> Task:
        task = self._bridge.pipeline.dispatcher.tasks.get(name)
        if task is None:
            raise failure("UnknownTask", name=name)
        return task

    def _ask_monitors(self, *changed: Registration | None) -> None:
        """Monitors watch other things from now on, where these tasks need something that monitors tell."""
        if needs_of(each for each in changed if each is not None) != NO_NEEDS:
            self._bridge.ask_monitors()


def _refuse_if_of_file(task: Task) -> None:
    if task.registration.from_file:
        raise failure("TaskOfFile", name=task.name)
