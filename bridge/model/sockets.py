"""Where a daemon's socket is, for root's daemon and for a user's. Nothing is looked at: environment and uid are given.

It loads nothing: `hwbridge raise` must start fast. Sources: file-hierarchy(7), the XDG Base Directory Specification.
"""

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_SOCKET = "/run/hwbridge/hwbridge.sock"
VARIABLE = "HWBRIDGE_SOCKET"
NOBODY_THERE = (FileNotFoundError, NotADirectoryError, PermissionError, ConnectionRefusedError)
"""What connecting fails with where there is no daemon for the caller: then the next socket may be tried."""


def user_socket(environment: "Mapping[str, str]", uid: int) -> str:
    """That of the daemon of the user with this environment.

    >>> user_socket({"XDG_RUNTIME_DIR": "/run/user/1000"}, 1000)
    '/run/user/1000/hwbridge/hwbridge.sock'
    """
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if not runtime.startswith("/"):  # the specification: a relative path is invalid, ignore it
        runtime = f"/run/user/{uid}"
    return f"{runtime.rstrip('/')}/hwbridge/hwbridge.sock"


def sockets_meant(
    environment: "Mapping[str, str]", uid: int, given: str | None = None, *, user: bool = False, system: bool = False
) -> tuple[str, ...]:
    """Where the daemon that is meant may be, to be tried in this order until one is there.

    What is `given` comes before `user` and `system`, these before the environment's HWBRIDGE_SOCKET; without any of
    them it is the user's daemon if it is there, else the system's.

    >>> sockets_meant({}, 1000)
    ('/run/user/1000/hwbridge/hwbridge.sock', '/run/hwbridge/hwbridge.sock')
    """
    if given is not None:
        return (given,)
    if user:
        return (user_socket(environment, uid),)
    if system:
        return (SYSTEM_SOCKET,)
    named = environment.get(VARIABLE)
    return (named,) if named else (user_socket(environment, uid), SYSTEM_SOCKET)
