"""Whose rights a run has: users looked up in the system's user database. Nothing here changes our own rights."""

import os
import pwd
from dataclasses import dataclass

from bridge.errors import HandlerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of this machine. `groups` is None for our own user: the run keeps the groups that we have."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    groups: tuple[int, ...] | None = None


def account_of(user: str | None) -> Account:
    """The account that a task's `user` names; our own where it is None.

    Looked up anew for every run, so a change counts from the next one on. Group membership as initgroups(3) has it.
    Raises `HandlerError` for a user that is not known, and for another user than ours if we are not root.
    """
    ours = os.geteuid()
    if user is None:
        return _our_own(ours)
    try:
        entry = pwd.getpwnam(user)
    except (KeyError, ValueError) as error:
        raise HandlerError(f"user {user!r} is not known on this machine") from error
    if entry.pw_uid == ours:
        return _account(entry, groups=None)
    if ours != 0:
        raise HandlerError(f"user {user!r}: only a daemon that is root can run a task as another user")
    return _account(entry, groups=tuple(os.getgrouplist(user, entry.pw_gid)))


def _our_own(uid: int) -> Account:
    try:
        return _account(pwd.getpwuid(uid), groups=None)
    except KeyError:  # usual in containers
        return Account(name=str(uid), uid=uid, gid=os.getegid(), home="/", shell="/bin/sh")


def _account(entry: pwd.struct_passwd, *, groups: tuple[int, ...] | None) -> Account:
    return Account(
        name=entry.pw_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        home=entry.pw_dir or "/",
        shell=entry.pw_shell or "/bin/sh",  # passwd(5): empty means /bin/sh
        groups=groups,
    )
