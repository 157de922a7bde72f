"""Who may do what over the API, by the credentials that the kernel gives for a caller. It asks no caller for a name.

Root and the service's own user may do everything; `allow` in a rules file lets others raise one trigger, and the user
of a run may report on it. Who has a task run as another user is root.
"""

import grp
import os
import pwd
from collections.abc import Iterable

from bridge.errors import HandlerError
from bridge.hosts.accounts import account_of
from bridge.model.tasks import Registration
from bridge.model.triggers import NamedTrigger, Principal, PrincipalKind
from bridge.service.answers import failure
from bridge.service.callers import Caller


def is_privileged(caller: Caller) -> bool:
    """Whether the caller is root or the user that the service runs as."""
    return caller.uid in {0, os.geteuid()}


def require_privilege(caller: Caller, method: str) -> None:
    """For methods that are for root and the service's user alone. Raises `CallFailedError` NotAllowed for others."""
    if not is_privileged(caller):
        raise failure("NotAllowed", method=method)


def may_raise(caller: Caller, names: Iterable[NamedTrigger]) -> bool:
    """Whether the caller may raise the trigger that has these names."""
    return is_privileged(caller) or any(_is(caller, principal) for name in names for principal in name.allow)


def may_report(caller: Caller, task: Registration) -> bool:
    """Whether the caller may tell how far a run of this task is."""
    if is_privileged(caller):
        return True
    try:
        return account_of(task.user).uid == caller.uid
    except HandlerError:  # such a run could not be started
        return False


def may_run_as(caller: Caller, user: str) -> bool:
    """Whether the caller may have a task run as this user; one that is not known is nobody's secret."""
    try:
        return caller.uid == 0 or pwd.getpwnam(user).pw_uid == caller.uid
    except (KeyError, ValueError):
        return True


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
