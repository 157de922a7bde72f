"""What is told of sessions: whoever hears all of it knows how it is, and garbage of logind is refused."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidValueError
from bridge.mapping.system_levels import OPPOSITES, opposite_of
from bridge.model.events import Field
from bridge.sources.sessions import CLASSES, NOTHING_KNOWN, Session, Sessions, session_of, sessions_of, told_of
from bridge.sources.system import SYSTEM

GOOD: Mapping[str, object] = {
    "Id": "2",
    "Name": "alice",
    "Class": "user",
    "State": "active",
    "Seat": ("seat0", "/org/freedesktop/login1/seat/seat0"),
    "IdleHint": False,
    "LockedHint": False,
}
states = st.dictionaries(st.sampled_from("1234"), st.booleans()).map(
    lambda used: sessions_of({name: Session(name, "alice", is_used=is_used) for name, is_used in used.items()})
)


def levels_after(states_: list[Sessions]) -> dict[str, Field]:
    """The levels that are left by all that is told from one state to the next."""
    levels: dict[str, Field] = {}
    for before, now in zip([NOTHING_KNOWN, *states_], states_, strict=False):
        levels |= {str(fields["name"]): fields["value"] for fields in told_of(before, now)}
    return levels


@given(st.lists(states, min_size=1))
def test_who_hears_all_of_it_knows_whether_there_are_sessions_and_somebody_is_present(history: list[Sessions]) -> None:
    last = history[-1]

    assert levels_after(history) == {
        "SessionConnected": int(bool(last.sessions)),
        "UserPresent": int(bool(last.is_present)),
    }


@given(states)
def test_nothing_is_told_of_what_is_as_it_was(state: Sessions) -> None:
    assert list(told_of(state, state)) == []


@given(states, states)
def test_every_session_that_came_is_told_once(before: Sessions, now: Sessions) -> None:
    came = [
        fields["session"] for fields in told_of(before, now) if fields["name"] == "SessionConnected" and fields["value"]
    ]

    assert sorted(map(str, came)) == sorted((now.sessions or {}).keys() - (before.sessions or {}).keys())


@given(states, states)
def test_what_is_told_and_its_opposites_are_events_of_the_source(before: Sessions, now: Sessions) -> None:
    for fields in told_of(before, now):
        opposite = opposite_of(fields)
        assert opposite is not None
        assert opposite["name"] == OPPOSITES[str(fields["name"])]
        assert SYSTEM.checked(dict(fields)) == fields
        assert SYSTEM.checked(dict(opposite)) == opposite


@pytest.mark.parametrize("class_", sorted(CLASSES))
def test_whoever_is_a_user_counts(class_: str) -> None:
    assert session_of({**GOOD, "Class": class_}) == Session("2", "alice", "seat0")


@pytest.mark.parametrize("changed", [{"LockedHint": True}, {"IdleHint": True}])
def test_a_session_that_is_locked_or_idle_is_not_used(changed: Mapping[str, object]) -> None:
    assert session_of({**GOOD, **changed}) == Session("2", "alice", "seat0", is_used=False)


@pytest.mark.parametrize("type_", ["tty", "unspecified"])
def test_a_session_on_a_terminal_is_never_idle_as_nobody_would_tell_that_it_is_not_any_more(type_: str) -> None:
    assert session_of({**GOOD, "IdleHint": True, "Type": type_}) == Session("2", "alice", "seat0")
    assert session_of({**GOOD, "LockedHint": True, "Type": type_}) == Session("2", "alice", "seat0", is_used=False)


@pytest.mark.parametrize("changed", [{"Class": "greeter"}, {"Class": "none"}, {"State": "closing"}])
def test_where_nobody_is_logged_in_there_is_no_session(changed: Mapping[str, object]) -> None:
    assert session_of({**GOOD, **changed}) is None


def test_an_old_logind_that_knows_no_locks_has_none_that_are_locked() -> None:
    assert session_of({name: value for name, value in GOOD.items() if name != "LockedHint"}) == Session(
        "2", "alice", "seat0"
    )


def test_who_comes_over_the_network_has_no_seat_in_what_is_told() -> None:
    session = session_of({**GOOD, "Seat": ("", "/")})
    assert session is not None

    (connected, _) = told_of(NOTHING_KNOWN, sessions_of({"2": session}))

    assert connected == {"name": "SessionConnected", "value": 1, "session": "2", "user": "alice"}


def test_a_name_that_is_not_utf_8_is_told_as_hwbridge_holds_it() -> None:
    (connected, _) = told_of(NOTHING_KNOWN, sessions_of({"tty1": Session("tty1", "\udcff")}))

    assert connected["user"] == r"\xff"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Id", 2),
        ("Class", None),
        ("State", True),
        ("Name", 7),
        ("IdleHint", 1),
        ("LockedHint", "no"),
        ("Seat", "seat0"),
    ],
)
def test_garbage_is_refused_with_what_was_found(name: str, value: object) -> None:
    with pytest.raises(InvalidValueError, match=f"{name} of a session is {value!r}"):
        session_of({**GOOD, name: value})
