"""What waits for a run: what is joined, in which order it is taken, what a full queue lets go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dispatch.waiting import Pending, Waiting, pending_of
from bridge.model.guid import Guid
from bridge.model.tasks import Concurrency
from bridge.model.triggers import Raised

GUID = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
JOINING = [Concurrency.LATEST, Concurrency.BATCH, Concurrency.RESTART]
APART = [Concurrency.QUEUE, Concurrency.IGNORE, Concurrency.PARALLEL]


def raised(number: int, key: str = "") -> Raised:
    return Raised(at=number, trigger=GUID, rule="r", key=key, details={"n": str(number)})


def waiting_of(concurrency: Concurrency, *raises: Raised) -> Waiting:
    waiting = Waiting()
    for each in raises:
        waiting.add(each, concurrency)
    return waiting


def numbers(pending: Pending) -> list[str]:
    return [details["n"] for details in pending.batch]


@pytest.mark.parametrize("concurrency", JOINING)
def test_raises_of_one_key_become_one_run_with_the_newest_details(concurrency: Concurrency) -> None:
    (pending,) = waiting_of(concurrency, raised(1), raised(2), raised(3)).take_all()

    assert (pending.raised, pending.merged) == (raised(3), 3)


def test_a_batch_has_the_details_of_all_oldest_first_and_others_have_none() -> None:
    batched, latest = (
        waiting_of(each, raised(1), raised(2)).take_all()[0] for each in (Concurrency.BATCH, Concurrency.LATEST)
    )

    assert numbers(batched) == ["1", "2"]
    assert numbers(latest) == []
    assert numbers(pending_of(raised(7), Concurrency.BATCH)) == ["7"]


@pytest.mark.parametrize("concurrency", APART)
def test_where_raises_are_not_joined_each_is_a_run_in_the_order_of_their_coming(concurrency: Concurrency) -> None:
    taken = waiting_of(concurrency, raised(1), raised(2), raised(3)).take_all()

    assert [(pending.raised.at, pending.merged) for pending in taken] == [(1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize("concurrency", JOINING)
def test_keys_are_joined_each_for_itself_and_keep_their_places(concurrency: Concurrency) -> None:
    taken = waiting_of(concurrency, raised(1, "a"), raised(2, "b"), raised(3, "a")).take_all()

    assert [(pending.raised.key, pending.raised.at, pending.merged) for pending in taken] == [("a", 3, 2), ("b", 2, 1)]


def test_the_first_whose_key_is_ready_is_taken_and_waits_no_more() -> None:
    waiting = waiting_of(Concurrency.QUEUE, raised(1, "a"), raised(2, "b"), raised(3, "b"))

    taken = waiting.take(lambda key: key == "b")
    assert taken == Pending(raised=raised(2, "b"))
    assert waiting.take(lambda key: key == "c") is None
    assert (len(waiting), waiting.holds("a"), waiting.holds("b"), waiting.holds("c")) == (2, True, True, False)


def test_the_oldest_of_a_batch_is_dropped_alone() -> None:
    waiting = waiting_of(Concurrency.BATCH, raised(1), raised(2), raised(3))

    dropped = waiting.drop_oldest()
    assert (numbers(dropped), dropped.merged, len(waiting)) == (["1"], 1, 2)
    (left,) = waiting.take_all()
    assert (numbers(left), left.merged) == (["2", "3"], 2)


def test_another_concurrency_joins_what_waits_as_if_it_had_come_under_it() -> None:
    waiting = waiting_of(Concurrency.QUEUE, raised(1, "a"), raised(2, "b"), raised(3, "a"))
    waiting.follow(Concurrency.LATEST)

    assert [(each.raised.at, each.merged) for each in waiting.take_all()] == [(3, 2), (2, 1)]


def test_a_batch_begins_with_the_newest_details_of_what_was_joined_before_it() -> None:
    waiting = waiting_of(Concurrency.LATEST, raised(1), raised(2))
    waiting.follow(Concurrency.BATCH)
    waiting.add(raised(3), Concurrency.BATCH)

    (pending,) = waiting.take_all()
    assert (numbers(pending), pending.merged) == (["2", "3"], 3)


steps = st.lists(
    st.one_of(
        st.sampled_from(Concurrency),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["take", "drop"]),
    ),
    max_size=40,
)


@given(steps)
def test_every_raise_that_waited_comes_out_once_and_the_length_counts_what_is_remembered(steps: list[str]) -> None:
    waiting, concurrency = Waiting(), Concurrency.LATEST
    put, got = 0, 0
    for number, step in enumerate(steps):
        pending = None
        if isinstance(step, Concurrency):
            concurrency = step
            waiting.follow(concurrency)
        elif step == "take":
            pending = waiting.take(lambda key: key != "b")
        elif step == "drop" and len(waiting):
            pending = waiting.drop_oldest()
        elif step in ("a", "b", "c"):
            waiting.add(raised(number, step), concurrency)
            put += 1
        got += pending.merged if pending else 0

    length, left = len(waiting), waiting.take_all()
    assert put == got + sum(each.merged for each in left)
    assert length == sum(each.weight for each in left)
    assert len(waiting) == 0
