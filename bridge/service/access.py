"""Who may do what over the API, by the credentials that the kernel gives for a caller. It asks no caller for a name.

Root and the service's own user may do everything; `allow` in a rules file lets others raise one trigger.
"""

import grp
import os
import pwd
from collections.abc import Iterable

from bridge.model.triggers import NamedTrigger, Principal, PrincipalKind
from bridge.service.callers import Caller


def is_privileged(caller: Caller) -> bool:
    """Whether the caller is root or the user that the service runs as."""
    return caller.uid in {0, os.geteuid()}


def may_raise(caller: Caller, names: Iterable[NamedTrigger]) -> bool:
    """Whether the caller may raise the trigger that has these names."""
    return is_privileged(caller) or any(_is(caller, principal) for name in names for principal in name.allow)


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
