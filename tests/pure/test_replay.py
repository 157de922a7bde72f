"""Replay: the contract's own example to the byte, virtual time, handlers, and the same bytes for the same input."""

import json
from collections.abc import Callable, Mapping, Sequence
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dispatch.decisions import (
    Activate,
    Cancel,
    Dropped,
    Finished,
    Kill,
    Latched,
    Quarantined,
    Reset,
    Slowed,
)
from bridge.dispatch.kept import Answered, Kept
from bridge.hosts.inline import Handler
from bridge.mapping.load.rules import load_rules
from bridge.mapping.raising import Refusal
from bridge.model.events import DeviceGone, Event
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import CancellationReason, DropReason, Instance, InstanceState
from bridge.model.triggers import OwnTrigger, Raised
from bridge.pipeline.load.tasks import load_tasks
from bridge.pipeline.pipeline import Outcome
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
    registrations, more = load_tasks([parse("tasks.toml", dedent(tasks).encode())], table)
    assert [*problems, *more] == []
    return Replay(table, registrations, inline_host(handlers or {}))


def events_of(*lines: str) -> list[Event | DeviceGone]:
    header = '{"hwbridge-recording": 1}'
    return list(read_recording("jack.jsonl", [line.encode() for line in (header, *lines)]))


def shown(replay: Replay, events: Sequence[Event | DeviceGone], until: int | None = None) -> str:
    return "".join(f"{line}\n" for line in shown_by(text_of, replay, events, until))


def shown_by(
    show: Callable[[Outcome], str | None],
    replay: Replay,
    events: Sequence[Event | DeviceGone],
    until: int | None = None,
) -> list[str]:
    lines = map(show, replay.events(events, until))
    return [line for line in lines if line is not None]


def instance_of(replay: Replay) -> Instance:
    (activated,) = (each for each in replay.events(events_of(LINE)) if isinstance(each, Activate))
    return activated.instance


def jack(at: int, value: int = 1, device: str = "/dev/input/event3") -> Event:
    fields = {"device": device, "type": "EV_SW", "code": "SW_HEADPHONE_INSERT", "value": value}
    return Event("evdev", at, fields, replayed=True)


def test_the_contracts_example_comes_out_to_the_byte() -> None:
    assert shown(replay_of(), events_of(LINE)) == EXPECTED


def test_the_same_as_json_has_what_the_contract_names() -> None:
    raised, activated, completed = (json.loads(line) for line in shown_by(json_of, replay_of(), events_of(LINE)))

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
    instance, task = instance_of(replay_of()), "fabrikam.audio-jack.connected Task"
    overdue = CancellationReason.ExecutionTimeExceeded

    assert [
        text_of(outcome)
        for outcome in (
            Raised(at=0, trigger=Guid(JACK)),
            Raised(at=0, trigger=SystemTriggerType.TIME_ZONE_CHANGE),
            Raised(at=0, trigger=OwnTrigger.TIME, task="t"),
            Latched(at=0, task="t", key="k", merged=2),
            Dropped(at=1, task="t", key="k", reason=DropReason.AlreadyRunning),
            Cancel(at=2_000_000, instance=instance, reason=overdue),
            Finished(at=3_000_000, instance=instance, state=InstanceState.AGAIN, again_at=4_000_000),
            Quarantined(at=4_000_000, task="t", why="10 activations in a row have failed"),
            Slowed(at=5_000_000, task="t", key="k", until=5_050_000),
        )
    ] == [
        f"0.000000 raised {JACK}",
        "0.000000 raised TimeZoneChange",
        "0.000000 raised TimeTrigger t",
        "0.000000 latched t",
        "0.000001 dropped t AlreadyRunning",
        f"2.000000 canceled {task} 1 ExecutionTimeExceeded",
        f"3.000000 completed {task} 1 again",
        "4.000000 quarantined t",
        "5.000000 slowed t",
    ]


def test_every_kind_of_object_has_all_that_is_known() -> None:
    watched = Raised(at=0, trigger=OwnTrigger.DEVICE_WATCHER, task="t", batch=({"kind": "Add"},))
    finished = Finished(
        at=0, instance=instance_of(replay_of()), state=InstanceState.FAILED, detail="exit 3", again_at=1, throttled=7
    )

    assert [
        json.loads(json_of(outcome) or "")
        for outcome in (
            watched,
            finished,
            Latched(at=0, task="t", key="k", merged=2),
            Quarantined(at=0, task="t", why="10 activations in a row have failed"),
            Slowed(at=0, task="t", key="k", until=50_000),
        )
    ] == [
        {
            "at": 0,
            "what": "raised",
            "trigger": "DeviceWatcherTrigger",
            "rule": None,
            "key": "",
            "details": {},
            "task": "t",
            "batch": [{"kind": "Add"}],
        },
        {
            "at": 0,
            "what": "completed",
            "task": "fabrikam.audio-jack.connected Task",
            "instance": "1",
            "state": "failed",
            "detail": "exit 3",
            "again_at": 0.000001,
            "throttled": 7,
        },
        {"at": 0, "what": "latched", "task": "t", "key": "k", "merged": 2},
        {"at": 0, "what": "quarantined", "task": "t", "why": "10 activations in a row have failed"},
        {"at": 0, "what": "slowed", "task": "t", "key": "k", "until": 0.05},
    ]


@pytest.mark.parametrize("show", [text_of, json_of])
def test_what_is_only_for_the_log_the_store_and_hosts_is_not_told(show: Callable[[Outcome], str | None]) -> None:
    instance = instance_of(replay_of())
    kept = Kept(number=1, task="t", raised=instance.raised)

    untold = (Refusal(0, "no"), Kill(at=0, instance=instance), kept, Answered(number=1), Reset(at=0, task="t"))
    assert [show(outcome) for outcome in untold] == [None] * len(untold)


def test_characters_that_would_move_the_cursor_are_escaped_for_people() -> None:
    raised = Raised(at=0, trigger=Guid(JACK), rule="a\x1b[2J\nb", key="", details={})

    assert text_of(raised) == f"0.000000 raised {JACK} a\\x1b[2J\\nb"


def test_runs_that_take_no_time_are_never_taken_for_a_loop() -> None:
    lines = shown(replay_of(), [jack(at) for at in range(0, 500_000, 1000)]).splitlines()

    assert [line.split()[1] for line in lines] == ["raised", "activated", "completed"] * 500


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
