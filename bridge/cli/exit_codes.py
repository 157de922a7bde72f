"""The exit codes of the command, what each means, and which error ends with which. Nothing here exits.

The reference and the manual page have their tables from here.
"""

from collections.abc import Mapping, Sequence

from bridge.errors import (
    BridgeError,
    CallFailedError,
    DeclarationError,
    InvalidValueError,
    NoDaemonError,
    RecordingError,
)

DONE = 0
FAILED = 1
USAGE = 2
NO_DAEMON = 3
NO_SUBSCRIBERS = 4
BAD_RECORDING = 65
NOT_ALLOWED = 77
BAD_DECLARATIONS = 78
TIMED_OUT = 124
INTERRUPTED = 130

MEANINGS: Mapping[int, str] = {
    DONE: "done",
    FAILED: (
        "failed; `check` found errors; `replay --expect` found a difference; `start` was not answered `Allowed`; "
        "a run that `raise --wait` waited for did not succeed; no such task or run"
    ),
    USAGE: "the command cannot be understood, or names a trigger or a GUID that is none",
    NO_DAEMON: "no daemon answers",
    NO_SUBSCRIBERS: "nobody has the trigger that was raised",
    BAD_RECORDING: "a recording cannot be read",
    NOT_ALLOWED: "not allowed",
    BAD_DECLARATIONS: "rules, tasks or configuration are wrong, in `run` and `replay`",
    TIMED_OUT: "what `wait` waited for did not come in time",
    INTERRUPTED: "Ctrl-C ended it; `run` ends with 0",
}
"""Each code and what it means, as Markdown."""

_OF_ERRORS: Sequence[tuple[type[BridgeError], int]] = (
    (NoDaemonError, NO_DAEMON),
    (RecordingError, BAD_RECORDING),
    (DeclarationError, BAD_DECLARATIONS),
    (InvalidValueError, USAGE),
)
_OF_REFUSALS = {
    "org.hwbridge.UnknownTrigger": USAGE,
    "org.hwbridge.InvalidDetails": USAGE,
    "org.hwbridge.NotAllowed": NOT_ALLOWED,
    "org.varlink.service.PermissionDenied": NOT_ALLOWED,
    "org.hwbridge.TimedOut": TIMED_OUT,
}


def exit_code_of(error: BridgeError) -> int:
    """The exit code that an error ends with.

    >>> exit_code_of(NoDaemonError("nobody.sock: no daemon answers"))
    3
    """
    if isinstance(error, CallFailedError):
        return _OF_REFUSALS.get(error.error, FAILED)
    return next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), FAILED)
