"""What the bench does with tasks: conditions, time, what callers of the API do, and how held runs end."""

from collections.abc import Callable

import pytest

from bridge.errors import BridgeError, CallFailedError
from bridge.model.tasks import RequestResult
from bridge.testing.bench import Bench
from tests.plugin.benches import GUID, RULES, bench_with, explained, lines, task


def test_raises_latch_until_a_condition_is_set_and_become_one_run() -> None:
    bench = bench_with(task('conditions = ["InternetAvailable"]'))
    for page in "123":
        assert bench.raise_trigger("scan.arrived", "scanner", page=page) == 1
    assert bench.activations == []
    assert [(each.task, each.key, each.merged) for each in bench.latched] == [("send", "scanner", n) for n in (1, 2, 3)]

    bench.set_condition("InternetAvailable", False)
    assert bench.activations == []
    bench.set_condition("InternetNotAvailable", False)
    (run,) = bench.activations
    assert (run.merged, run.key, run.details, run.state) == (3, "scanner", {"page": "3"}, "succeeded")


def test_a_condition_of_a_rules_file_is_one_of_a_task() -> None:
    bench = bench_with(task('conditions = [{ not = "docked" }]\ncancel_on_condition_loss = true'))
    held = bench.hold("send")
    bench.emit("udev", action="change", subsystem="dock", devpath="/dock", DOCKED="0")
    bench.raise_trigger(GUID)
    (run,) = held.runs
    bench.emit("udev", action="change", subsystem="dock", devpath="/dock", DOCKED="1")

    assert run.reason == "ConditionLoss"
    held.complete()
    assert run.state == "canceled"


def test_the_mains_can_be_set() -> None:
    bench = bench_with(task(triggers='{ maintenance = "15m" }'))
    bench.set_condition("mains of the machine", False)
    bench.advance("16m")
    assert bench.activations == []
    bench.set_condition("mains of the machine", True)

    (run,) = bench.activations
    assert (run.trigger, run.at) == ("MaintenanceTrigger", 960)


def test_time_goes_on_for_triggers_of_time() -> None:
    bench = bench_with(task(triggers='{ time = "1s" }'), task(triggers='{ time = "2s", one_shot = true }', name="some"))
    bench.advance("3500ms")

    assert [(each.trigger, each.task, each.rule, each.at) for each in bench.raised] == [
        ("TimeTrigger", "send", None, 1.0),
        ("TimeTrigger", "send", None, 2.0),
        ("TimeTrigger", "some", None, 2.0),
        ("TimeTrigger", "send", None, 3.0),
    ]
    assert [(run.task, run.at) for run in bench.activations] == [
        ("send", 1.0),
        ("send", 2.0),
        ("some", 2.0),
        ("send", 3.0),
    ]


def test_a_request_is_answered_as_windows_does() -> None:
    bench = bench_with(task(triggers="{ application = true }"), task(name="other"))
    held = bench.hold("send")

    assert bench.request("send", page="1") is RequestResult.Allowed
    assert bench.request("send", page="2") is RequestResult.CurrentlyRunning
    assert bench.request("other") is RequestResult.UnknownError
    (run,) = held.runs
    assert (run.trigger, run.details) == ("ApplicationTrigger", {"page": "1"})


def test_a_full_queue_answers_busy_and_hardware_drops_the_oldest() -> None:
    bench = bench_with(task('concurrency = "queue"\nqueue_limit = 2'))
    bench.replay(
        rules=RULES + f'[[rule]]\nname = "key"\nsource = "evdev"\nmatch = {{ value = 1 }}\nkey = ""\nraise = "{GUID}"\n'
    )
    bench.hold("send")
    for _ in range(3):
        bench.raise_trigger("scan.arrived")
    with pytest.raises(CallFailedError, match=r"Busy: trigger 'scan\.arrived'"):
        bench.raise_trigger("scan.arrived")
    assert len(bench.raised) == 3
    bench.emit("evdev", code="KEY_A", value=1)

    assert [(each.task, each.key, each.reason, each.merged) for each in bench.dropped] == [("send", "", "QueueFull", 1)]


def test_nobody_hears_of_a_trigger_without_a_task() -> None:
    bench = bench_with()

    assert (bench.raise_trigger("scan.arrived"), bench.raised) == (0, [])


