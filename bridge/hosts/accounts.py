"""Whose rights a run has: users looked up in the system's user database. Nothing here changes our own rights."""

import os
import pwd
from pathlib import Path

import msgspec

from bridge.errors import HandlerError

_SETGROUPS = Path("/proc/self/setgroups")
_STATUS = Path("/proc/self/status")
_CAP_SETGID = 6  # linux/capability.h


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user of this machine. `groups` is None where the run keeps ours."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    groups: tuple[int, ...] | None = None


def account_of(user: str | int | None) -> Account:
    """The account of this name or uid; our own where it is None (`Registration.runs_as`).

    Looked up anew for every run, so a change counts from the next one on. Group membership as initgroups(3) has it.
    Raises `HandlerError` for a user that is not known, and for another user than ours if we are not root.
    """
    ours = os.geteuid()
    if user is None or user == ours:
        return _our_own(ours)
    try:
        entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    except (KeyError, ValueError, OverflowError) as error:
        raise HandlerError(f"{_shown(user)} is not known on this machine") from error
    if entry.pw_uid == ours:
        return _account(entry, groups=_groups_to_set(entry))
    if ours != 0:
        raise HandlerError(f"{_shown(user)}: only a daemon that is root can run a task as another user")
    return _account(entry, groups=tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)))


def _shown(user: str | int) -> str:
    return f"uid {user}" if isinstance(user, int) else f"user {user!r}"


def _our_own(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # usual in containers
        return Account(name=str(uid), uid=uid, gid=os.getegid(), home="/", shell="/bin/sh")
    return _account(entry, groups=_groups_to_set(entry))


def _groups_to_set(entry: pwd.struct_passwd) -> tuple[int, ...] | None:
    """The groups of our own user that a run must be given, None where it has them from us, or they cannot be set.

    Root's daemon may have been started with others: by a container, or by a person with `sg`.
    """
    if os.geteuid() != 0:
        return None
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    if set(groups) == {*os.getgroups(), os.getegid()}:
        return None
    return tuple(groups) if _may_set_groups() else None


def _may_set_groups() -> bool:
    """Whether the kernel lets us: not in every container, and not in every user namespace (user_namespaces(7))."""
    capabilities = next(line for line in _STATUS.read_text().splitlines() if line.startswith("CapEff:"))
    has_capability = int(capabilities.split()[1], base=16) >> _CAP_SETGID & 1
    return bool(has_capability) and _SETGROUPS.read_text().strip() != "deny"


def _account(entry: pwd.struct_passwd, *, groups: tuple[int, ...] | None) -> Account:
    return Account(
        name=entry.pw_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        home=entry.pw_dir or "/",
        shell=entry.pw_shell or "/bin/sh",  # passwd(5): empty means /bin/sh
        groups=groups,
    )
