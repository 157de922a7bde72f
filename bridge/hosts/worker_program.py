"""How a worker is started, and what is said of one that could not begin. Nothing here starts or ends anything.

A worker is an interpreter that runs `bridge.client.worker` with a socket as its standard input. Which interpreter, and
where it looks for modules, its task says; hwbridge itself has to be found by it too.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from socket import socket

import bridge
from bridge.errors import HandlerError
from bridge.hosts.accounts import Account
from bridge.hosts.endings import status_line
from bridge.hosts.invocation import Invocation, environment_of_user
from bridge.hosts.marks import INSTANCE_ID
from bridge.model.tasks import Instance, Python
from bridge.model.text import printable

STALE = os.EX_TEMPFAIL
"""With this a worker ends that has been given a run and has not begun it, as the handler's files have changed."""
_NO_BRIDGE = os.EX_UNAVAILABLE
_LONGEST_REASON = 300
_CODE = f"""\
import sys
first, last = sys.argv[2:], sys.argv[1:2]
sys.path[:] = filter(None, dict.fromkeys([*first, *sys.path, *last]))  # without "", where we just happen to be
del sys.argv[1:]
try:
    from bridge.client.worker import main
except Exception as error:
    print(f"{{type(error).__name__}}: {{error}}", file=sys.stderr)
    sys.exit({_NO_BRIDGE})
main()
"""


def worker_invocation(instance: Instance, account: Account, socket_path: str, connection: socket) -> Invocation:
    """How the worker is started that is to run this instance first; `connection` is its end of the socket."""
    handler = instance.task.run
    assert isinstance(handler, Python), "each kind of handler has its own host"
    environment = environment_of_user(account)
    environment["HWBRIDGE_TASK"] = instance.task.name
    environment["HWBRIDGE_SOCKET"] = socket_path
    environment[INSTANCE_ID] = instance.instance_id
    own = str(Path(bridge.__file__).absolute().parents[1]) if handler.interpreter is None else ""
    return Invocation(
        arguments=(interpreter_of(handler), "-c", _CODE, own, *handler.path),
        environment=environment,
        cwd="/",
        standard_input=connection,
    )


def interpreter_of(handler: Python) -> str:
    """The interpreter that runs the handler. Raises `HandlerError` if we do not know our own."""
    interpreter = handler.interpreter or sys.executable
    if not interpreter:
        raise HandlerError("no interpreter is known here; name one as `interpreter`")
    return interpreter


def not_started(handler: Python, why: str) -> str:
    """What to say of a worker that could not be started, for this reason."""
    if why.startswith(printable(interpreter_of(handler))):
        return f"interpreter {why}; `interpreter` in the task's run names the one to use"
    return why


def not_begun(handler: Python, status: int | None, printed: str) -> Sequence[str]:
    """What to say of a worker that ended with this status before it could take a run, and of what it printed."""
    interpreter = printable(interpreter_of(handler))
    last = printable(next((line for line in reversed(printed.splitlines()) if line.strip()), "")[:_LONGEST_REASON])
    if status == _NO_BRIDGE:
        what_to_do = "install hwbridge for it, or name as `interpreter` that of an environment that has it"
        return [f"{interpreter}: cannot import bridge ({last}): {what_to_do}"]
    ended = status_line(status or 0)
    return [f"{interpreter}: {ended} before it took the run{last and f' ({last})'}: is it a Python interpreter?"]
