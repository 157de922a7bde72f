"""Filters end on the true final state: of a pair of rules the last one that raised is the one that is true."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model.events import DeviceGone, Event, Origin
from bridge.model.triggers import Raised
from bridge.testing.replay import Replay
from tests.pure.said import table_of

Bounce = tuple[int, str, int, Origin]
"""How long after the one before, which code, its value, how it came to be known."""
AS_IT_IS = ("match = { value = { min = 1 } }", "match = { value = 0 }")
WITH_HYSTERESIS = (
    "match = { value = { min = 3 } }\nuntil = { value = { below = 2 } }",
    "match = { value = { below = 2 } }\nuntil = { value = { min = 3 } }",
)
bounces = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["ABS_X", "ABS_Y"]), st.integers(0, 4), st.sampled_from(Origin)),
    max_size=25,
)


def raised(pair: tuple[str, str], filter_: str, facts: Sequence[Event | DeviceGone]) -> list[tuple[str, str | None]]:
    """What is raised, as code and rule."""
    more = f'{filter_}\nkey = "{{code}}"\nstart_state = "always"\n'
    rules = "".join(
        f'[[rule]]\nname = "{name}"\n{match}\n{more}' for name, match in zip(("high", "low"), pair, strict=True)
    )
    outcomes = Replay(table_of(rules)).events(facts)
    return [(each.key, each.rule) for each in outcomes if isinstance(each, Raised)]


def events_of(bounces: Sequence[Bounce]) -> list[Event]:
    events: list[Event] = []
    at = 0
    for step, code, value, origin in bounces:
        at += step
        events.append(Event("evdev", at, {"device": "stick", "type": "EV_ABS", "code": code, "value": value}, origin))
    return events


def final_states(pair: tuple[str, str], bounces: Sequence[Bounce]) -> dict[str, str]:
    """How each code is at the end, where it has ever been one or the other."""
    high, low = ({3, 4}, {0, 1}) if pair is WITH_HYSTERESIS else ({1, 2, 3, 4}, {0})
    said = [(code, "high" if value in high else "low") for _, code, value, _ in bounces if value in high | low]
    return dict(said)


@pytest.mark.timeout(400)  # a failure is shrunk for up to 300 s
@pytest.mark.parametrize("filter_", ["edge = true", 'debounce = "3us"', 'hold_for = "3us"', 'debounce = "1h"'])
@pytest.mark.parametrize("pair", [AS_IT_IS, WITH_HYSTERESIS], ids=["as it is", "with hysteresis"])
@settings(max_examples=40)
@given(bounces=bounces)
def test_the_last_raise_tells_the_true_final_state(
    pair: tuple[str, str], filter_: str, bounces: Sequence[Bounce]
) -> None:
    assert dict(raised(pair, filter_, events_of(bounces))) == final_states(pair, bounces)


@pytest.mark.timeout(400)  # a failure is shrunk for up to 300 s
@settings(max_examples=100)
@given(bounces=bounces)
def test_what_debounced_rules_raise_for_a_key_goes_from_one_state_to_the_other(bounces: Sequence[Bounce]) -> None:
    said = raised(AS_IT_IS, 'debounce = "3us"', events_of(bounces))

    for key in ("ABS_X", "ABS_Y"):
        own = [rule for code, rule in said if code == key]
        assert all(first != second for first, second in pairwise(own))


@pytest.mark.timeout(400)  # a failure is shrunk for up to 300 s
@settings(max_examples=100)
@given(before=bounces, after=bounces)
def test_a_device_that_went_and_came_again_ends_on_its_own_state(
    before: Sequence[Bounce], after: Sequence[Bounce]
) -> None:
    first = events_of(before)
    gone = DeviceGone("evdev", first[-1].at if first else 0, "stick")
    again = [Event("evdev", gone.at + each.at, each.fields, each.origin) for each in events_of(after)]
    told = raised(AS_IT_IS, 'debounce = "3us"', [*first, gone, *again])

    final = final_states(AS_IT_IS, after)
    assert {code: rule for code, rule in dict(told).items() if code in final} == final
