"""Real devices of a real kernel run tasks: each test reads what its scenario saw in the guest (tests/lab/inside)."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.inside.declarations import ARRIVED, CONNECTED, DISCONNECTED, LEFT
from tests.lab.inside.jack import NAME as JACK
from tests.lab.inside.serial_gadget import NODE, SERIAL

Result = Mapping[str, Any]


@pytest.mark.lab("devices_without_a_daemon")
def test_the_guest_has_udevd_and_devices_that_come_and_go(result: Result) -> None:
    assert result["seen"] == {
        "udevd": True,
        "jack": [True, True],
        "port": [{"action": "add", "serial": SERIAL}, {"action": "remove", "serial": SERIAL}],
    }


@pytest.mark.lab("plugged_before_the_start")
def test_a_jack_plugged_before_the_start_runs_its_task(result: Result) -> None:
    (run,) = result["seen"]["runs"]

    assert run["task"] == "in"
    assert run["details"] == {"jack": "headphone", "dev": JACK, "value": "1"}


@pytest.mark.lab("taken_out_and_put_in")
def test_a_jack_taken_out_and_put_in_runs_a_task_each_time(result: Result) -> None:
    runs = result["seen"]["runs"]

    assert [(run["task"], run["trigger"], run["details"]["value"]) for run in runs] == [
        ("out", DISCONNECTED, "0"),
        ("in", CONNECTED, "1"),
    ]


@pytest.mark.lab("taken_out_and_put_in")
def test_a_task_is_told_on_its_input_why_it_runs(result: Result) -> None:
    run = dict(result["seen"]["runs"][-1])
    instance_id, raised_at = run.pop("instance_id"), run.pop("raised_at")

    assert run == {
        "task": "in",
        "trigger": CONNECTED,
        "key": result["seen"]["node"],
        "details": {"jack": "headphone", "dev": JACK, "value": "1"},
        "merged": 1,
        "redelivered": False,
        "batch": [],
    }
    assert instance_id != result["seen"]["runs"][0]["instance_id"]
    assert raised_at > result["seen"]["runs"][0]["raised_at"]


@pytest.mark.lab("device_goes_and_comes_back")
def test_a_device_that_came_back_has_no_state_of_its_former_life(result: Result) -> None:
    assert len(result["seen"]["runs before the second plug"]) == 1
    assert [run["details"]["value"] for run in result["seen"]["runs"]] == ["1", "1"]


@pytest.mark.lab("serial_port_comes_and_goes")
def test_a_serial_port_that_went_is_told_with_the_identity_it_had(result: Result) -> None:
    assert [(run["task"], run["details"]) for run in result["seen"]["runs"]] == [
        ("came", {"action": "add", "node": str(NODE), "serial": SERIAL, "bus": "usb"}),
        ("went", {"action": "remove", "node": str(NODE), "serial": SERIAL, "bus": "usb"}),
    ]


@pytest.mark.lab("udev_rule_names_the_trigger")
def test_a_udev_rule_raises_a_trigger_and_only_on_the_event_it_matched(result: Result) -> None:
    assert [(run["task"], run["trigger"]) for run in result["seen"]["runs"]] == [("came", ARRIVED), ("went", LEFT)]


@pytest.mark.lab("events_lost_while_frozen")
def test_after_lost_events_the_tasks_know_the_last_state(result: Result) -> None:
    seen = result["seen"]

    assert seen["last values"] == {"SW_HEADPHONE_INSERT": "1", "SW_LINEOUT_INSERT": "0"}
    assert seen["lost"] >= 1


@pytest.mark.lab("node_that_may_not_be_read")
def test_a_node_that_may_not_be_read_is_named_in_one_line(result: Result) -> None:
    node = result["seen"]["node"]
    lines = [line for line in result["log"].splitlines() if node in line]

    assert len(lines) == 1, result["log"]
    assert len(result["seen"]["refused"]) == 1
    assert node in result["seen"]["refused"][0]
    assert result["seen"]["devices"] == []


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(name, marks=pytest.mark.lab(name))
        for name in (
            "plugged_before_the_start",
            "taken_out_and_put_in",
            "device_goes_and_comes_back",
            "serial_port_comes_and_goes",
            "udev_rule_names_the_trigger",
            "events_lost_while_frozen",
            "node_that_may_not_be_read",
        )
    ],
)
def test_the_daemon_ends_cleanly_and_without_a_traceback(scenario: str, result: Result) -> None:
    assert result["scenario"] == scenario
    assert result["exit_status"] == 0, result["log"]
    assert "Traceback" not in result["log"]
