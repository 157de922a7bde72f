"""Methods that answer more than once: what they promise the server, and the server them. No socket stands here.

Source of the semantics: varlink.org, "Protocol": a call with `more` may have several answers, all but the last say
`continues`; whoever does not want more hangs up.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bridge.service.callers import Caller


class Outlet(Protocol):
    """Where the answers of one call go. Nothing is lost in it: who writes while it is blocked fills memory."""

    @property
    def is_blocked(self) -> bool:
        """The reader has not read what was written before; the stream is told when it has."""

    def write(self, encoded: bytes) -> None:
        """One or more answers that are not the last, encoded; after the end nothing happens."""

    def end(self, encoded: bytes) -> None:
        """The last answer, encoded; what was called behind it is answered next."""

    def abort(self) -> None:
        """Ends the connection at once; the stream is told as of any other end."""


class Stream(Protocol):
    """One call that is answered more than once."""

    def begin(self, outlet: Outlet) -> None:
        """The call is accepted: from now on answers may be written."""

    def unblocked(self) -> None:
        """The reader has read: more may be written."""

    def closed(self) -> None:
        """The caller has hung up, or the service stops: no more can be written. Comes once, not after `end`."""


StreamedMethod = Callable[[Caller, Mapping[str, Any]], Stream]
"""What a method does that answers more than once: parameters that the interface allows, from this caller, to a stream.

Raises `CallFailedError` with an error of the interface.
"""
