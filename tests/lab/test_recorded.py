"""Recordings of real devices: what a replay raises is what the daemon raised beside it, and what hw_fixtures hold."""

import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.lab.inside.recorded import TYPED
from tests.lab.record_fixtures import FIXTURES, SCENARIOS, replayed

Result = Mapping[str, Any]


def marked(scenario: str, *values: object) -> object:
    return pytest.param(*values, marks=pytest.mark.lab(scenario), id=scenario)


def recording_of(result: Result, folder: Path) -> Path:
    path = folder / "recording.jsonl"
    path.write_text(result["seen"]["recording"])
    return path


def events_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result["seen"]["recording"].splitlines()[1:]]


def rules_in(expected: str) -> list[str]:
    """The rules that raised, in order; one that raised again and again, as a held key does, is there once."""
    return [rule for rule, _ in groupby(line.split()[-1] for line in expected.splitlines())]


@pytest.mark.parametrize("fixture", [marked(scenario, fixture) for fixture, scenario in SCENARIOS.items()])
def test_a_replay_raises_what_the_daemon_raised_while_it_was_recorded(
    fixture: str, result: Result, tmp_path: Path
) -> None:
    replay = [json.loads(line) for line in replayed(fixture, recording_of(result, tmp_path), "--json").splitlines()]
    told = [{name: each[name] for name in ("trigger", "key", "details")} for each in replay]
    runs = [{name: each[name] for name in ("trigger", "key", "details")} for each in result["seen"]["runs"]]

    assert sorted(runs, key=json.dumps) == sorted(told, key=json.dumps)
    assert runs


@pytest.mark.parametrize("fixture", [marked(scenario, fixture) for fixture, scenario in SCENARIOS.items()])
def test_a_device_recorded_today_raises_what_its_fixture_raises(fixture: str, result: Result, tmp_path: Path) -> None:
    today = replayed(fixture, recording_of(result, tmp_path))

    assert rules_in(today) == rules_in((FIXTURES / fixture / "recording.expected").read_text())


@pytest.mark.parametrize((), [marked(scenario) for scenario in (*SCENARIOS.values(), "typed_text_blanked")])
def test_recording_ends_cleanly_when_it_is_interrupted(result: Result) -> None:
    assert result["seen"]["recorder's exit status"] == 0, result["log"]
    assert "Traceback" not in result["log"]


@pytest.mark.lab("headset_recorded")
def test_a_headset_is_many_devices_and_raises_once(result: Result) -> None:
    plugged = [event for event in events_of(result) if event.get("action") == "add" and event["origin"] == "live"]
    connected = [run for run in result["seen"]["runs"] if run["details"].get("kind") == "headset"]

    assert len(plugged) > 10
    assert {event["subsystem"] for event in plugged} == {"usb", "sound", "hid", "input"}
    assert len(connected) == 2  # came and went


@pytest.mark.lab("keyboard_recorded")
def test_a_key_that_is_held_is_recorded_with_its_repeats(result: Result) -> None:
    volume = [event["value"] for event in events_of(result) if event.get("code") == "KEY_VOLUMEUP"]

    assert [value for value, _ in groupby(volume)] == [0, 1, 2, 0]


@pytest.mark.lab("typed_text_blanked")
def test_what_was_typed_cannot_be_read_from_a_recording_with_blank_keys(result: Result) -> None:
    live = [event for event in events_of(result) if event.get("origin") == "live"]
    keys = [event["code"] for event in live if event["type"] == "EV_KEY" and event["value"] == 1]
    scan_codes = {event["value"] for event in live if event["code"] == "MSC_SCAN"}

    assert keys == ["KEY_A"] * len(TYPED) + ["KEY_MUTE"]
    assert len(scan_codes) == 1
