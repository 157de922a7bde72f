"""Tasks that are registered over the API of a daemon, and what it tells of them."""

import tomllib
from typing import Any

import pytest
from daemon import Daemon, task

from bridge.errors import CallFailedError

ON_REQUEST = [{"application": True}]


def defined(daemon: Daemon, name: str, script: str, **keys: Any) -> dict[str, Any]:
    """What is said of a task with this script, as `Daemon.task` would write it into a file; `keys` as JSON has them."""
    (table,) = tomllib.loads(task(name, script, folder=daemon.folder))["task"]
    return {**table, **keys}


def register(daemon: Daemon, name: str, script: str, **keys: Any) -> dict[str, Any]:
    """Registers such a task; what is answered."""
    return daemon.call("Register", task=defined(daemon, name, script, **keys))


def shown(daemon: Daemon, name: str) -> dict[str, Any]:
    """What `AllTasks` says of one task."""
    (view,) = daemon.call("AllTasks", name=name)["tasks"]
    return dict(view)


def state(daemon: Daemon, name: str) -> str:
    return str(shown(daemon, name)["state"])


def wait_for_state(daemon: Daemon, name: str, wanted: str) -> None:
    daemon.wait_until(lambda: state(daemon, name) == wanted, f"{name} is {wanted}")


def refused(daemon: Daemon, method: str, **parameters: Any) -> tuple[str, dict[str, Any]]:
    """The error that this call is answered with, and its fields."""
    with pytest.raises(CallFailedError) as caught:
        daemon.call(method, **parameters)
    return caught.value.error.removeprefix("org.hwbridge."), dict(caught.value.parameters)
