"""Registered tasks as an application holds them: their names, their events, their end. Nothing here registers one.

What a registration says of its task is as it was when it was asked for; its events and `unregister` are of now.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bridge.client.daemon import asking, socket_to_call
from bridge.client.event_args import (
    BackgroundTaskCompletedEventArgs,
    BackgroundTaskProgressEventArgs,
    completed_args,
    progress_args,
)
from bridge.client.listening import COMPLETED, PROGRESS, listener_of
from bridge.client.pages import all_tasks
from bridge.client.triggers import ApplicationTrigger, Trigger, trigger_of
from bridge.errors import InvalidValueError

Args = TypeVar("Args")


class TaskEvent(Generic[Args]):
    """An event of a task's runs. Handlers are called on a thread of this library, one after another."""

    def __init__(
        self, registration: "BackgroundTaskRegistration", what: str, args_of: Callable[[Mapping[str, Any]], Args]
    ) -> None:
        self._registration = registration
        self._what = what
        self._args_of = args_of

    def connect(
        self, handler: "Callable[[BackgroundTaskRegistration, Args], object]"
    ) -> "Callable[[BackgroundTaskRegistration, Args], object]":
        """Calls `handler(registration, args)` from now on, and returns it. Raises `InvalidValueError`.

        What the handler raises goes to `threading.excepthook`, and it is called for the next event all the same.
        """
        if not callable(handler):
            raise InvalidValueError(f"connect wants a function (registration, args), found {handler!r}")
        task, call = self._registration, _Call(self._registration, handler, self._args_of)
        listener_of(task.socket).connect(task.name, task.task_id, self._what, call)
        return handler

    def disconnect(self, handler: "Callable[[BackgroundTaskRegistration, Args], object]") -> None:
        """Calls it no more; one that was not connected is none either."""
        task, call = self._registration, _Call(self._registration, handler, self._args_of)
        listener_of(task.socket).disconnect(task.name, self._what, call)


@dataclass(frozen=True, slots=True)
class _Call:
    """A handler, called with a line of the history."""

    registration: "BackgroundTaskRegistration"
    handler: Callable[..., object]
    args_of: Callable[[Mapping[str, Any]], object]

    def __call__(self, entry: Mapping[str, Any]) -> None:
        self.handler(self.registration, self.args_of(entry))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundTaskRegistration:
    """A task that the daemon at `socket` has. `task_id` is a GUID that every registration of this name has.

    `group` is the name of the group that it is in, or None. Two are equal that are of the same task.
    """

    name: str
    task_id: str
    group: str | None = field(compare=False)
    triggers: tuple[Trigger, ...] = field(compare=False)
    socket: str

    @property
    def trigger(self) -> Trigger:
        """The first of its triggers; most tasks have one."""
        return self.triggers[0]

    @property
    def completed(self) -> TaskEvent[BackgroundTaskCompletedEventArgs]:
        """A run is over. Told once for each run, also for those that ended while the application was away."""
        return TaskEvent(self, COMPLETED, completed_args)

    @property
    def progress(self) -> TaskEvent[BackgroundTaskProgressEventArgs]:
        """A run has told how far it is. Told while it runs and the application listens."""
        return TaskEvent(self, PROGRESS, progress_args)

    def unregister(self, cancel_task: bool = False) -> None:
        """Ends the registration: what waits is dropped, runs may finish, or with `cancel_task` are canceled.

        Raises `UnknownNameError` if it is not registered any more, and what every call to the daemon may raise.
        """
        with asking(self.socket) as daemon:
            daemon.call("org.hwbridge.Unregister", {"name": self.name, "cancel_task": cancel_task})

    @staticmethod
    def all_tasks() -> "dict[str, BackgroundTaskRegistration]":
        """The tasks of this user by their ids; for root and the daemon's own user, all of them."""
        return _tasks_of(None)

    @staticmethod
    def all_task_groups() -> "dict[str, BackgroundTaskRegistrationGroup]":
        """The groups that there are, by their names."""
        with asking() as daemon:
            groups = daemon.call("org.hwbridge.AllTaskGroups", {})["groups"]
            return {name: BackgroundTaskRegistrationGroup(name) for name in groups}


@dataclass(frozen=True, slots=True)
class BackgroundTaskRegistrationGroup:
    """The tasks that were registered with this group's name; `builder.group` takes it."""

    name: str

    def all_tasks(self) -> dict[str, BackgroundTaskRegistration]:
        """Those of its tasks that `BackgroundTaskRegistration.all_tasks` would have."""
        return _tasks_of(self.name)


def _tasks_of(group: str | None) -> dict[str, BackgroundTaskRegistration]:
    socket = socket_to_call()
    with asking(socket) as daemon:
        return {view["task_id"]: _registration_of(view, socket) for view in all_tasks(daemon, group)}


def _registration_of(view: Mapping[str, Any], socket: str) -> BackgroundTaskRegistration:
    triggers = tuple(map(trigger_of, view["definition"]["triggers"]))
    bind(triggers, view["name"], socket)
    return BackgroundTaskRegistration(
        name=view["name"], task_id=view["task_id"], group=view["group"], triggers=triggers, socket=socket
    )


def bind(triggers: Iterable[Trigger], name: str, socket: str) -> None:
    """Those that are requested are told whose they are."""
    for trigger in triggers:
        if isinstance(trigger, ApplicationTrigger):
            trigger.belong(name, socket)
