"""What is plugged into a real kernel, beside a real udevd, is one device: a task runs once for each plug."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.inside.composite import PORT_NODE, SERIAL
from tests.lab.inside.jack import NAME as JACK

Result = Mapping[str, Any]


def states(result: Result) -> list[str]:
    return [run["details"]["state"] for run in result["seen"]["runs"]]


@pytest.mark.lab("plugged_pulled_and_plugged_again")
def test_a_composite_device_arrives_once_and_leaves_once_for_each_plug(result: Result) -> None:
    runs = sorted(result["seen"]["runs"], key=lambda run: run["raised_at"])
    runs = [run for run in runs if run["details"]["name"] != JACK]

    assert [run["details"]["state"] for run in runs] == ["arrived", "left"] * 3
    assert {run["key"] for run in runs} == {f"usb-1d6b:0104-{SERIAL}"}
    assert {run["merged"] for run in runs} == {1}


@pytest.mark.lab("plugged_pulled_and_plugged_again")
def test_when_it_has_arrived_its_nodes_are_there(result: Result) -> None:
    nodes = result["seen"]["runs"][0]["details"]["nodes"].split()

    assert {PORT_NODE, "/dev/sda", "/dev/sda1"} <= set(nodes)
    assert any(node.startswith("/dev/input/event") for node in nodes)
    assert any(node.startswith("/dev/bus/usb/") for node in nodes)


@pytest.mark.lab("plugged_pulled_and_plugged_again")
def test_udevadm_trigger_plugs_nothing(result: Result) -> None:
    runs = result["seen"]["after udevadm trigger"]

    assert [(run["details"]["state"], run["details"]["name"] == JACK) for run in runs] == [
        ("arrived", False),
        ("arrived", True),  # the jack, which is plugged in behind it
    ]


@pytest.mark.lab("plugged_pulled_and_plugged_again")
def test_a_computers_own_ports_are_no_device(result: Result) -> None:
    assert not any(run["details"]["path"].rpartition("/")[2].startswith("usb") for run in result["seen"]["runs"])
    assert result["seen"]["report"] == {"source": "device", "devices": [], "refused": [], "lost": 0}


@pytest.mark.lab("input_device_of_software")
def test_an_input_device_of_software_is_a_device(result: Result) -> None:
    runs = result["seen"]["runs"]

    assert states(result) == ["arrived", "left"]
    assert {run["details"]["name"] for run in runs} == {JACK}
    assert runs[0]["details"]["nodes"] == result["seen"]["node"]


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(name, marks=pytest.mark.lab(name))
        for name in ("plugged_pulled_and_plugged_again", "input_device_of_software")
    ],
)
def test_the_daemon_ends_cleanly_and_without_a_traceback(scenario: str, result: Result) -> None:
    assert result["scenario"] == scenario
    assert result["exit_status"] == 0, result["log"]
    assert "Traceback" not in result["log"]