def test_a_run_that_asks_for_it_is_run_again_after_a_while_and_no_attempt_is_counted() -> None:
    bench = bench_with(task('retry = { attempts = 2, backoff = "2s" }'))
    held = bench.hold("send")
    bench.raise_trigger("scan.arrived")
    held.again()
    bench.advance("2s")
    held.fail()
    bench.advance("4s")
    held.fail()
    bench.advance("1h")

    assert [(run.at, run.attempt, run.state) for run in bench.activations] == [
        (0, 1, "again"),
        (2, 1, "failed"),
        (6, 2, "failed"),
    ]


def test_ten_failures_quarantine_until_a_reset() -> None:
    bench = bench_with(task())
    held = bench.hold("send")
    for _ in range(11):
        bench.raise_trigger("scan.arrived")
        if held.runs:
            held.fail()
    assert (bench.quarantined, len(bench.activations), len(bench.latched)) == (["send"], 10, 1)
    bench.restart()
    assert bench.quarantined == ["send"]
    assert explained(bench)[-1] == ("send: is quarantined: 10 activations in a row have failed; 1 raise waits")

    bench.reset("send")
    assert (bench.quarantined, [run.state for run in held.runs]) == ([], ["running"])


def test_a_run_can_be_canceled_by_a_person_once() -> None:
    bench = bench_with(task())
    held = bench.hold("send")
    bench.raise_trigger("scan.arrived")
    (run,) = held.runs
    bench.cancel(run)
    bench.cancel(run)
    held.complete()
    with pytest.raises(BridgeError, match="is no open run"):
        bench.cancel(run)

    assert (run.state, run.reason) == ("canceled", "Abort")
    assert lines(bench)[-2:] == ["canceled send 1 Abort", "completed send 1 canceled"]


def test_a_task_is_unregistered_with_its_runs_or_without() -> None:
    for cancel_task, reason in ((False, None), (True, "Abort")):
        bench = bench_with(task())
        held = bench.hold("send")
        bench.raise_trigger("scan.arrived")
        bench.raise_trigger("scan.arrived")
        bench.unregister("send", cancel_task=cancel_task)

        assert [run.reason for run in held.runs] == [reason]
        assert [(each.reason, each.merged) for each in bench.dropped] == [("Unregistered", 1)]
        assert bench.raise_trigger("scan.arrived") == 0
        held.complete()


def test_progress_goes_through_the_pipeline() -> None:
    bench = bench_with(task())
    held = bench.hold("send")
    bench.raise_trigger("scan.arrived")
    held.report_progress(70)

    assert (bench.activations[0].progress, bench._replay.dispatcher.runs.get("1").progress) == (70, 70)  # type: ignore[union-attr]  # it runs


def test_a_loop_of_held_runs_is_slowed_and_said_so() -> None:
    bench = bench_with(task())
    bench.replay(
        rules=RULES + f'[[rule]]\nname = "key"\nsource = "evdev"\nmatch = {{ value = 1 }}\nkey = ""\nraise = "{GUID}"\n'
    )
    held = bench.hold("send")
    bench.emit("evdev", code="KEY_A", value=1)
    for _ in range(17):
        bench.advance("5ms")
        bench.emit("evdev", code="KEY_A", value=1)
        bench.advance("5ms")
        held.complete()

    assert lines(bench)[-1] == "slowed send"
    assert "the task seems to raise its own trigger, and is slowed: until 0.220000" in explained(bench)[-1]


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda bench: bench.raise_trigger("scan.arived"), "no name in [triggers]; did you mean scan.arrived?"),
        (lambda bench: bench.raise_trigger("TimeZoneChange"), "TimeZoneChange is the system's or a task's own trigger"),
        (lambda bench: bench.raise_trigger("TimeTrigger"), "TimeTrigger is the system's or a task's own trigger"),
        (lambda bench: bench.raise_trigger("scan.arrived", **{"a-b": "1"}), "detail 'a-b': a name is a letter"),
        (lambda bench: bench.raise_trigger("scan.arrived", page=1), "detail 'page': details are text"),
        (lambda bench: bench.raise_trigger("scan.arrived", "k" * 5000), "a key has at most 4096 characters"),
        (lambda bench: bench.request("sent"), "no task has the name 'sent'; there are send; did you mean send?"),
        (lambda bench: bench.register({"name": "x", "triggers": []}), 'task "x": run: missing'),
        (lambda bench: bench.unregister("sent"), "no task has the name 'sent'"),
        (lambda bench: bench.reset("sent"), "no task has the name 'sent'"),
    ],
)
def test_a_mistake_has_a_named_error(mistake: Callable[[Bench], object], message: str) -> None:
    bench = bench_with(task())
    with pytest.raises(BridgeError) as caught:
        mistake(bench)

    assert message in str(caught.value)
    assert bench.raised == []
