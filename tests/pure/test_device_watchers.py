"""Device watchers: what is gathered into one batch, what was there already, what is remembered and forgotten."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.lapse import parse_lapse
from bridge.mapping.mapper import Mapped, Mapper
from bridge.mapping.match import Is, Present, Search
from bridge.mapping.memory import Memory, RaisedThisBoot
from bridge.mapping.needs import NO_NEEDS, TaskNeeds
from bridge.mapping.watchers import LONGEST, MOST, QUIET
from bridge.model.checks import Checks
from bridge.model.details import MOST_NAMES
from bridge.model.events import DeviceGone, Event, Origin
from bridge.model.triggers import DeviceWatcherEventKind, DeviceWatcherTrigger, OwnTrigger, Raised
from tests.pure.mapper_said import SECOND, hear, mapper_for, receive, words
from tests.pure.said import events_of

ADD, UPDATE, REMOVE = DeviceWatcherEventKind
TTY: Checks = (("subsystem", Is("tty")),)


def needs(*kinds: DeviceWatcherEventKind, match: Checks = TTY, task: str = "t") -> TaskNeeds:
    return TaskNeeds(watchers=((task, DeviceWatcherTrigger(match, frozenset(kinds or DeviceWatcherEventKind))),))


def until_quiet(mapper: Mapper, script: str) -> list[Mapped]:
    """All that the events of a script lead to, timers between them and after them included."""
    mapped: list[Mapped] = []
    for event in events_of(script):
        mapped += mapper.advance(event.at)
        mapped += receive(mapper, event)
    return [*mapped, *mapper.advance(10**15)]


def batches(mapped: Iterable[Mapped]) -> list[str]:
    """When each batch was raised and what is in it: `0.1 Add one Update two`."""
    return [
        " ".join((f"{each.at / SECOND:g}", *(f"{details['kind']} {details['devpath']}" for details in each.batch)))
        for each in mapped
        if isinstance(each, Raised)
    ]


def add(device: str, at: float = 0, origin: Origin = Origin.LIVE, **more: str) -> Event:
    fields = {"action": "add", "devpath": device, "subsystem": "tty", **more}
    return Event("udev", round(at * SECOND), fields, origin)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("0 a subsystem=tty action=add", ["0.1 Add a"], id="it came"),
        pytest.param("0 a subsystem=tty action=remove", ["0.1 Remove a"], id="it went"),
        pytest.param("0 a subsystem=tty action=bind", ["0.1 Update a"], id="all else is an update"),
        pytest.param("0 a subsystem=net action=add", [], id="another device"),
        pytest.param(
            "0 a subsystem=tty action=add\n0.099999 b subsystem=tty action=add", ["0.199999 Add a Add b"], id="soon"
        ),
        pytest.param(
            "0 a subsystem=tty action=add\n0.1 b subsystem=tty action=add", ["0.1 Add a", "0.2 Add b"], id="late"
        ),
        pytest.param(
            "0 a subsystem=tty action=add\n0.05 a subsystem=tty action=remove", ["0.15 Add a Remove a"], id="in order"
        ),
        pytest.param("0 a subsystem=tty start", ["0.1 Add a"], id="it was there"),
        pytest.param("0 a subsystem=tty action=add resync", ["0.1 Add a"], id="it was missed"),
        pytest.param("0 a subsystem=tty start\n1 a subsystem=tty start", ["0.1 Add a"], id="it is found again"),
        pytest.param(
            "0 a subsystem=tty action=add\n1 a subsystem=tty start", ["0.1 Add a"], id="it came, and is found then"
        ),
        pytest.param("0 a subsystem=tty start\n0 a subsystem=tty start", ["0.1 Add a"], id="found twice at once"),
        pytest.param(
            "0 a subsystem=tty start\n1 a subsystem=tty action=remove\n2 a subsystem=tty start",
            ["0.1 Add a", "1.1 Remove a", "2.1 Add a"],
            id="found, gone, and found anew",
        ),
        pytest.param(
            "0 a subsystem=tty start\n0.01 a gone\n0.02 a subsystem=tty start",
            ["0.12 Add a Remove a Add a"],
            id="gone at once",
        ),
    ],
)
def test_events_of_devices_are_gathered_until_none_has_come_for_a_while(script: str, expected: list[str]) -> None:
    assert batches(until_quiet(mapper_for(needs()), script)) == expected


def test_a_gathering_ends_a_second_after_it_began_however_much_comes() -> None:
    script = "\n".join(f"{number * 0.09:.2f} d{number} subsystem=tty action=add" for number in range(13))

    first, second = batches(until_quiet(mapper_for(needs()), script))

    assert (first[:9], first[-8:], first.count("Add")) == ("1 Add d0 ", " Add d11", 12)
    assert second == "1.18 Add d12"


def test_a_gathering_ends_when_it_has_as_many_events_as_one_may_have() -> None:
    mapper = mapper_for(needs())

    mapped = [each for number in range(MOST + 1) for each in mapper.receive(add(f"d{number}"))]

    assert [len(each.batch) for each in mapped if isinstance(each, Raised)] == [MOST]
    assert [len(each.batch) for each in mapper.advance(QUIET) if isinstance(each, Raised)] == [1]
    assert mapper.deadline is None


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((ADD,), ["1.1 Add a"]),
        ((UPDATE,), ["2.1 Update a"]),
        ((REMOVE,), ["3.1 Remove a"]),
        ((ADD, REMOVE), ["1.1 Add a", "3.1 Remove a"]),
    ],
)
def test_a_watcher_is_told_of_its_kinds_only(kinds: Sequence[DeviceWatcherEventKind], expected: list[str]) -> None:
    script = "\n".join((
        "1 a subsystem=tty action=add", "2 a subsystem=tty action=change", "3 a subsystem=tty action=remove",
    ))  # fmt: skip

    assert batches(until_quiet(mapper_for(needs(*kinds)), script)) == expected


def test_what_was_there_is_no_update() -> None:
    assert until_quiet(mapper_for(needs(UPDATE, REMOVE)), "0 a subsystem=tty start") == []


def only(mapped: Sequence[Mapped]) -> Raised:
    (raised,) = (each for each in mapped if isinstance(each, Raised))
    return raised


def test_a_batch_is_for_one_task_and_has_all_fields_of_each_event() -> None:
    mapper = mapper_for(needs(match=(*TTY, ("ID_PATH", Search.parse(r"usb-0:(?P<port>[0-9])")))))

    mapper.receive(add("a", 0.5, ID_PATH="pci-usb-0:3", **{"attr.idVendor": "0403"}))
    raised = only(mapper.advance(SECOND))

    assert (raised.trigger, raised.task, raised.key, raised.rule, raised.details, raised.at, raised.origin) == (
        OwnTrigger.DEVICE_WATCHER, "t", "", None, {}, 600_000, Origin.LIVE,
    )  # fmt: skip
    (details,) = raised.batch
    assert details == {
        "kind": "Add",
        "port": "3",
        "action": "add",
        "devpath": "a",
        "subsystem": "tty",
        "ID_PATH": "pci-usb-0:3",
        "attr_idVendor": "0403",
    }


def test_of_too_many_fields_the_last_are_lost_and_never_the_kind() -> None:
    mapper = mapper_for(needs())

    mapper.receive(add("a", **{f"P{number}": "x" for number in range(100)}))

    (details,) = only(mapper.advance(SECOND)).batch
    assert len(details) == MOST_NAMES
    assert (details["kind"], details["devpath"], "P99" in details) == ("Add", "a", False)


def test_a_group_of_an_expression_does_not_hide_the_kind() -> None:
    mapper = mapper_for(needs(match=(("devpath", Search.parse("(?P<kind>.*)")),)))

    mapper.receive(add("a"))

    assert only(mapper.advance(SECOND)).batch[0]["kind"] == "Add"


def test_a_batch_of_nothing_but_what_was_there_says_so() -> None:
    mapper = mapper_for(needs())
    mapper.receive(add("a", 0, Origin.START))
    assert only(mapper.advance(SECOND)).origin is Origin.START

    mapper.receive(add("b", 1, Origin.START))
    mapper.receive(add("c", 1))
    assert only(mapper.advance(2 * SECOND)).origin is Origin.LIVE


def test_a_watcher_may_ask_what_a_rule_may_ask() -> None:
    soon = ("since", parse_lapse({"below": "3s"}))
    mapper = mapper_for(needs(match=(*TTY, ("@ID_BUS", Present()), soon)))

    mapper.receive(add("a", 0, ID_BUS="usb"))
    mapper.receive(add("a", 2.5, ID_BUS="usb"))

    (details,) = only(mapper.advance(4 * SECOND)).batch
    assert (details["ID_BUS"], details["since"]) == ("usb", "2.5")


def test_each_task_has_its_own_gathering_and_they_are_raised_in_the_order_of_the_tasks() -> None:
    one, two = needs(task="one"), needs(ADD, task="two", match=(("devpath", Is("b")),))
    mapper = mapper_for(TaskNeeds(watchers=(*two.watchers, *one.watchers)))

    for event in (add("a", 0), add("b", 0)):
        mapper.receive(event)

    assert words(mapper.advance(QUIET)) == [
        "remember b", "raised DeviceWatcherTrigger two",
        "remember a", "remember b", "raised DeviceWatcherTrigger one",
    ]  # fmt: skip


def test_a_rule_that_is_due_at_the_same_instant_raises_first() -> None:
    rule = '[[rule]]\nname = "r"\nsource = "udev"\nmatch = { subsystem = "tty" }\ndebounce = "100ms"\n'
    mapper = mapper_for(needs(), rule)

    mapper.receive(add("a"))

    assert mapper.deadline == QUIET
    assert not mapper.is_due(QUIET - 1)
    assert mapper.is_due(QUIET)
    assert words(mapper.advance(QUIET)) == ["raised r", "remember a", "raised DeviceWatcherTrigger t"]
    assert mapper.deadline is None


def test_what_was_told_before_a_restart_is_not_told_again_when_it_is_found() -> None:
    before = mapper_for(needs())
    before.receive(add("a"))
    told = [each for each in before.advance(SECOND) if isinstance(each, RaisedThisBoot)]
    assert [(each.key, "\n" in each.rule) for each in told] == [("a", True)]

    after = Mapper(Memory(raised_this_boot={(each.rule, each.key) for each in told}))
    after.serve(needs(), 0)

    assert batches(until_quiet(after, "0 a subsystem=tty start\n0 b subsystem=tty start")) == ["0.1 Add b"]


def test_a_device_that_goes_is_forgotten_even_by_a_watcher_that_is_not_told_so() -> None:
    mapper = mapper_for(needs(ADD))
    mapper.receive(add("a"))
    mapper.advance(SECOND)

    assert hear(mapper, "2 a action=remove") == ["forget a"]
    mapper.receive(add("b"))
    mapper.advance(SECOND)
    assert words(until_quiet(mapper, "3 b gone")) == ["forget b"]


def test_what_goes_before_it_was_told_is_never_remembered() -> None:
    assert words(until_quiet(mapper_for(needs()), "0 a subsystem=tty start\n0.05 a subsystem=tty action=remove")) == [
        "raised DeviceWatcherTrigger t"
    ]


def test_a_watcher_that_is_registered_no_more_forgets_its_devices_and_what_it_gathers() -> None:
    mapper = mapper_for(needs())
    until_quiet(mapper, "0 a subsystem=tty start")
    mapper.receive(add("b", 1))

    assert words(mapper.serve(NO_NEEDS, SECOND)) == ["forget a"]
    assert mapper.deadline is None
    assert mapper.advance(9 * SECOND) == []
    mapper.serve(needs(), 2 * SECOND)
    assert batches(until_quiet(mapper, "3 a subsystem=tty start")) == ["3.1 Add a"]


def test_a_watcher_goes_on_gathering_while_other_tasks_come_and_go() -> None:
    mapper = mapper_for(needs())
    mapper.receive(add("a"))

    mapper.serve(TaskNeeds(watchers=(*needs(task="other").watchers, *needs().watchers)), 0)
    mapper.receive(add("b", 0.05))

    assert batches(mapper.advance(SECOND)) == ["0.15 Add b", "0.15 Add a Add b"]


def test_a_watcher_that_says_something_else_starts_anew_and_knows_its_devices() -> None:
    mapper = mapper_for(needs())
    until_quiet(mapper, "0 a subsystem=tty start")
    mapper.receive(add("b", 1))

    assert mapper.serve(needs(ADD, REMOVE), SECOND) == []
    assert batches(until_quiet(mapper, "1 a subsystem=tty start\n1 b subsystem=tty start")) == ["1.1 Add b"]


def test_two_watchers_of_a_task_do_not_mix() -> None:
    trigger = needs().watchers[0][1]
    mapper = mapper_for(TaskNeeds(watchers=(("t", trigger), ("t", trigger))))

    assert batches(until_quiet(mapper, "0 a subsystem=tty start")) == ["0.1 Add a", "0.1 Add a"]


def test_a_device_that_was_there_before_the_task_is_told_to_it_when_it_is_found() -> None:
    mapper = mapper_for()
    mapper.receive(add("a"))
    mapper.serve(needs(match=(("@ID_BUS", Is("usb")),)), SECOND)

    assert mapper.found(add("a", 1, Origin.START, ID_BUS="usb")) == []
    assert batches(mapper.advance(2 * SECOND)) == ["1.1 Add a"]


def test_a_monitor_is_asked_for_the_devices_that_are_watched_and_the_fields_that_are_tested() -> None:
    mapper = mapper_for(needs(match=(*TTY, ("@ID_BUS", Is("usb")), ("attr.idVendor", Present()))))

    interest = mapper.interest("udev")

    assert interest.pinned("subsystem") == {"tty"}
    assert (interest.inherited, interest.attributes) == ({"@ID_BUS"}, {"attr.idVendor"})
    assert not mapper.interest("evdev").asks()


gaps = st.sampled_from([0, 1, QUIET - 1, QUIET, QUIET + 1, LONGEST - 9 * (QUIET - 1) - 1, LONGEST])


@given(st.lists(gaps, min_size=1, max_size=20))
def test_every_event_is_told_once_and_in_order_in_the_batch_that_its_time_says(gaps: list[int]) -> None:
    mapper, at = mapper_for(needs()), 0
    raised: list[Mapped] = []
    expected: list[tuple[int, list[str]]] = []
    began = last = None
    for number, gap in enumerate(gaps):
        at += gap
        raised += mapper.advance(at)
        raised += mapper.receive(add(f"d{number}", at / SECOND))
        if began is None or last is None or at >= min(last + QUIET, began + LONGEST):
            began = at
            expected.append((0, []))
        last = at
        expected[-1] = (min(last + QUIET, began + LONGEST), [*expected[-1][1], f"d{number}"])
    raised += mapper.advance(10**15)

    assert [
        (each.at, [details["devpath"] for details in each.batch]) for each in raised if isinstance(each, Raised)
    ] == expected


def test_a_device_that_is_lost_without_an_event_is_removed_for_those_who_know_of_it() -> None:
    mapper = mapper_for(needs(ADD, REMOVE))
    receive(mapper, add("one"))
    mapper.advance(SECOND)
    lost = [*mapper.gone(DeviceGone("udev", 2 * SECOND, "one")), *mapper.gone(DeviceGone("udev", 2 * SECOND, "other"))]

    assert batches([*lost, *mapper.advance(3 * SECOND)]) == ["2.1 Remove one"]
