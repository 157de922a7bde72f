"""Serial ports of a real kernel, opened by what udevd says of them: each test reads what its scenario saw."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.inside.serial_gadget import NODE, SERIAL

Result = Mapping[str, Any]


@pytest.mark.lab("serial_scanner_recorded")
def test_a_port_is_opened_by_its_serial_number_read_lost_and_opened_again(result: Result) -> None:
    assert [run["details"] for run in result["seen"]["runs"]] == [
        {"device": str(NODE), "serial": SERIAL},
        {"signal": "CD"},
        {"number": "4006381333931"},
        {"lot": "Lot-7/B"},
        {"device": str(NODE)},
        {"device": str(NODE), "serial": SERIAL},
        {"device": str(NODE)},
    ]
    assert result["seen"]["replies"] == "0606"


@pytest.mark.lab("serial_scanner_recorded")
def test_a_port_that_is_not_plugged_in_is_waited_for(result: Result) -> None:
    assert result["seen"]["at first"]["devices"] == ["scanner (not there)"]
    assert result["seen"]["at first"]["refused"] == []


@pytest.mark.lab("serial_scanner_recorded")
def test_a_modem_line_is_told_when_the_port_is_opened_and_when_it_changes(result: Result) -> None:
    events = [json.loads(line) for line in result["seen"]["recording"].splitlines()[1:]]

    assert [(event["origin"], event["value"]) for event in events if event.get("signal") == "CD"][:3] == [
        ("start", 0),
        ("live", 1),
        ("live", 0),
    ]


@pytest.mark.lab("serial_port_held")
def test_who_holds_a_port_is_named_until_it_is_free(result: Result) -> None:
    seen = result["seen"]
    (refused,) = seen["refused"]

    assert refused == f"serial port scanner: {NODE} is busy, open in sh (pid {seen['holder']}); it is tried again"
    assert result["log"].count(refused) == 1
    assert (seen["opened"]["devices"], seen["opened"]["refused"]) == ([f"scanner {NODE}"], [])


@pytest.mark.lab("serial_port_lines")
def test_dtr_rts_and_hupcl_are_as_they_are_declared_and_else_as_the_driver_has_them(result: Result) -> None:
    assert result["seen"] == {
        "as the driver does it": ["DTR", "RTS", "HUPCL"],
        "dtr off": ["RTS", "HUPCL"],
        "rts off": ["DTR", "HUPCL"],
        "both off": [],
        "both on": ["DTR", "RTS"],  # the tty keeps its settings: the opening before cleared HUPCL
    }


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(name, marks=pytest.mark.lab(name)) for name in ("serial_scanner_recorded", "serial_port_held")],
)
def test_the_daemon_ends_cleanly_and_without_a_traceback(scenario: str, result: Result) -> None:
    assert result["scenario"] == scenario
    assert result["exit_status"] == 0, result["log"]
    assert "Traceback" not in result["log"]
