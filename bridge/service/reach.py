"""Whether a user could reach and execute a file, looked up with that user's rights. Nothing is executed.

Source of the semantics: path_resolution(7), execve(2). A root daemon asks for another user, so mode bits are read one
directory after the other, and what lies behind one that the user may not search is not looked at. Access lists (acl(5))
and security modules may say otherwise; where there is an access list, nothing is held against the user.
"""

import errno
import os
import stat

import msgspec

from bridge.errors import HandlerError
from bridge.hosts.accounts import Account
from bridge.model.text import printable

_MOST_LINKS = 40
"""As many symbolic links the kernel follows (path_resolution(7))."""
_ACCESS_LIST = "system.posix_acl_access"
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR})
NOT_ENTERED = "cannot enter it: it is not there, or may not be entered"
_HEAD = 256
"""Bytes of a script that hold its interpreter (BINPRM_BUF_SIZE, linux/binfmts.h)."""


class Program(msgspec.Struct, frozen=True):
    """What execve(2) would find: by its resolved `path`, or `failure`, a word of errno, where it would find nothing."""

    path: bytes = b""
    failure: int = 0


def find_program(program: bytes, search: str, cwd: str, account: Account) -> Program:
    """The program that a process of this user would become: the first that may be executed, else what is in the way.

    As execvp(3): a name without a slash is looked up in the directories of `search`.
    """
    if b"/" in program:
        candidates = [program]
    else:
        candidates = [os.path.join(os.fsencode(folder), program) for folder in search.split(os.pathsep)]
    failure = errno.ENOENT
    for candidate in candidates:
        found = _look(candidate, cwd, account)
        if not found.failure:
            return found
        if failure in _NOT_THERE:
            failure = found.failure
    return Program(failure=failure)


def interpreter_of(program: Program) -> bytes | None:
    """The interpreter that a script names in its first line; None where it is no script, or is not ours to read."""
    try:
        handle = os.open(program.path, os.O_PATH | os.O_CLOEXEC)  # no device and no FIFO is opened by that
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with open(f"/proc/self/fd/{handle}", "rb") as opened:
            head = opened.read(_HEAD)
    except OSError:
        return None
    finally:
        os.close(handle)
    words = head.partition(b"\n")[0].removeprefix(b"#!").split()
    return words[0] if head.startswith(b"#!") and words else None


def _look(path: bytes, cwd: str, account: Account) -> Program:
    try:
        resolved = _resolve(path, os.fsencode(cwd), account)
        found = os.stat(resolved)
        if not stat.S_ISREG(found.st_mode) or not _may_execute(resolved, found, account):
            return Program(failure=errno.EACCES)
    except OSError as error:
        return Program(failure=error.errno or errno.EIO)
    return Program(path=resolved)


def _resolve(path: bytes, cwd: bytes, account: Account) -> bytes:
    """The path without symbolic links. Raises `OSError` as opening it would, if the user had the rights for that."""
    here = b"/" if path.startswith(b"/") else os.path.realpath(cwd)
    left, links = path.split(b"/"), 0
    while left:
        name = left.pop(0)
        if name in (b"", b"."):
            continue
        if not _may_search(here, account):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), here)
        if name == b"..":
            here = os.path.dirname(here)
            continue
        there = os.path.join(here, name)
        if not stat.S_ISLNK(os.lstat(there).st_mode):
            here = there
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(there)
        left = [*target.split(b"/"), *left]
        here = b"/" if target.startswith(b"/") else here
    return here


def _may_search(folder: bytes, account: Account) -> bool:
    found = os.stat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
    return _may(folder, found, account)


def _may_execute(program: bytes, found: os.stat_result, account: Account) -> bool:
    if os.statvfs(program).f_flag & os.ST_NOEXEC:
        return False
    return _may(program, found, account)


def _may(path: bytes, found: os.stat_result, account: Account) -> bool:
    """Whether the user has the right `x`. Our own rights are the kernel's to know."""
    if _is_ours(account):
        return os.access(path, os.X_OK)
    if account.uid == found.st_uid:
        bit = stat.S_IXUSR
    elif found.st_gid in {account.gid, *(account.groups or ())}:
        bit = stat.S_IXGRP
    else:
        bit = stat.S_IXOTH
    return bool(found.st_mode & bit) or _ACCESS_LIST in os.listxattr(path)


def _is_ours(account: Account) -> bool:
    return account.uid == os.geteuid()


def said(program: bytes) -> str:
    """A path for a message."""
    return printable(program.decode(errors="backslashreplace"))


def check_folder(cwd: str, account: Account) -> None:
    """Raises `HandlerError` if a run of this user could not begin in this directory.

    Of another user's it is not said why: whether something is there is for those to know who may look.
    """
    try:
        if not _may_search(_resolve(os.fsencode(cwd), b"/", account), account):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), cwd)
    except OSError as error:
        why = error.strerror if _is_ours(account) else f"{account.name} {NOT_ENTERED}"
        raise HandlerError(f"cwd {printable(cwd)}: {why}") from error
