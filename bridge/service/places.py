"""Where rules, tasks, state and socket are, for root and for everybody else. Nothing is opened here.

Sources: file-hierarchy(7) for root's daemon, the XDG Base Directory Specification for a user's.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bridge.model.sockets import SYSTEM_SOCKET, user_socket


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """The places of one daemon; of `rules` and `tasks`, a file in an earlier directory masks its name in later ones."""

    config: Path
    rules: tuple[Path, ...]
    tasks: tuple[Path, ...]
    state: Path
    socket: Path


class Directories(msgspec.Struct, frozen=True, kw_only=True):
    """Where to read; `given` directories (`--rules`, `--tasks`) must be there, the default ones need not."""

    rules: tuple[Path, ...]
    tasks: tuple[Path, ...]
    rules_given: bool = False
    tasks_given: bool = False


def system_places() -> Places:
    """Those of root's daemon."""
    vendor = Path("/usr/lib/hwbridge")
    own = Path("/etc/hwbridge")
    return Places(
        config=own / "hwbridge.toml",
        rules=(own / "rules", vendor / "rules"),
        tasks=(own / "tasks", vendor / "tasks"),
        state=Path("/var/lib/hwbridge"),
        socket=Path(SYSTEM_SOCKET),
    )


def user_places(environment: Mapping[str, str], uid: int) -> Places:
    """Those of the daemon of the user with this environment.

    >>> user_places({"HOME": "/home/alice", "XDG_RUNTIME_DIR": "/run/user/1000"}, 1000).socket.as_posix()
    '/run/user/1000/hwbridge/hwbridge.sock'
    """
    home = Path(environment.get("HOME") or "/")
    own = _directory(environment, "XDG_CONFIG_HOME", home / ".config")
    vendor = _directory(environment, "XDG_DATA_HOME", home / ".local/share")
    return Places(
        config=own / "hwbridge.toml",
        rules=(own / "rules", vendor / "rules"),
        tasks=(own / "tasks", vendor / "tasks"),
        state=_directory(environment, "XDG_STATE_HOME", home / ".local/state"),
        socket=Path(user_socket(environment, uid)),
    )


def _directory(environment: Mapping[str, str], name: str, default: Path) -> Path:
    given = environment.get(name, "")  # the specification: a relative path is invalid, ignore it
    return (Path(given) if given.startswith("/") else default) / "hwbridge"
