"""The connection on which one class is served: activations and cancels come, completions and progress go.

It runs nothing, and it starts no thread: who reads it decides what is done where.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock

from bridge.client.connection import Connection
from bridge.client.running import Outcome
from bridge.errors import NoDaemonError

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from typing import Any

LONGEST_DETAIL = 1000
"""Characters of what is said of a failure; the rest is in what the handler prints."""
_METHOD = "org.hwbridge.{}"


class ClassConnection:
    """A connection to the daemon for one class; any thread may tell something on it, one reads."""

    def __init__(self, connection: Connection, clsid: str, use: str) -> None:
        self._connection = connection
        self._lock = Lock()
        self.clsid = clsid
        self._answers = connection.stream(_METHOD.format("RegisterClass"), {"clsid": clsid, "use": use})

    def wait_until_registered(self) -> None:
        """Waits until the class is served here. Raises what `Connection.call` raises, such as `CallFailedError`."""
        next(self._answers)

    def read(self, activate: "Callable[[Mapping[str, Any]], object]", cancel: Callable[[str, str], object]) -> None:
        """Reads until the class is revoked; calls `activate(activation)` and `cancel(instance_id, reason)`.

        Raises `NoDaemonError` when the daemon hangs up.
        """
        for answer in self._answers:
            match answer.get("action"):
                case "activate":
                    activate(answer["activation"])
                case "cancel":
                    cancel(answer["instance_id"], answer["reason"])

    def complete(self, instance_id: str, outcome: Outcome) -> None:
        """A run is over. Raises `NoDaemonError` if nobody can be told any more."""
        self._tell(
            "Complete",
            instance_id=instance_id,
            succeeded=outcome.succeeded,
            again=outcome.again,
            detail=_sendable(outcome.detail),
        )

    def report_progress(self, instance_id: str, progress: int) -> None:
        """How far a run is. Where nobody can be told any more, the run goes on without."""
        with suppress(NoDaemonError):
            self._tell("ReportProgress", instance_id=instance_id, progress=progress)

    def revoke(self) -> None:
        """No more runs are wanted here; `read` returns when those are read that are on their way."""
        self._tell("RevokeClass", clsid=self.clsid)

    def hang_up(self) -> None:
        """Ends the connection, from whatever thread."""
        self._connection.hang_up()

    def _tell(self, method: str, **parameters: object) -> None:
        with self._lock:
            self._connection.tell(_METHOD.format(method), parameters)


def _sendable(detail: str | None) -> str | None:
    """The beginning of it, as it can be sent: an exception's text may be of any length, and not UTF-8."""
    return None if detail is None else detail[:LONGEST_DETAIL].encode(errors="backslashreplace").decode()
