"""Calls of other users: a child gives up its rights and then calls, with nothing of ours but the socket's path."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from daemon import DEADLINE_SECONDS, User

Call = tuple[str, Mapping[str, Any]]
"""A method, with its interface or of ours, and its parameters."""
_STREAMED = ("Watch", "RegisterClass")
_AS_ANOTHER_USER = f"""
import json, os, socket, sys
socket_path, user, calls, count = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4])
os.setgroups(user["groups"]); os.setresgid(*[user["gid"]] * 3); os.setresuid(*[user["uid"]] * 3)
for method, parameters in calls:
    with socket.socket(socket.AF_UNIX) as connected:
        connected.connect(socket_path)
        connected.settimeout({DEADLINE_SECONDS})
        call = {{"method": method, "parameters": parameters, "more": method.rpartition(".")[2] in {_STREAMED!r}}}
        connected.sendall(json.dumps(call).encode() + b"\\0")
        told = b""
        while told.count(b"\\0") < count:
            byte = connected.recv(1)
            assert byte, (method, told)
            told += byte
    print(told[:-1].replace(b"\\0", b"\\n").decode())
"""


def answers(socket: Path, user: User, calls: Iterable[Call], count: int = 1) -> list[dict[str, Any]]:
    """The first answers (`count` of them) to each of these calls of this user, each on a connection of its own."""
    named = [(name if "." in name else f"org.hwbridge.{name}", parameters) for name, parameters in calls]
    rights = json.dumps({"uid": user.uid, "gid": user.gid, "groups": user.groups})
    done = subprocess.run(
        [sys.executable, "-c", _AS_ANOTHER_USER, str(socket), rights, json.dumps(named), str(count)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def answer(socket: Path, user: User, method: str, **parameters: Any) -> dict[str, Any]:
    """The parameters of the one answer to this call; a refusal fails."""
    (found,) = answers(socket, user, [(method, parameters)])
    assert "error" not in found, found
    return dict(found["parameters"])


def refusal(socket: Path, user: User, method: str, **parameters: Any) -> tuple[str, dict[str, Any]]:
    """The error that this call is answered with, and its fields."""
    (found,) = answers(socket, user, [(method, parameters)])
    assert "error" in found, found
    return str(found["error"]).removeprefix("org.hwbridge."), dict(found.get("parameters", {}))
