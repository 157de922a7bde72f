import pytest
from test_rules import plug, plug_disk


@pytest.fixture
def desk(hwbridge):
    hwbridge.replay(rules="../rules", tasks="../tasks")
    return hwbridge


def replug(desk):
    plug(desk, 0)
    plug(desk, 1)


def test_what_comes_during_a_run_becomes_one_more(desk):
    held = desk.hold("lamp")
    for _ in range(4):
        replug(desk)
    (first,) = desk.activations
    assert (first.state, first.merged) == ("running", 1)

    held.complete()
    (first, second) = desk.activations
    assert (first.state, second.state, second.merged) == ("succeeded", "running", 3)

    held.fail()
    assert second.state == "failed"


def test_a_run_over_its_limit_is_canceled_then_killed(desk):
    desk.hold("lamp")
    replug(desk)
    (run,) = desk.activations

    desk.advance("24999999us")
    assert (run.state, run.reason) == ("running", None)
    desk.advance("1us")
    assert (run.state, run.reason) == ("running", "ExecutionTimeExceeded")
    desk.advance("5s")
    assert (run.state, run.reason) == ("failed", "ExecutionTimeExceeded")
    desk.expect("limit.expected")


def test_a_run_may_end_in_its_grace(desk):
    held = desk.hold("lamp")
    replug(desk)
    desk.advance("26s")
    held.complete()

    assert [(each.state, each.reason) for each in desk.activations] == [("failed", "ExecutionTimeExceeded")]


def test_of_several_runs_one_can_be_ended(desk):
    held = desk.hold("index")
    for disk in ("sda", "sdb", "sdc", "sdc"):
        plug_disk(desk, disk)
    first, second = held.runs
    held.report_progress(70, second)
    held.fail(first)

    third = desk.activations[2]
    assert [each.state for each in desk.activations] == ["failed", "running", "running"]
    assert (second.progress, third.key, third.merged) == (70, "/devices/sdc", 2)
    assert third.batch == ({"disk": "/devices/sdc"}, {"disk": "/devices/sdc"})
    held.complete()
    assert [each.state for each in desk.activations] == ["failed", "succeeded", "succeeded"]


def test_a_restart_ends_runs_and_what_they_answered_is_answered_again(desk):
    held = desk.hold("lamp")
    replug(desk)
    desk.restart()
    first, second = desk.activations
    assert (first.state, first.reason, first.redelivered) == ("canceled", "Terminating", False)
    assert (second.state, second.redelivered, second.details) == ("running", True, first.details)

    desk.restart(kill=True)
    assert [each.state for each in desk.activations] == ["canceled", "lost", "running"]
    assert [each.instance_id for each in held.runs] == ["3"]
