"""Sessions of users: what logind says of one, and what the source `system` tells when they are others than before.

Nobody is asked here, and what a text on D-Bus means is checked: logind may be another program that has its name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridge.errors import InvalidValueError
from bridge.model.events import Field
from bridge.sources.device_fields import readable

CLASSES = frozenset({"user", "user-early", "user-light", "user-early-light"})
"""Those of logind's classes in which a person is logged in; the rest are greeters, lock screens and services."""
_NEVER_IDLE = frozenset({"tty", "unspecified"})
"""The types of sessions of which logind finds out whether they are idle when it is asked, and tells nobody of it."""
_ENDED = "closing"
"""The state of a session whose user has logged out, while something that it started goes on."""


@dataclass(frozen=True, slots=True)
class Session:
    """One session of a user. `is_used` is false while it is locked, or says that nobody touches it."""

    name: str
    user: str = ""
    seat: str = ""
    is_used: bool = True


@dataclass(frozen=True, slots=True)
class Sessions:
    """All sessions by name, in the order in which they came, and whether a user is present; None is not known."""

    sessions: Mapping[str, Session] | None = None
    is_present: bool | None = None


NOTHING_KNOWN = Sessions()


def session_of(properties: Mapping[str, object]) -> Session | None:
    """The session that logind describes; None where no person is logged in. Raises `InvalidValueError` for garbage.

    >>> session_of({"Id": "c2", "Class": "greeter", "State": "active", "IdleHint": False, "LockedHint": False})
    >>> session_of({"Id": "2", "Name": "alice", "Class": "user", "State": "online", "Seat": ("seat0", "/"),
    ...     "IdleHint": False, "LockedHint": True})
    Session(name='2', user='alice', seat='seat0', is_used=False)
    """
    name, class_, state = (_text(properties, each) for each in ("Id", "Class", "State"))
    is_idle = _flag(properties, "IdleHint") and properties.get("Type") not in _NEVER_IDLE
    is_locked = _flag(properties, "LockedHint")
    if class_ not in CLASSES or state == _ENDED:
        return None
    user = _text(properties, "Name") if "Name" in properties else ""
    return Session(name, user, _seat(properties.get("Seat", ("", "/"))), is_used=not is_idle and not is_locked)


def sessions_of(sessions: Mapping[str, Session]) -> Sessions:
    """How it is where sessions themselves say whether they are used."""
    return Sessions(sessions, any(each.is_used for each in sessions.values()))


def told_of(before: Sessions, now: Sessions) -> Iterator[dict[str, Field]]:
    """The fields of the events that tell how it is `now` to who knows how it was; nothing where nothing is known now.

    Each session that came is told, of those that went only the last.

    >>> alice, bob = Session("1", "alice"), Session("2", "bob")
    >>> list(told_of(sessions_of({"1": alice}), sessions_of({"1": alice, "2": bob})))
    [{'name': 'SessionConnected', 'value': 1, 'session': '2', 'user': 'bob'}]
    >>> list(told_of(sessions_of({"1": alice}), sessions_of({})))
    [{'name': 'SessionConnected', 'value': 0, 'session': '1', 'user': 'alice'}, {'name': 'UserPresent', 'value': 0}]
    """
    if now.sessions is not None:
        yield from _connected(before.sessions, now.sessions)
    if now.is_present is not None and now.is_present is not before.is_present:
        yield {"name": "UserPresent", "value": int(now.is_present)}


def _connected(before: Mapping[str, Session] | None, now: Mapping[str, Session]) -> Iterator[dict[str, Field]]:
    for each in now.values():
        if before is None or each.name not in before:
            yield {"name": "SessionConnected", "value": 1, **_details(each)}
    if now or before == {}:
        return
    last = [*before.values()][-1] if before else None
    yield {"name": "SessionConnected", "value": 0, **(_details(last) if last is not None else {})}


def _details(session: Session) -> dict[str, Field]:
    details = {"session": session.name, "seat": session.seat, "user": session.user}
    return {name: readable(value) for name, value in details.items() if value}


def _text(properties: Mapping[str, object], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str):
        raise InvalidValueError(f"{name} of a session is {value!r}, not a text")
    return value


def _flag(properties: Mapping[str, object], name: str) -> bool:
    """A property that an old logind does not have is false."""
    value = properties.get(name, False)
    if not isinstance(value, bool):
        raise InvalidValueError(f"{name} of a session is {value!r}, not true or false")
    return value


def _seat(value: object) -> str:
    """The seat's name, of a pair of name and path; empty for who comes over the network."""
    match value:
        case (str(name), str()):
            return name
        case _:
            raise InvalidValueError(f"Seat of a session is {value!r}, not a name and a path")
