"""Tasks over the API of the real daemon: they are registered, judged, replaced, looked at and unregistered."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from daemon import GUID, Daemon, User, hwbridge, needs_root
from registering import ON_REQUEST, defined, refused, register, shown, state, wait_for_state

from bridge.client.connection import Connection
from bridge.client.pages import all_tasks
from bridge.errors import CallFailedError

STAY = "sleep 1000 & wait"
TEN_MISTAKES = {
    "name": "wrong",
    "triggers": [{"custom": "no-such-name"}, {"time": "1ms"}, {"system": "TimeZoneChanged"}],
    "run": {"exec": [], "cwd": "somewhere"},
    "conditions": ["InternetAvailible"],
    "concurrency": "lastest",
    "max_running": 0,
    "run_limit": "soon",
    "user": "no-such-user",
}


def test_a_task_that_is_registered_runs_as_one_of_a_file_does(daemon: Daemon) -> None:
    with daemon:
        answer = register(daemon, "lamp", 'say "$HWBRIDGE_DETAIL_JACK"', group="desk")
        assert daemon.raise_trigger(details={"jack": "left"}) == "Raised"
        daemon.wait_for_words("left")

        assert answer == {"task_id": shown(daemon, "lamp")["task_id"], "replaced": False}
        assert "\nhwbridge: registered lamp\n" in daemon.log()


def test_a_registration_survives_a_restart_and_keeps_its_id(daemon: Daemon) -> None:
    with daemon:
        answer = register(daemon, "lamp", "say on", group="desk")
        before = shown(daemon, "lamp")
    with daemon:
        after = shown(daemon, "lamp")
        assert daemon.raise_trigger() == "Raised"
        daemon.wait_for_words("on")

    assert after == before
    assert after["task_id"] == answer["task_id"]


def test_everything_that_is_wrong_is_a_reason_and_nothing_is_registered(daemon: Daemon) -> None:
    with daemon:
        error, fields = refused(daemon, "Register", task=TEN_MISTAKES)

        assert error == "InvalidTask"
        assert [reason["key"] for reason in fields["reasons"]] == [
            "triggers[1].custom",
            "triggers[2].time",
            "triggers[3].system",
            "run.exec",
            "run.cwd",
            "conditions[1]",
            "concurrency",
            "max_running",
            "run_limit",
            "user",
        ]
        assert daemon.call("Validate", task=TEN_MISTAKES) == fields
        assert daemon.call("AllTasks")["tasks"] == []


def test_validate_registers_nothing(daemon: Daemon) -> None:
    with daemon:
        assert daemon.call("Validate", task=defined(daemon, "lamp", "say on")) == {"reasons": []}
        assert daemon.call("AllTasks") == {"tasks": [], "more": False}


def test_names_of_rules_files_may_be_used_and_are_kept_as_guids(daemon: Daemon) -> None:
    daemon.rules(f'[triggers]\ndoor = "{GUID}"\n')

    with daemon:
        register(daemon, "lamp", "say on", triggers=[{"custom": "door"}])

        assert shown(daemon, "lamp")["definition"]["triggers"] == [{"custom": GUID}]


def test_a_task_is_replaced_in_one_step_and_what_waits_goes_on_to_wait(daemon: Daemon) -> None:
    with daemon:
        first = register(daemon, "lamp", "say old; read line < go", concurrency="queue")
        for _ in range(3):
            daemon.raise_trigger()
        daemon.wait_for_words("old")

        second = register(daemon, "lamp", "say new", concurrency="queue")
        waiting = len(shown(daemon, "lamp")["waiting"])
        daemon.release()
        daemon.wait_for_words("old", "new", "new")

        assert (first["replaced"], second["replaced"], waiting) == (False, True, 2)
        assert first["task_id"] == second["task_id"]


def test_the_same_task_once_more_replaces_nothing(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on")

        assert register(daemon, "lamp", "say on")["replaced"] is False
        assert daemon.log().count("replaced lamp") == 0


@pytest.mark.parametrize(("cancel_task", "words"), [(False, ["on", "done"]), (True, ["on", "canceled"])])
def test_a_run_of_a_task_that_is_unregistered_finishes_or_is_canceled(
    daemon: Daemon, cancel_task: bool, words: list[str]
) -> None:
    with daemon:
        register(
            daemon, "lamp", "trap 'say canceled; exit' TERM; say on; read line < go; say done", concurrency="queue"
        )
        daemon.raise_trigger()
        daemon.raise_trigger()
        daemon.wait_for_words("on")

        daemon.call("Unregister", name="lamp", cancel_task=cancel_task)
        assert refused(daemon, "AllTasks", name="lamp") == ("UnknownTask", {"name": "lamp"})
        assert daemon.raise_trigger() == "NoSubscribers"
        daemon.release()
        daemon.wait_until_idle()

        assert daemon.said() == words
        assert "dropped lamp: Unregistered" in daemon.log()


def test_a_task_that_was_unregistered_is_not_there_after_a_restart(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on")
        daemon.call("Unregister", name="lamp")
    with daemon:
        assert daemon.call("AllTasks")["tasks"] == []
        assert refused(daemon, "Unregister", name="lamp") == ("UnknownTask", {"name": "lamp"})


def test_a_task_of_a_file_is_neither_replaced_nor_unregistered(daemon: Daemon) -> None:
    daemon.task("lamp", "say on")

    with daemon:
        before = shown(daemon, "lamp")

        assert refused(daemon, "Register", task=defined(daemon, "lamp", "say else")) == ("TaskOfFile", {"name": "lamp"})
        assert refused(daemon, "Unregister", name="lamp") == ("TaskOfFile", {"name": "lamp"})
        assert before["from_file"]
        assert shown(daemon, "lamp") == before


def test_groups_choose_tasks_and_tasks_come_in_the_order_of_their_names(daemon: Daemon) -> None:
    daemon.task("c", "say on", group="desk")
    with daemon:
        for name, keys in {"b": {}, "a": {"group": "desk"}, "d": {"group": "attic"}}.items():
            register(daemon, name, "say on", **keys)

        def names(**chosen: str) -> list[str]:
            return [task["name"] for task in daemon.call("AllTasks", **chosen)["tasks"]]

        assert names() == ["a", "b", "c", "d"]
        assert names(group="desk") == ["a", "c"]
        assert names(group="cellar") == []
        assert names(after="b") == ["c", "d"]
        assert names(group="desk", after="a") == ["c"]
        assert daemon.call("AllTaskGroups") == {"groups": ["attic", "desk"]}


def test_more_tasks_than_fit_into_one_answer_come_in_pages(daemon: Daemon) -> None:
    names = [f"task {number:02}" for number in range(20)]
    with daemon:
        for name in names:
            run = {"exec": ["/bin/true", "x" * 30_000]}
            daemon.call("Register", task={"name": name, "triggers": ON_REQUEST, "run": run})
        first = daemon.call("AllTasks")
        with Connection(str(daemon.socket), timeout_seconds=60) as connection:
            all_names = [task["name"] for task in all_tasks(connection)]

    assert first["more"]
    assert 0 < len(first["tasks"]) < 20
    assert len(json.dumps(first)) < 256 * 1024
    assert all_names == names


def test_a_task_is_in_the_state_that_says_most(daemon: Daemon) -> None:
    daemon.rules('[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { DOCKED = 1 }\n')
    guids = {name: f"{{00000000-0000-0000-0000-0000000000{place:02X}}}" for place, name in enumerate("abcdef", 1)}

    with daemon:

        def there(name: str, script: str, **keys: object) -> None:
            register(daemon, name, script, **{"triggers": [{"custom": guids[name]}], **keys})
            daemon.raise_trigger(guids[name])

        register(daemon, "a", "say on", triggers=[{"custom": guids["a"]}])
        there("b", STAY)
        there("c", "exit 1", retry={"attempts": 2, "backoff": "5m"})
        there("d", "say on", conditions=["docked"])
        there("e", "exit 1", concurrency="queue")
        for _ in range(9):
            daemon.raise_trigger(guids["e"])
        there("f", "say once", triggers=[{"custom": guids["f"], "recurrence": "one-shot"}])

        wanted = ("idle", "running", "waiting", "latched", "quarantined", "expired")
        for name, each in zip("abcdef", wanted, strict=True):
            wait_for_state(daemon, name, each)
        assert shown(daemon, "d")["conditions"] == [{"name": "docked", "wanted": True, "state": "unknown"}]
        assert [(each["latched"], each["merged"]) for each in shown(daemon, "d")["waiting"]] == [(True, 1)]
        assert [each["attempt"] for each in shown(daemon, "c")["waiting"]] == [2]
        assert shown(daemon, "e")["quarantined"] == "10 activations in a row have failed"
        assert shown(daemon, "f")["triggers"][0]["spent"]
        assert daemon.status()["quarantined"] == [{"name": "e", "why": "10 activations in a row have failed"}]


def test_a_reset_task_runs_what_was_raised_meanwhile(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on; test -e mended", concurrency="queue")
        for _ in range(10):
            daemon.raise_trigger()
        wait_for_state(daemon, "lamp", "quarantined")
        daemon.raise_trigger()
        (daemon.folder / "mended").touch()

        daemon.call("Reset", name="lamp")

        daemon.wait_for_words(*["on"] * 11)
        wait_for_state(daemon, "lamp", "idle")
        assert shown(daemon, "lamp")["failures"] == 0
        assert refused(daemon, "Reset", name="lamb") == ("UnknownTask", {"name": "lamb"})


def test_a_device_watcher_that_is_registered_hears_of_the_devices_that_are_there(daemon: Daemon) -> None:
    watcher = {"device_watcher": {"subsystem": "net", "INTERFACE": "lo"}}

    with daemon:
        register(daemon, "watch", "cat > told; say told", triggers=[watcher])
        daemon.wait_for_words("told")

        (told,) = json.loads((daemon.folder / "told").read_text())["batch"]
        assert (told["kind"], told["INTERFACE"]) == ("Add", "lo")


def test_what_only_an_unregistered_task_asked_for_is_not_watched_any_more(daemon: Daemon) -> None:
    def watched() -> object:
        return daemon.status()["monitors"][0]["devices"]

    with daemon:
        before = watched()
        register(daemon, "watch", "say told", triggers=[{"device_watcher": {"subsystem": "net"}}])
        between = watched()
        daemon.call("Unregister", name="watch")

        assert between != before
        assert watched() == before


def test_a_monitor_that_only_a_registered_task_needs_is_opened(daemon: Daemon) -> None:
    daemon.rules('[[condition]]\nname = "lid"\nsource = "evdev"\nmatch = { code = "SW_LID", value = 1 }\n')

    with daemon:
        before = [monitor["source"] for monitor in daemon.status()["monitors"]]
        register(daemon, "lamp", "say on", conditions=["lid"])

        assert before == ["udev"]
        assert [monitor["source"] for monitor in daemon.status()["monitors"]] == ["udev", "evdev"]


def raise_until_full(daemon: Daemon) -> None:
    number = 0
    while daemon.status()["store"]["accepts"]:
        number += 1
        with suppress(CallFailedError):  # the store has turned since it was asked
            daemon.raise_trigger(key=str(number))


def test_while_nothing_can_be_kept_nothing_new_is_registered_or_requested(daemon: Daemon) -> None:
    daemon.settings("[store]\nrows = 100\n")
    daemon.rules('[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { DOCKED = 1 }\n')
    daemon.task("lamp", "say on", concurrency="queue", conditions=["docked"])
    with daemon:
        register(daemon, "request", "say on", triggers=ON_REQUEST)
        raise_until_full(daemon)
        store = daemon.status()["store"]

        assert refused(daemon, "Register", task=defined(daemon, "other", "x")) == (
            "StoreFull",
            {"reason": store["refusal"]},
        )
        assert daemon.call("RequestTask", name="request") == {
            "result": "DisabledByPolicy",
            "reason": store["refusal"],
        }
        assert refused(daemon, "Raise", trigger=GUID, key="new") == ("StoreFull", {"reason": store["refusal"]})
        assert store["durability"] == "full"
        assert store["owed"] >= 100
        assert f"new raises are refused: {store['refusal']}" in hwbridge("status", "--socket", daemon.socket).out


@needs_root
def test_another_user_may_do_nothing_of_this(public: Path) -> None:
    """Called by the user itself: the verbs, which name the method that it may not call."""
    with Daemon(public) as daemon:
        register(daemon, "lamp", f"say on; {STAY}", triggers=ON_REQUEST)
        daemon.call("RequestTask", name="lamp")
        (run,) = shown(daemon, "lamp")["running"]
        verbs = {
            ("list",): "AllTasks",
            ("show", "lamp"): "AllTasks",
            ("show", "no such task"): "AllTasks",
            ("start", "lamp"): "RequestTask",
            ("cancel", run["instance_id"]): "Cancel",
            ("unregister", "lamp"): "Unregister",
            ("reset", "lamp"): "Reset",
            ("history",): "History",
        }
        for verb, method in verbs.items():
            done = hwbridge(*verb, "--socket", daemon.socket, user=User())
            assert (done.code, done.error.partition(": members")[0]) == (77, f"hwbridge: you may not call {method}")

        environment = {"HWBRIDGE_INSTANCE_ID": run["instance_id"]}
        done = hwbridge("progress", "7", "--socket", daemon.socket, user=User(), environment=environment)
        assert (done.code, done.error) == (77, f"hwbridge: the run {run['instance_id']} is another user's")
        assert state(daemon, "lamp") == "running"


@needs_root
def test_the_user_whose_run_it_is_may_report_on_it(public: Path) -> None:
    (public / "said").touch(mode=0o666)
    (public / "said").chmod(0o666)
    with Daemon(public) as daemon:
        register(daemon, "lamp", f"say on; {STAY}", triggers=ON_REQUEST, user="nobody")
        daemon.call("RequestTask", name="lamp")
        (run,) = shown(daemon, "lamp")["running"]
        environment = {"HWBRIDGE_INSTANCE_ID": run["instance_id"]}

        done = hwbridge("progress", "7", "--socket", daemon.socket, user=User(), environment=environment)

        assert (done.code, done.out, done.err) == (0, "", "")
        assert shown(daemon, "lamp")["running"][0]["progress"] == 7
