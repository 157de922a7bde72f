"""What every host promises to the service, and how it says that a run ended. No host stands here."""

from typing import Protocol

import msgspec

from bridge.model.tasks import CancellationReason, Instance


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A run ended, and with it everything that it started.

    `detail` is one line that a person can act on: `exit 3`, `killed by SIGSEGV`, `/no/such: not found`.
    `output` is the end of what the handler printed, control characters as they are. `again`: it asks to be run again,
    and has left nothing to clean up. `suspended` and `throttled` are how often the kernel froze the run and cut its CPU
    time, None where it does not say.
    """

    instance_id: str
    succeeded: bool
    detail: str
    output: str = ""
    again: bool = False
    suspended: int | None = None
    throttled: int | None = None


class Host(Protocol):
    """Runs handlers. Whatever a handler does wrong becomes its own run's `Ended`, and is never raised."""

    def start(self, instance: Instance) -> None:
        """Starts the run; each start is answered by exactly one `Ended`."""

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        """Asks the run to end. A run that is not there has ended already: nothing happens."""

    def kill(self, instance_id: str) -> None:
        """Ends the run and everything that it started, whether they want to or not."""

    async def close(self) -> None:
        """Kills what is left and waits until it is gone; no process, descriptor or reader stays."""
