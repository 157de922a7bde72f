"""Whether runs of a task could be: is their user there, their program, their server. Nothing is started to find out.

What cannot be judged without running it is not held against a task: a program whose name comes with the details, what a
module holds, what an access list allows.
"""

import errno
import os
from collections.abc import Callable, Iterator

from bridge.dispatch.explaining import What, Why
from bridge.errors import HandlerError
from bridge.hosts.accounts import Account, account_of
from bridge.hosts.invocation import PATH
from bridge.hosts.worker_program import interpreter_of as interpreter_of_worker
from bridge.model.guid import Guid
from bridge.model.tasks import Exec, Python, Registration, ServedClass
from bridge.service.reach import check_folder, find_program, interpreter_of, said

IsServed = Callable[[Guid, int], bool]
"""Whether runs of a user (a uid) would find a server of a class."""


def handler_in_the_way(task: Registration, is_served: IsServed) -> list[Why]:
    """Why runs of the task would fail before they begin; nothing where they would not, or where nobody knows."""
    try:
        account = account_of(task.runs_as)
    except HandlerError as error:
        return [Why(what=What.USER, subject=str(task.runs_as), message=f"its runs fail: {error}")]
    match task.run:
        case Exec():
            return list(_of_exec(task.run, account))
        case Python():
            return list(_of_python(task.run, account))
        case ServedClass(clsid=clsid):
            if is_served(clsid, account.uid):
                return []
            message = f"nobody serves its class, so its runs fail: start the task server of {account.name}"
            return [Why(what=What.SERVER, subject=clsid.text, message=message)]


def _of_exec(run: Exec, account: Account) -> Iterator[Why]:
    first = run.arguments[0]
    program = first.texts[0] if not first.names else ""
    try:
        check_folder(run.cwd, account)
    except HandlerError as error:
        yield Why(what=What.HANDLER, subject=program or None, message=f"its runs fail: {error}")
        if not program.startswith("/"):  # what it would be, is looked for there
            return
    if program:
        yield from _of_program(program, run.environment.get("PATH", PATH), run.cwd, account)


def _of_python(run: Python, account: Account) -> Iterator[Why]:
    try:
        interpreter = interpreter_of_worker(run)
    except HandlerError as error:
        yield Why(what=What.HANDLER, subject=run.entry_point, message=f"its runs fail: {error}")
        return
    yield from _of_program(interpreter, PATH, "/", account)


def _of_program(program: str, search: str, cwd: str, account: Account) -> Iterator[Why]:
    name = os.fsencode(program)
    found = find_program(name, search, cwd, account)
    if found.failure:
        message = f"its runs fail: {said(name)}: {_words(found.failure, name, search, account)}"
        yield Why(what=What.HANDLER, subject=said(name), message=message)
        return
    interpreter = interpreter_of(found)
    if interpreter is not None and interpreter.startswith(b"/"):
        failure = find_program(interpreter, search, cwd, account).failure
        if failure:
            message = f"{said(name)} asks for {said(interpreter)}: {_words(failure, interpreter, search, account)}"
            yield Why(what=What.HANDLER, subject=said(name), message=f"its runs fail: {message}")


def _words(failure: int, program: bytes, search: str, account: Account) -> str:
    if failure == errno.ENOENT:
        return "not found" if b"/" in program else f"not found in {search}"
    return f"{account.name} may not execute it" if failure == errno.EACCES else os.strerror(failure)
