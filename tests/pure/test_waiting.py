"""What waits for a run: what is joined, in which order it may start, and how many raises are remembered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.dispatch.waiting import Pending, Tally, Waiting, joined, pending_of, pending_of_kept
from bridge.model.guid import Guid
from bridge.model.tasks import Concurrency
from bridge.model.triggers import OwnTrigger, Raised

GUID = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
JOINING = [Concurrency.LATEST, Concurrency.BATCH, Concurrency.RESTART]
APART = [Concurrency.QUEUE, Concurrency.IGNORE, Concurrency.PARALLEL]


def raised(number: int, key: str = "") -> Raised:
    return Raised(at=number, trigger=GUID, rule="r", key=key, details={"n": str(number)})


def put(waiting: Waiting, pending: Pending, concurrency: Concurrency) -> None:
    """As the dispatcher does with a new raise."""
    old = waiting.to_join(pending.key, concurrency, latches=pending.latched)
    if old is None:
        waiting.add(pending)
    else:
        waiting.change(joined(old, pending))


def waiting_of(concurrency: Concurrency, *raises: Raised, latched: bool = False) -> Waiting:
    waiting = Waiting()
    for each in raises:
        put(waiting, replace(pending_of(each.at, each, concurrency), latched=latched), concurrency)
    return waiting


def numbers(pending: Pending) -> list[str]:
    return [details["n"] for details in pending.batch]


@pytest.mark.parametrize("concurrency", JOINING)
def test_raises_of_one_key_become_one_run_with_the_newest_details(concurrency: Concurrency) -> None:
    (pending,) = waiting_of(concurrency, raised(1), raised(2), raised(3)).take_all()

    assert (pending.number, pending.raised, pending.merged) == (1, raised(3), 3)


@pytest.mark.parametrize("concurrency", APART)
def test_what_latches_is_joined_under_every_concurrency(concurrency: Concurrency) -> None:
    (pending,) = waiting_of(concurrency, raised(1), raised(2), latched=True)

    assert (pending.raised, pending.merged) == (raised(2), 2)


def test_a_batch_has_the_details_of_all_oldest_first_and_others_have_none() -> None:
    batched, latest = (
        waiting_of(each, raised(1), raised(2)).take_all()[0] for each in (Concurrency.BATCH, Concurrency.LATEST)
    )

    assert numbers(batched) == ["1", "2"]
    assert numbers(latest) == []
    assert numbers(pending_of(1, raised(7), Concurrency.BATCH)) == ["7"]


def test_a_device_watchers_batch_is_kept_once_whatever_the_concurrency_is() -> None:
    batch = ({"kind": "Add"}, {"kind": "Remove"})
    watched = Raised(at=0, trigger=OwnTrigger.DEVICE_WATCHER, task="t", batch=batch)

    for concurrency in Concurrency:
        pending = pending_of(1, watched, concurrency)
        assert (pending.batch, pending.raised.batch, pending.weight) == (batch, (), 2)


@pytest.mark.parametrize("concurrency", APART)
def test_where_raises_are_not_joined_each_is_a_run_in_the_order_of_their_coming(concurrency: Concurrency) -> None:
    taken = waiting_of(concurrency, raised(1), raised(2), raised(3)).take_all()

    assert [(pending.raised.at, pending.merged) for pending in taken] == [(1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize("concurrency", JOINING)
def test_keys_are_joined_each_for_itself_and_keep_their_places(concurrency: Concurrency) -> None:
    taken = waiting_of(concurrency, raised(1, "a"), raised(2, "b"), raised(3, "a")).take_all()

    assert [(pending.key, pending.raised.at, pending.merged) for pending in taken] == [("a", 3, 2), ("b", 2, 1)]


@pytest.mark.parametrize("concurrency", [Concurrency.LATEST, Concurrency.BATCH])
@pytest.mark.parametrize(("attempt", "again"), [(2, 0), (1, 1)])
def test_nothing_joins_what_is_run_again_but_where_the_newest_counts_alone(
    concurrency: Concurrency, attempt: int, again: int
) -> None:
    waiting = Waiting()
    waiting.add(replace(pending_of(1, raised(1), concurrency), attempt=attempt, again=again, due=9))

    assert waiting.to_join("", concurrency, latches=False) is None
    newest = waiting.to_join("", Concurrency.RESTART, latches=False)
    assert newest is not None
    anew = joined(newest, pending_of(2, raised(2), Concurrency.RESTART))
    assert (anew.attempt, anew.again, anew.due, anew.merged) == (1, 0, None, 2)


def test_what_waits_for_the_mains_does_not_hold_up_a_raise_that_need_not() -> None:
    maintenance = pending_of(1, Raised(at=1, trigger=OwnTrigger.MAINTENANCE, task="t"), Concurrency.LATEST)
    other = pending_of(2, raised(2), Concurrency.LATEST)

    assert maintenance.needs_mains
    assert not joined(maintenance, other).needs_mains
    assert not joined(other, maintenance).needs_mains


def test_the_first_that_may_start_is_found_and_waits_until_it_is_removed() -> None:
    waiting = waiting_of(Concurrency.QUEUE, raised(1, "a"), raised(2, "b"), raised(3, "b"))

    found = waiting.ready(lambda each: each.key == "b", alone=True)
    assert found is not None
    assert found.raised == raised(2, "b")
    assert waiting.ready(lambda each: each.key == "c", alone=True) is None
    waiting.remove(found)
    assert (len(waiting), waiting.holds("a"), waiting.holds("b"), waiting.holds("c")) == (2, True, True, False)


def test_one_of_a_key_starts_before_an_earlier_one_of_it_only_where_they_may_run_together() -> None:
    waiting = waiting_of(Concurrency.QUEUE, raised(1), raised(2))
    second = waiting.ready(lambda each: each.number == 2, alone=False)

    assert second is not None
    assert waiting.ready(lambda each: each.number == 2, alone=True) is None


def test_what_comes_back_to_be_run_again_takes_its_place() -> None:
    waiting = waiting_of(Concurrency.QUEUE, raised(2), raised(3))
    waiting.add(pending_of(1, raised(1), Concurrency.QUEUE))

    assert [each.number for each in waiting] == [1, 2, 3]
    assert waiting.oldest().number == 1


@pytest.mark.parametrize("has_run", [{"attempt": 2}, {"again": 1}, {"redelivered": True}])
def test_what_has_run_is_in_no_queue_so_a_full_one_does_not_let_it_go(has_run: dict[str, int]) -> None:
    waiting = waiting_of(Concurrency.QUEUE, raised(2), raised(3))
    waiting.add(replace(pending_of(1, raised(1), Concurrency.QUEUE), **has_run))  # type: ignore[arg-type]  # by name

    assert ([each.number for each in waiting], len(waiting), waiting.oldest().number) == ([1, 2, 3], 2, 2)


@pytest.mark.parametrize("instance_id", [None, "7"])
def test_what_was_kept_waits_as_before_and_what_was_started_is_redelivered(instance_id: str | None) -> None:
    before = replace(pending_of(4, raised(1), Concurrency.LATEST), merged=3, attempt=2, due=9, latched=True)
    after = pending_of_kept(before.kept("t", instance_id))

    assert after.kept("t") == replace(before, redelivered=instance_id is not None).kept("t")
    assert after.batch == before.batch


steps = st.lists(
    st.tuples(st.sampled_from(Concurrency), st.sampled_from(["a", "b", "c", "start", "drop"]), st.booleans()),
    max_size=40,
)


@given(steps)
def test_every_raise_that_waited_comes_out_once_and_the_length_counts_what_is_remembered(
    steps: list[tuple[Concurrency, str, bool]],
) -> None:
    tally = Tally(runs=1, raises=5)  # of another task
    waiting = Waiting(tally)
    came = went = 0
    for number, (concurrency, step, latched) in enumerate(steps):
        out = None
        if step == "start":
            out = waiting.ready(lambda each: each.key != "b", alone=True)
        elif step == "drop" and len(waiting):
            out = waiting.oldest()
        elif step in ("a", "b", "c"):
            put(waiting, replace(pending_of(number, raised(number, step), concurrency), latched=latched), concurrency)
            came += 1
        if out is not None:
            waiting.remove(out)
            went += out.merged
        assert len(waiting) == sum(each.weight for each in waiting)
        assert tally == Tally(runs=1 + len(list(waiting)), raises=5 + sum(max(1, each.weight) for each in waiting))
        assert [each.number for each in waiting] == sorted(each.number for each in waiting)

    keys = {each.key for each in waiting}
    assert {key for key in ("a", "b", "c") if waiting.holds(key)} == keys
    assert came == went + sum(each.merged for each in waiting.take_all())
    assert (len(waiting), list(waiting), waiting.holds("a")) == (0, [], False)
    assert tally == Tally(runs=1, raises=5)
