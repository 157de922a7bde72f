"""Builds a task and registers it with the daemon. Whether it is right, the daemon says, as it does of tasks files.

The properties that Windows' builder does not have are named as the keys of a tasks file, and mean the same.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bridge.client.bookmarks import BEFORE_THE_FIRST, BookmarkFile
from bridge.client.connection import Connection
from bridge.client.daemon import asking, socket_to_call
from bridge.client.entry_points import check_entry_point, interpreter_here, path_here
from bridge.client.listening import newest_line
from bridge.client.registration import BackgroundTaskRegistration, BackgroundTaskRegistrationGroup, bind
from bridge.client.triggers import SystemCondition, Table, Trigger, name_of, table_of
from bridge.errors import CallFailedError, InvalidValueError, UnknownEntryPointError
from bridge.model.guid import Guid


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that is wrong in a task; `key` is as in "triggers[1].custom", counted from 1, or empty."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


@dataclass(slots=True, eq=False)
class BackgroundTaskBuilder:
    """What is to be registered as the task of this name. What is left None is as in a tasks file that does not say it.

    A task runs one of three: `task_entry_point`, a class of Python as "package.module:Class"; a class that a task
    server has, by `set_task_entry_point_clsid`; or a program, by `exec`, with `env` and `cwd`. The other properties
    are keys of a tasks file.

    >>> builder = BackgroundTaskBuilder("lamp", exec=["/usr/bin/lamp", "{jack}"], run_limit="5s")
    >>> builder.add_condition("docked", wanted=False)
    >>> builder.definition()["conditions"]
    [{'not': 'docked'}]
    """

    name: str = ""
    task_entry_point: str | None = field(default=None, kw_only=True)
    interpreter: str | None = field(default=None, kw_only=True)
    """The Python that has `task_entry_point`, by its absolute path; left out, the one that registers."""
    path: Sequence[str] | None = field(default=None, kw_only=True)
    """Where it looks for modules first; left out, where the process that registers looks."""
    exec: Sequence[str] | None = field(default=None, kw_only=True)
    env: Mapping[str, str] | None = field(default=None, kw_only=True)
    cwd: str | None = field(default=None, kw_only=True)
    group: str | BackgroundTaskRegistrationGroup | None = field(default=None, kw_only=True)
    cancel_on_condition_loss: bool = field(default=False, kw_only=True)
    expires: str | None = field(default=None, kw_only=True)
    concurrency: str | None = field(default=None, kw_only=True)
    max_running: int | None = field(default=None, kw_only=True)
    queue_limit: int | None = field(default=None, kw_only=True)
    run_limit: str | None = field(default=None, kw_only=True)
    cancel_grace: str | None = field(default=None, kw_only=True)
    retry: Mapping[str, object] | None = field(default=None, kw_only=True)
    """`{"attempts": 3, "backoff": "1s"}`."""
    user: str | None = field(default=None, kw_only=True)
    """Whose rights the runs have, if not those of who registers; that is root's to say."""
    _clsid: str | None = field(default=None, init=False)
    _triggers: list[Trigger] = field(default_factory=list, init=False)
    _cancel_on: list[Trigger] = field(default_factory=list, init=False)
    _conditions: list[object] = field(default_factory=list, init=False)

    def set_trigger(self, trigger: Trigger) -> None:
        """The task has this trigger, and no other. Raises `InvalidValueError`, as do the others."""
        table_of(trigger)
        self._triggers = [trigger]

    def add_trigger(self, trigger: Trigger) -> None:
        """The task has this trigger, too: any of them activates it."""
        table_of(trigger)
        self._triggers.append(trigger)

    def add_cancel_on(self, trigger: Trigger) -> None:
        """When this custom or system trigger is raised, runs are canceled, and what waits is dropped."""
        table_of(trigger)
        self._cancel_on.append(trigger)

    def add_condition(self, condition: SystemCondition | str, *, wanted: bool = True) -> None:
        """Runs wait until this condition, too, holds; or with `wanted` False is known not to.

        A text is the name of a `[[condition]]` of the daemon's rules files.
        """
        name = name_of(condition)
        self._conditions.append(name if wanted else {"not": name})

    def set_task_entry_point_clsid(self, clsid: str) -> None:
        """Runs are handed to the task server that has registered this class. Raises `InvalidGuidError`."""
        self._clsid = Guid.parse(str(clsid)).text

    def definition(self) -> Table:
        """What is registered, as a tasks file says it. Raises `InvalidValueError` for what no file could say."""
        said = {key: getattr(self, key) for key in _AS_THEY_ARE}
        said |= {
            "group": self._group(),
            "conditions": list(self._conditions) or None,
            "cancel_on": [_without_options(table_of(trigger)) for trigger in self._cancel_on] or None,
            "cancel_on_condition_loss": self.cancel_on_condition_loss or None,
        }
        return {
            "name": self.name,
            "triggers": [table_of(trigger) for trigger in self._triggers],
            "run": self._run(),
            **{key: value for key, value in said.items() if value is not None},
        }

    def validate(self) -> list[Reason]:
        """What is wrong in the task, at most 50 things, as `register` would find it: nothing, if the list is empty.

        Raises what every call to the daemon may raise.
        """
        with asking() as daemon:
            answer = daemon.call("org.hwbridge.Validate", {"task": self.definition()})
            reasons = [Reason(**each) for each in self._in_words_of_builders(answer["reasons"])]
        try:
            self._check_entry_point()
        except UnknownEntryPointError as error:
            reasons.append(Reason("run.python", str(error)))
        return reasons

    def register(self) -> BackgroundTaskRegistration:
        """Registers the task; one of the same name is replaced, and keeps its id and what waits for it.

        Raises `UnknownEntryPointError`, `InvalidTaskError` with what is wrong, at most 50 things, `NotAllowedError`,
        `BusyError` where there are too many tasks, `StoreFullError`, and `NoDaemonError`.
        """
        self._check_entry_point()
        socket, definition = socket_to_call(), self.definition()
        with asking(socket) as daemon:
            place = BEFORE_THE_FIRST
            with suppress(CallFailedError):  # NotAllowed: then Register is not, too, and says so
                place = newest_line(daemon)
            task_id = self._registered(daemon, definition)
        BookmarkFile(os.environ, socket, task_id).begin(place)
        bind(self._triggers, self.name, socket)
        return BackgroundTaskRegistration(
            name=self.name, task_id=task_id, group=self._group(), triggers=tuple(self._triggers), socket=socket
        )

    def _registered(self, daemon: Connection, definition: Table) -> str:
        """The id that the task has now."""
        try:
            task_id: str = daemon.call("org.hwbridge.Register", {"task": definition})["task_id"]
        except CallFailedError as error:
            if error.error != INVALID_TASK:
                raise
            reasons = self._in_words_of_builders(error.parameters["reasons"])
            raise CallFailedError(INVALID_TASK, {**error.parameters, "reasons": reasons}) from error
        return task_id

    def _in_words_of_builders(self, reasons: Any) -> list[dict[str, str]]:
        """The daemon speaks of a tasks file's keys; of what runs, a builder has others."""
        is_nothing = not self._run()
        return [
            {"key": each["key"], "message": _NOTHING_RUNS if is_nothing and each["key"] == "run" else each["message"]}
            for each in reasons
        ]

    def _group(self) -> str | None:
        return self.group.name if isinstance(self.group, BackgroundTaskRegistrationGroup) else self.group

    def _run(self) -> Table:
        run: dict[str, object] = {"exec": self.exec, "env": self.env, "cwd": self.cwd, "clsid": self._clsid}
        run |= {"python": self.task_entry_point, "interpreter": self.interpreter, "path": self.path}
        if self.task_entry_point is not None:
            run |= {"interpreter": self.interpreter or interpreter_here(), "path": self._path()}
        return {key: value for key, value in run.items() if value is not None}

    def _path(self) -> Sequence[str]:
        return path_here() if self.path is None else self.path

    def _check_entry_point(self) -> None:
        """What another interpreter has is not known here; what is no entry point at all, the daemon says."""
        if self.task_entry_point is not None and self.interpreter in (None, interpreter_here()):
            with suppress(InvalidValueError):
                check_entry_point(self.task_entry_point, self._path())


def _without_options(table: Table) -> Table:
    """What `cancel_on` says of a trigger: which one it is."""
    return dict(list(table.items())[:1])


INVALID_TASK = "org.hwbridge.InvalidTask"
_NOTHING_RUNS = "nothing is to be run: set task_entry_point or exec, or call set_task_entry_point_clsid"
_AS_THEY_ARE = (
    "expires", "concurrency", "max_running", "queue_limit", "run_limit", "cancel_grace", "retry", "user",
)  # fmt: skip
"""The properties that are sent as they are, where they say something."""
