"""The history over the API of the real daemon; and that whatever it answers is as its interface says."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import repeat
from typing import Any

import pytest
from daemon import GUID, Daemon
from registering import ON_REQUEST, defined, refused, register, shown, wait_for_state
from watches import Watch

from bridge.client.connection import Connection
from bridge.client.pages import entries_since, newest_entries
from bridge.varlink.interface import read_interface
from bridge.varlink.parameters import find_mismatches

INTERFACE = read_interface(files("bridge.varlink").joinpath("org.hwbridge.varlink").read_text(encoding="utf-8"))


def history(daemon: Daemon, **parameters: object) -> list[dict[str, Any]]:
    return list(daemon.call("History", **parameters)["entries"])


def whats(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [entry["what"] for entry in entries]


def run_once(daemon: Daemon) -> None:
    """Raises, and waits until the run is in the history."""
    before = whats(history(daemon)).count("completed")
    daemon.raise_trigger()
    daemon.wait_until(lambda: whats(history(daemon)).count("completed") > before, "it has run")


def test_a_raise_and_its_run_are_told_with_ids_cause_and_end(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "echo first; echo last; exit 3")
        daemon.raise_trigger(key="desk", details={"jack": "left"})
        daemon.wait_until(lambda: "completed" in whats(history(daemon)), "it has run")
        registered, raised, activated, completed = history(daemon)

    assert (registered["what"], registered["task"], registered["replaced"]) == ("registered", "lamp", False)
    assert (raised["what"], raised["trigger"], raised["key"]) == ("raised", GUID, "desk")
    assert raised["details"] == {"jack": "left"}
    assert (activated["what"], activated["task"], activated["merged"]) == ("activated", "lamp", 1)
    assert activated["instance_id"] == completed["instance_id"]
    assert (completed["state"], completed["detail"], completed["output"]) == ("failed", "exit 3", "first\nlast\n")
    assert completed["duration"] > 0
    assert [entry["seq"] for entry in (registered, raised, activated, completed)] == [1, 2, 3, 4]


def test_lines_are_chosen_by_task_by_number_and_by_how_many(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on")
        register(daemon, "bell", "say on", triggers=ON_REQUEST)
        run_once(daemon)

        assert whats(history(daemon)) == ["registered", "registered", "raised", "activated", "completed"]
        assert [entry["seq"] for entry in history(daemon, limit=2)] == [4, 5]
        assert [entry["seq"] for entry in history(daemon, limit=2, since=1)] == [2, 3]
        assert history(daemon, since=5) == []
        assert whats(history(daemon, task="lamp")) == ["registered", "activated", "completed"]
        assert whats(history(daemon, task="bell")) == ["registered"]


def test_the_history_goes_on_after_a_restart(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on")
        run_once(daemon)
        before = history(daemon)
    with daemon:
        assert history(daemon) == before
        run_once(daemon)

        assert whats(history(daemon, since=before[-1]["seq"])) == ["raised", "activated", "completed"]


def test_the_same_task_once_more_is_answered_and_not_written_down(daemon: Daemon) -> None:
    with daemon:
        first, second = (register(daemon, "lamp", "say on") for _ in range(2))
        assert first == second == {"task_id": shown(daemon, "lamp")["task_id"], "replaced": False}
        assert whats(history(daemon)) == ["registered"]
        assert register(daemon, "lamp", "say off")["replaced"]

        assert whats(history(daemon)) == ["registered", "registered"]


@pytest.mark.parametrize(("name", "value"), [("limit", 0), ("limit", 1001), ("since", -1), ("task", "")])
def test_what_no_history_can_have_is_refused(daemon: Daemon, name: str, value: object) -> None:
    with daemon:
        error = refused(daemon, "History", **{name: value})

    assert error == ("org.varlink.service.InvalidParameter", {"parameter": name})


def test_more_is_said_where_there_are_older_lines_or_newer_ones(daemon: Daemon) -> None:
    with daemon:
        for _ in range(3):
            register(daemon, "lamp", "say on")
            daemon.call("Unregister", name="lamp")
        asked: Sequence[Mapping[str, int]] = (
            {},
            {"limit": 6},
            {"limit": 5},
            {"since": 0, "limit": 5},
            {"since": 1, "limit": 5},
            {"since": 6},
        )

        assert [daemon.call("History", **each)["more"] for each in asked] == [False, False, True, True, False, False]
        with Connection(str(daemon.socket), timeout_seconds=60) as connection:
            assert [entry["seq"] for entry in newest_entries(connection, 4)] == [3, 4, 5, 6]


def test_more_lines_than_fit_into_one_answer_come_in_pages(daemon: Daemon) -> None:
    daemon.task("lamp", "true", concurrency="queue")
    with daemon:
        for number in range(20):
            daemon.raise_trigger(key=str(number), details={"long": "x" * 30_000})
        daemon.wait_until_idle()
        newest, oldest = (daemon.call("History", **chosen) for chosen in ({}, {"since": 0}))
        with Connection(str(daemon.socket), timeout_seconds=60) as connection:
            everything = list(entries_since(connection, 0))
            the_last_50 = newest_entries(connection, 50)

    assert newest["more"]
    assert oldest["more"]
    assert newest["entries"][-1]["seq"] == 60
    assert oldest["entries"][0]["seq"] == 1
    assert [entry["seq"] for entry in everything] == list(range(1, 61))
    assert the_last_50 == everything[10:]


def test_a_daemon_that_keeps_nothing_has_no_history_to_tell(daemon: Daemon) -> None:
    with daemon:
        assert daemon.call("History") == {"entries": [], "more": False}


def assert_declared(method: str, answer: Mapping[str, Any]) -> None:
    mismatches = find_mismatches(INTERFACE, INTERFACE.methods[method].answers, answer)
    assert list(map(str, mismatches)) == []


def test_every_answer_is_as_the_interface_says(daemon: Daemon) -> None:
    daemon.rules('[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { DOCKED = 1 }\n')
    guids = {name: f"{{00000000-0000-0000-0000-0000000000{place:02X}}}" for place, name in enumerate("abcdefg", 1)}
    said: Mapping[str, tuple[str, Mapping[str, Any]]] = {
        "a": ("exit 75", {}),
        "b": ("exit 1", {"concurrency": "queue"}),
        "c": ("sleep 1000 & wait", {"concurrency": "ignore", "cancel_grace": "1s"}),
        "d": ("say on", {"conditions": ["docked", "InternetAvailable", {"not": "UserPresent"}]}),
        "e": ("trap '' TERM; sleep 1000 & wait; wait", {"cancel_grace": "100ms", "group": "desk", "user": "root"}),
        "f": ("exit 1", {"retry": {"attempts": 3, "backoff": "5m"}}),
        "g": ("say on", {"expires": "1ms"}),
    }

    with daemon:
        watch = Watch(daemon.socket).begun(daemon.socket)
        caller = Watch(daemon.socket, method="Wait", trigger=guids["d"]).begun(daemon.socket)
        for name, (script, keys) in said.items():
            triggers = [{"custom": guids[name]}, {"time": "15m"}, *ON_REQUEST]
            task = defined(daemon, name, script, **{**keys, "triggers": triggers})
            assert_declared("Validate", daemon.call("Validate", task=task))
            assert_declared("Register", daemon.call("Register", task=task))
            for _ in range(11):
                assert_declared("Raise", daemon.call("Raise", trigger=guids[name], key="k"))
            assert_declared("RequestTask", daemon.call("RequestTask", name=name))
        wait_for_state(daemon, "b", "quarantined")
        raiser = Watch(daemon.socket, method="Raise", trigger=guids["d"], wait=True).begun(daemon.socket)
        for name in ("c", "e"):
            for run in shown(daemon, name)["running"]:
                report = {"instance_id": run["instance_id"], "progress": 3}
                assert_declared("ReportProgress", daemon.call("ReportProgress", **report))
                assert_declared("AllTasks", daemon.call("AllTasks"))
                assert_declared("Cancel", daemon.call("Cancel", instance_id=run["instance_id"]))
        daemon.wait_until(lambda: "killed" in whats(history(daemon, limit=1000)), "e is killed")
        for method in ("AllTasks", "AllTaskGroups", "Status"):
            assert_declared(method, daemon.call(method))
        assert_declared("Reset", daemon.call("Reset", name="b"))
        for name in said:
            assert_declared("Unregister", daemon.call("Unregister", name=name, cancel_task=True))
        daemon.wait_until_idle()
        answer = daemon.call("History", limit=1000)
        waited, raised = caller.next(), raiser.next()
        watched = [watch.next() for _ in answer["entries"]]
        watched += [next(each) for each in repeat(iter(watch), sum("seq" not in told["entry"] for told in watched))]
        for each in (watch, caller, raiser):
            each.socket.close()

    assert_declared("History", answer)
    declared = {"raised", "merged", "latched", "activated", "progress", "canceled", "killed", "completed", "dropped"}
    assert set(whats(answer["entries"])) == {*declared, "quarantined", "registered", "unregistered", "reset"}
    for told in watched:
        assert_declared("Watch", told)
    assert [told["entry"] for told in watched if "seq" in told["entry"]] == answer["entries"]
    assert_declared("Wait", waited)
    assert_declared("Raise", raised)
    assert {tuple(outcome) for outcome in raised["outcomes"]} == {("task", "dropped")}
