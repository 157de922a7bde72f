"""Replay: the contract's own example to the byte, virtual time, handlers, and the same bytes for the same input."""

import json
from collections.abc import Mapping, Sequence
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dispatch.decisions import Cancel, Dropped, Kill
from bridge.dispatch.load import load_tasks
from bridge.hosts.inline import Handler
from bridge.mapping.load.rules import load_rules
from bridge.mapping.raising import Refusal
from bridge.model.events import DeviceGone, Event
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, DropReason, Instance
from bridge.model.triggers import Raised
from bridge.recording.jsonl import read_recording
from bridge.testing.replay import Replay, inline_host
from bridge.testing.transcript import json_of, text_of
from bridge.toml.document import parse

JACK = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
RULES = f"""\
    [triggers]
    "audio-jack.connected" = "{JACK}"

    [[rule]]
    name = "headphones-in"
    source = "evdev"
    match = {{ code = "SW_HEADPHONE_INSERT", value = 1 }}
    raise = "audio-jack.connected"
    details = {{ jack = "headphone", dev = "{{name}}" }}
    key = "{{device}}"
    """
TASKS = """\
    [[task]]
    name = "fabrikam.audio-jack.connected Task"
    triggers = [{ custom = "audio-jack.connected", recurrence = "always" }]
    run = { exec = ["/usr/bin/logger", "jack {dev}"] }
    """
LINE = (
    '{"at": 0.104, "source": "evdev", "origin": "live", "device": "/dev/input/event3", "name": "HDA Jack", '
    '"type": "EV_SW", "code": "SW_HEADPHONE_INSERT", "value": 1}'
)
EXPECTED = f"""\
0.104000 raised {JACK} headphones-in
0.104000 activated fabrikam.audio-jack.connected Task 1
0.104000 completed fabrikam.audio-jack.connected Task 1 succeeded
"""


def replay_of(rules: str = RULES, tasks: str = TASKS, handlers: Mapping[str, Handler] | None = None) -> Replay:
    table, problems = load_rules([parse("rules.toml", dedent(rules).encode())])
    registrations, more = load_tasks([parse("tasks.toml", dedent(tasks).encode())], table.names)
    assert [*problems, *more] == []
    return Replay(table, registrations, inline_host(handlers or {}))


def events_of(*lines: str) -> list[Event | DeviceGone]:
    header = '{"hwbridge-recording": 1}'
    return list(read_recording("jack.jsonl", [line.encode() for line in (header, *lines)]))


def shown(replay: Replay, events: Sequence[Event | DeviceGone], until: int | None = None) -> str:
    lines = (text_of(outcome) for outcome in replay.events(events, until))
    return "".join(f"{line}\n" for line in lines if line is not None)


def jack(at: int, value: int = 1, device: str = "/dev/input/event3") -> Event:
    fields = {"device": device, "type": "EV_SW", "code": "SW_HEADPHONE_INSERT", "value": value}
    return Event("evdev", at, fields, replayed=True)


def test_the_contracts_example_comes_out_to_the_byte() -> None:
    assert shown(replay_of(), events_of(LINE)) == EXPECTED


def test_the_same_as_json_has_what_the_contract_names() -> None:
    raised, activated, completed = (json.loads(json_of(each) or "") for each in replay_of().events(events_of(LINE)))

    assert raised == {
        "at": 0.104,
        "what": "raised",
        "trigger": JACK,
        "rule": "headphones-in",
        "key": "/dev/input/event3",
        "details": {"jack": "headphone", "dev": "HDA Jack"},
    }
    assert (activated["what"], activated["task"], activated["instance"]) == (
        "activated",
        "fabrikam.audio-jack.connected Task",
        "1",
    )
    assert (completed["at"], completed["what"], completed["state"]) == (0.104, "completed", "succeeded")


@given(st.integers(0, 2**51 - 1))
def test_a_time_in_json_has_six_digits_at_most_and_loses_none(at: int) -> None:
    line = json_of(Dropped(at=at, task="t", key="", reason=DropReason.QueueFull))

    assert round(json.loads(line or "")["at"] * 1_000_000) == at


def test_instance_ids_count_over_all_tasks() -> None:
    tasks = TASKS + TASKS.replace("Task", "Second")
    activated = [line for line in shown(replay_of(tasks=tasks), [jack(0), jack(1)]).splitlines() if "activated" in line]

    assert [line.rpartition(" ")[2] for line in activated] == ["1", "2", "3", "4"]


