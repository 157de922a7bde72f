"""Makes a handler's process: descriptors, rights and the words for what can go wrong. Waits for nothing.

About 0.2 ms, during which the caller waits for the child's exec (vfork(2)). Another user's rights cost more, because
`subprocess` then forks: 1 ms and about 0.05 ms for each MiB that we have in memory.
"""

import errno
import fcntl
import os
import subprocess
from contextlib import ExitStack
from functools import partial
from socket import socket

import msgspec

from bridge.errors import HandlerError
from bridge.hosts.accounts import Account
from bridge.hosts.invocation import Invocation
from bridge.hosts.marks import Mark, passed_on
from bridge.hosts.output import Output
from bridge.model.text import printable

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A handler's main process, first of its own process group; `pidfd` is readable once it has ended."""

    process: subprocess.Popen[bytes]
    pidfd: int
    output: Output


def spawn(invocation: Invocation, account: Account, mark: Mark) -> Child:
    """Starts the process; it gets standard input, output and error, no other descriptor, and the mark's limit.

    Raises `HandlerError` that says in one line what is wrong: no such program, not executable, arguments too long.
    """
    with ExitStack() as at_the_end, ExitStack() as on_failure:
        try:
            standard_input = _descriptor_of(invocation.standard_input)
            at_the_end.callback(os.close, standard_input)
            reading_end, writing_end = os.pipe()
            at_the_end.callback(os.close, writing_end)
            on_failure.callback(os.close, reading_end)
            with passed_on(mark):
                process = _popen(invocation, account, standard_input, writing_end)
            on_failure.callback(_end, process)
            pidfd = os.pidfd_open(process.pid)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise HandlerError(_reason(error, invocation, account)) from error
        on_failure.pop_all()
    return Child(process=process, pidfd=pidfd, output=Output(reading_end))


def _popen(invocation: Invocation, account: Account, standard_input: int, output: int) -> subprocess.Popen[bytes]:
    # Bytes in UTF-8, as the child's LANG says: text would be encoded by our own locale.
    other_user, cwd = account.groups is not None, invocation.cwd.encode()
    # subprocess goes to its cwd with our rights, and a user who cannot pass a directory must not be put below it. What
    # runs before exec runs with the user's; it forks a process with threads, so it is one system call, and seldom.
    enter = partial(os.chdir, cwd) if other_user and cwd != b"/" else None
    return subprocess.Popen(
        [argument.encode() for argument in invocation.arguments],
        env={name.encode(): value.encode() for name, value in invocation.environment.items()},
        cwd=cwd if enter is None else None,
        preexec_fn=enter,
        stdin=standard_input,
        stdout=output,
        stderr=output,
        close_fds=True,
        start_new_session=True,  # its own group too, and away from a terminal of ours, into which it could type
        umask=0o077,
        user=account.uid if other_user else None,
        group=account.gid if other_user else None,
        extra_groups=account.groups,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _descriptor_of(standard_input: bytes | socket) -> int:
    return _sealed_memfd(standard_input) if isinstance(standard_input, bytes) else os.dup(standard_input.fileno())


def _sealed_memfd(content: bytes) -> int:
    """A descriptor at the beginning of `content`, which nobody can change any more (memfd_create(2))."""
    memfd = os.memfd_create("hwbridge-input", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(memfd, content)
    os.lseek(memfd, 0, os.SEEK_SET)
    fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, _SEALS)
    return memfd


def _reason(error: OSError | ValueError | subprocess.SubprocessError, invocation: Invocation, account: Account) -> str:
    program = printable(invocation.arguments[0])
    if isinstance(error, subprocess.SubprocessError):  # all that it says of what failed before exec
        return (
            f"cwd {printable(invocation.cwd)}: {account.name} cannot enter it: it is not there, or may not be entered"
        )
    if not isinstance(error, OSError):
        return f"{program}: cannot be started: {printable(str(error))}"
    if error.filename is None:
        return f"{program}: no process could be made for it: {error.strerror}"
    if error.filename == invocation.cwd.encode() != invocation.arguments[0].encode():
        return f"cwd {printable(invocation.cwd)}: {error.strerror}"
    match error.errno:
        case errno.ENOENT if os.path.isfile(invocation.arguments[0]):
            return f"{program}: the interpreter that it asks for is not found"
        case errno.ENOENT:
            return f"{program}: not found"
        case errno.EACCES:
            return f"{program}: {account.name} may not execute it"
        case errno.ENOEXEC:
            return f"{program}: neither a program nor a script that begins with #!"
        case errno.E2BIG:
            return f"{program}: its arguments and environment are too long ({_size(invocation)} bytes)"
        case _:
            return f"{program}: {error.strerror}"


def _size(invocation: Invocation) -> int:
    arguments = sum(len(argument.encode()) + 1 for argument in invocation.arguments)
    variables = sum(len(f"{name}={value}".encode()) + 1 for name, value in invocation.environment.items())
    return arguments + variables
