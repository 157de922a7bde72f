"""Every error of hwbridge, as one tree. Nothing here prints, logs or decides an exit code.

BridgeError
├── InvalidValueError (ValueError)       a value that cannot be built
│   ├── InvalidGuidError                 not a GUID
│   │   └── NilGuidError                 the nil GUID
│   ├── InvalidDurationError             not a number and a unit
│   ├── InvalidDetailsError              details that are too many, too long or misnamed
│   └── UnknownCodeError                 no such input event type or code
├── DeclarationError (ValueError)        rules, tasks or configuration files hold errors
├── TrustError (PermissionError)         a file or directory that others could have written
├── RecordingError (ValueError)          a recording that cannot be read
├── HandlerError                         a handler that cannot be started
├── DeviceError (OSError)                a device or a kernel interface that does not do what was asked
├── StoreError (OSError)                 the state directory or a file in it cannot be used
│   └── DamagedStoreError                a database that is not sound
├── SocketError (OSError)                the API's socket cannot be made
├── ProtocolError (ValueError)           the peer does not speak varlink
├── InterfaceError (ValueError)          a varlink interface description that cannot be read
├── NoDaemonError (ConnectionError)      no daemon answers
├── UnknownEntryPointError (ImportError) the Python handler of a task cannot be found
├── RunFailedError                       a run did not succeed
└── CallFailedError                      the daemon answered with a named error
    ├── NotAllowedError (PermissionError)
    ├── InvalidTaskError (ValueError)
    ├── UnknownNameError (LookupError)   no task, trigger or run has this name
    ├── BusyError                        a queue is full
    └── StoreFullError                   nothing can be written down now
"""

from collections.abc import Mapping, Sequence


class BridgeError(Exception):
    """The root: whatever hwbridge raises on purpose is one of these."""


class InvalidValueError(BridgeError, ValueError):
    """A value that cannot be built; the message holds what was given and what was meant."""


class InvalidGuidError(InvalidValueError):
    """Text that is not a GUID."""

    def __init__(self, text: object, wanted: str = "a GUID such as {9118718B-FF80-4AFE-BAF1-D88A4525F3AB}") -> None:
        super().__init__(f"{text!r} is not {wanted}")


class NilGuidError(InvalidGuidError):
    """The nil GUID, in whatever spelling."""

    def __init__(self, text: object) -> None:
        super().__init__(text, "a usable GUID: the nil GUID names nothing")


class InvalidDurationError(InvalidValueError):
    """Text that is not a number followed by one of us, ms, s, m, h, d."""

    def __init__(self, text: object) -> None:
        super().__init__(f"{text!r} is not a duration: a number and one of us, ms, s, m, h, d, as in '20ms'")


class InvalidDetailsError(InvalidValueError):
    """Details that break a limit of the contract; `field` is the detail's name."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"detail {field!r}: {reason}")
        self.field = field
        self.reason = reason


class UnknownCodeError(InvalidValueError):
    """An input event type or code that Linux does not have."""


class DeclarationError(BridgeError, ValueError):
    """Rules, tasks or configuration files hold errors; `problems` has one line for each, all of them."""

    def __init__(self, problems: Sequence[object]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class TrustError(BridgeError, PermissionError):
    """A file or directory that others could have written; the message says who, and what is trusted."""


class RecordingError(BridgeError, ValueError):
    """A recording that cannot be read; the message begins with file:line."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")


class HandlerError(BridgeError):
    """A handler that cannot be started; the message becomes its run's failure."""


class OutOfTimeError(BridgeError):
    """What was called took more processor time than it may, and was ended."""


class DeviceError(BridgeError, OSError):
    """A device or kernel interface that does not do what was asked; the message names it."""


class StoreError(BridgeError, OSError):
    """The state directory, or a file in it, cannot be used; the message names it."""


class DamagedStoreError(StoreError):
    """A database that is not sound; the message says what was found, and the store sets the file aside."""


class SocketError(BridgeError, OSError):
    """The API's socket cannot be made; the message names the path and what is in the way."""


class ProtocolError(BridgeError, ValueError):
    """Bytes that are not varlink's, or more of them than allowed."""


class InterfaceError(BridgeError, ValueError):
    """A varlink interface description that cannot be read."""


class NoDaemonError(BridgeError, ConnectionError):
    """No daemon answers at this socket."""


class CallFailedError(BridgeError):
    """The daemon answered a call with a named error; `message` says it better than the error's own name and fields."""

    def __init__(self, error: str, parameters: Mapping[str, object], message: str = "") -> None:
        shown = ", ".join(f"{name} {value!r}" for name, value in parameters.items())
        super().__init__(message or f"{error.rpartition('.')[2]}{': ' if shown else ''}{shown}")
        self.error = error
        self.parameters = dict(parameters)


class NotAllowedError(CallFailedError, PermissionError):
    """The caller may not do this; the message says what, and who may."""


class InvalidTaskError(CallFailedError, ValueError):
    """A task that cannot be registered; `parameters["reasons"]` has what is wrong in it, at most 50 things."""


class UnknownNameError(CallFailedError, LookupError):
    """No task, trigger or run has this name."""


class BusyError(CallFailedError):
    """A task's queue is full, or a user has as many tasks as one may have."""


class StoreFullError(CallFailedError):
    """Nothing can be written down now, so nothing new is accepted."""


class UnknownEntryPointError(BridgeError, ImportError):
    """The Python handler of a task cannot be found; the message says what is missing, and where it was looked for."""


class RunFailedError(BridgeError):
    """A run did not succeed; the message says which, and why."""