def test_a_run_is_over_before_the_next_event_of_the_same_instant() -> None:
    lines = shown(replay_of(), [jack(5), jack(5)]).splitlines()

    assert [line.split()[1] for line in lines] == ["raised", "activated", "completed"] * 2


def test_two_raises_of_one_event_stand_before_the_ends_of_their_runs() -> None:
    second = RULES[RULES.index("[[rule]]") :].replace("headphones-in", "again").replace('"{{device}}"', '""')
    lines = shown(replay_of(rules=dedent(RULES) + dedent("    " + second)), [jack(0)]).splitlines()

    assert [" ".join(line.split()[1:2] + line.split()[-1:]) for line in lines] == [
        "raised headphones-in",
        "activated 1",
        "raised again",
        "completed succeeded",
        "activated 2",
        "completed succeeded",
    ]


def test_a_handler_is_called_for_its_task_and_its_exception_fails_the_run() -> None:
    seen: list[Instance] = []

    def handler(instance: Instance) -> None:
        seen.append(instance)
        raise RuntimeError("no lamp")

    lines = shown(replay_of(handlers={"fabrikam.audio-jack.connected Task": handler}), events_of(LINE))

    assert lines == EXPECTED.replace("succeeded", "failed")
    assert [(each.instance_id, dict(each.raised.details)) for each in seen] == [
        ("1", {"jack": "headphone", "dev": "HDA Jack"})
    ]


def test_until_is_the_end_of_time_and_its_own_instant_is_in_it() -> None:
    assert shown(replay_of(), [jack(10), jack(20), jack(21)], until=20).count("raised") == 2


def test_without_tasks_the_raises_are_shown_alone() -> None:
    assert shown(replay_of(tasks=""), events_of(LINE)) == EXPECTED.splitlines(keepends=True)[0]


def test_every_kind_of_line_has_the_contracts_form() -> None:
    replay = replay_of()
    (_, activated, _) = replay.events(events_of(LINE))
    instance = activated.instance  # type: ignore[union-attr]  # the second outcome is the activation

    assert text_of(Dropped(at=1, task="t", key="k", reason=DropReason.AlreadyRunning)) == (
        "0.000001 dropped t AlreadyRunning"
    )
    assert text_of(Cancel(at=2_000_000, instance=instance, reason=CancellationReason.ExecutionTimeExceeded)) == (
        "2.000000 canceled fabrikam.audio-jack.connected Task 1 ExecutionTimeExceeded"
    )


@pytest.mark.parametrize("show", [text_of, json_of])
def test_what_is_only_for_the_log_is_not_told(show: object) -> None:
    (_, activated, _) = replay_of().events(events_of(LINE))

    assert callable(show)
    assert show(Refusal(0, "no")) is None
    assert show(Kill(at=0, instance=activated.instance)) is None  # type: ignore[union-attr]  # the activation


def test_characters_that_would_move_the_cursor_are_escaped_for_people() -> None:
    raised = Raised(at=0, trigger=Guid(JACK), rule="a\x1b[2J\nb", key="", details={})

    assert text_of(raised) == f"0.000000 raised {JACK} a\\x1b[2J\\nb"


recordings = st.lists(
    st.one_of(
        st.builds(jack, st.integers(0, 50), st.integers(0, 1), st.sampled_from(["a", "b"])),
        st.builds(lambda at: DeviceGone("evdev", at, "a"), st.integers(0, 50)),
    ),
    max_size=12,
).map(lambda events: sorted(events, key=lambda event: event.at))
concurrencies = st.sampled_from(["latest", "batch", "queue", "ignore", "restart", "parallel"])


@settings(max_examples=50)
@given(recordings, concurrencies, st.booleans())
def test_the_same_input_gives_the_same_bytes(events: list[Event | DeviceGone], concurrency: str, edge: bool) -> None:
    rules = dedent(RULES) + f"edge = {str(edge).lower()}\nstart_state = 'if-changed'\n"
    tasks = dedent(TASKS) + f'concurrency = "{concurrency}"\n'

    first, second = (shown(replay_of(rules, tasks), events) for _ in range(2))
    assert first == second
    assert first.count("raised") == first.count("activated") == first.count("completed")
