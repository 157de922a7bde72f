"""Who may do what over the API, by the credentials that the kernel gives for a caller. It asks no caller for a name.

Root and the service's own user may do everything. Members of the group `hwbridge` may do what is about their own tasks,
and see nothing of others'. Everybody may raise what the `allow` of a rules file lets them, and report on runs that have
their user. Nothing here looks at what a method is asked to do; it says who stands where.
"""

import grp
import os
import pwd
from collections.abc import Collection, Iterable
from enum import Enum

from bridge.dispatch.registry import Registry
from bridge.dispatch.runs import Run, Runs
from bridge.dispatch.task import Task
from bridge.errors import HandlerError
from bridge.hosts.accounts import account_of
from bridge.model.tasks import Registration
from bridge.model.triggers import NamedTrigger, Principal, PrincipalKind, TriggerId
from bridge.service.answers import failure
from bridge.service.callers import Caller

GROUP = "hwbridge"
"""Whose members may have tasks of their own."""


class Reach(Enum):
    """Which tasks hear what a caller raises."""

    ALL = "all"
    OWN = "own"
    """Those that the caller has registered: `Raised.owner` is the caller's uid."""
    NONE = "none"


# Who the caller is


def is_privileged(caller: Caller) -> bool:
    """Whether the caller is root or the user that the service runs as."""
    return caller.uid in {0, os.geteuid()}


def is_member(caller: Caller) -> bool:
    """Whether the caller was in the group `hwbridge` when it connected, by its own group or a supplementary one."""
    return _is(caller, Principal(PrincipalKind.GROUP, GROUP))


def require_member(caller: Caller, method: str) -> None:
    """For methods about tasks. Raises NotAllowed with the method's name for who is neither privileged nor a member."""
    if not is_privileged(caller) and not is_member(caller):
        raise failure("NotAllowed", method=method)


def require_root(caller: Caller, method: str) -> None:
    """For raw events of devices, which can hold typed keys: not even the service's user, unless that is root."""
    if caller.uid != 0:
        raise failure("NotAllowed", method=method)


# Tasks and their runs


def may_see(caller: Caller, task: Registration) -> bool:
    """Whether a task is the caller's own, or the caller sees all; for a file's there is no own but the service's."""
    return is_privileged(caller) or task.owner == caller.uid


def task_for(caller: Caller, tasks: Registry, name: str) -> Task:
    """The task that the caller names. Raises UnknownTask, and for another's NotAllowed with its name."""
    task = tasks.get(name)
    if task is None:
        raise failure("UnknownTask", name=name)
    if not may_see(caller, task.registration):
        raise failure("NotAllowed", name=name)
    return task


def run_for(caller: Caller, runs: Runs, instance_id: str) -> Run:
    """The run that the caller names. Raises UnknownInstance, and for one of another's task NotAllowed with its id."""
    run = runs.get(instance_id)
    if run is None:
        raise failure("UnknownInstance", instance_id=instance_id)
    if not may_see(caller, run.instance.task):
        raise failure("NotAllowed", instance_id=instance_id)
    return run


def require_own_name(caller: Caller, tasks: Registry, name: str) -> None:
    """For looking back, where a task may be gone: raises NotAllowed if it is there and another's."""
    task = tasks.get(name)
    if task is not None and not may_see(caller, task.registration):
        raise failure("NotAllowed", name=name)


# Triggers


def reach_of(caller: Caller, trigger: TriggerId, names: Iterable[NamedTrigger], tasks: Registry) -> Reach:
    """Which tasks hear it if this caller raises the trigger that has these `names` in rules files.

    `allow` counts before what is the caller's own: whom a rules file names raises it for all. A member who waits for
    the trigger hears what these tasks hear.
    """
    if is_privileged(caller) or _is_allowed(caller, names):
        return Reach.ALL
    return Reach.OWN if _is_of_own_task(caller, trigger, tasks) else Reach.NONE


def _is_allowed(caller: Caller, names: Iterable[NamedTrigger]) -> bool:
    return any(_is(caller, principal) for name in names for principal in name.allow)


def _is_of_own_task(caller: Caller, trigger: TriggerId, tasks: Registry) -> bool:
    own = any(task.registration.owner == caller.uid for task in tasks.naming(trigger))
    return own and is_member(caller)  # who is no member any more has lost more than the right to register


# What is told


def reader_of(caller: Caller) -> int | None:
    """The uid that has to be among the readers of a line for the caller to see it; None for who sees all."""
    return None if is_privileged(caller) else caller.uid


def may_read(caller: Caller, readers: Collection[int]) -> bool:
    """Whether the caller may see a line of the history, which is about tasks of these users."""
    return is_privileged(caller) or caller.uid in readers


# Whose runs, and whose classes


def may_report(caller: Caller, task: Registration) -> bool:
    """Whether the caller may tell how far a run of this task is: the user whose rights the run has may."""
    if is_privileged(caller):
        return True
    try:
        return account_of(task.runs_as).uid == caller.uid
    except HandlerError:  # such a run could not be started
        return False


def may_complete(caller: Caller, served_by: int) -> bool:
    """Whether the caller may say that a run is over which was handed to a task server of the user `served_by`."""
    return is_privileged(caller) or caller.uid == served_by


def may_serve(caller: Caller, belongs_to: int | None) -> bool:
    """Whether the caller, privileged or a member, may serve a class that belongs to this user, or to nobody yet."""
    return belongs_to is None or is_privileged(caller) or caller.uid == belongs_to


def require_user(caller: Caller, user: str | None) -> None:
    """For who registers a task that runs as this user, or where it says none, as the caller.

    Raises NotAllowed with the user's name: only root may name another one, and a daemon that is not root has the
    rights of nobody else. A name that is not known is nobody's secret, and is for others to refuse.
    """
    uid = caller.uid if user is None else _uid_of(user)
    if uid is None:
        return
    if caller.uid not in {0, uid} or os.geteuid() not in {0, uid}:
        raise failure("NotAllowed", user=_name_of(uid) if user is None else user)


def _uid_of(user: str) -> int | None:
    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        return None


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _is(caller: Caller, principal: Principal) -> bool:
    """Whether a caller is this principal; a name that the system does not know is nobody."""
    try:
        match principal.kind:
            case PrincipalKind.USER:
                return pwd.getpwnam(principal.name).pw_uid == caller.uid
            case PrincipalKind.GROUP:
                return grp.getgrnam(principal.name).gr_gid in {caller.gid, *caller.groups}
    except KeyError:
        return False
