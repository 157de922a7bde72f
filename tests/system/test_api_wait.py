"""`Wait`, and `Raise` that waits for the runs it leads to, over the API of the real daemon."""

import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from calling import answer, refusal
from daemon import DEADLINE_SECONDS, GUID, NOBODY, Daemon, User, hwbridge, needs_root
from made_users import among_made_users, user
from registering import ON_REQUEST, defined, refused, register, shown
from watches import Watch

from bridge.client.connection import Connection

OTHER = "{00000000-0000-4000-8000-000000000002}"


def waiting(daemon: Daemon, trigger: str = GUID, **parameters: Any) -> Watch:
    """A caller of `Wait`, whose call the daemon has taken."""
    return Watch(daemon.socket, method="Wait", trigger=trigger, **parameters).begun(daemon.socket)


def raising(daemon: Daemon, **parameters: Any) -> Watch:
    """A caller of `Raise` who waits, whose call the daemon has taken."""
    return Watch(daemon.socket, method="Raise", **{"trigger": GUID, "wait": True, **parameters}).begun(daemon.socket)


def raised_and_over(daemon: Daemon, **parameters: Any) -> list[Mapping[str, Any]]:
    """What became of each activation that a raise led to."""
    with Connection(str(daemon.socket), timeout_seconds=DEADLINE_SECONDS) as connection:
        told = connection.call("org.hwbridge.Raise", {"trigger": GUID, "wait": True, **parameters})
    assert told["outcome"] == "Raised"
    return list(told["outcomes"])


def test_who_waits_is_told_of_the_next_raise_that_tasks_hear(daemon: Daemon) -> None:
    daemon.task("lamp", "true")
    with daemon:
        daemon.raise_trigger(key="before")
        with waiting(daemon) as caller:
            daemon.raise_trigger(key="k", details={"a": "b"})
            raised = caller.next()["raised"]

        (kept,) = [entry for entry in daemon.call("History")["entries"] if entry.get("details") == {"a": "b"}]
        assert raised == kept
        assert (raised["what"], raised["key"], raised["trigger"]) == ("raised", "k", GUID)


def test_who_waits_is_told_of_a_raise_that_nobody_hears(daemon: Daemon) -> None:
    daemon.rules(f'[triggers]\ndoor = "{OTHER}"\n')
    with daemon:
        callers = [waiting(daemon, trigger) for trigger in (OTHER, OTHER.lower().strip("{}"), "door")]
        daemon.raise_trigger()
        daemon.raise_trigger("door", key="front")
        told = [caller.next()["raised"] for caller in callers]
        for caller in callers:
            caller.socket.close()

    assert [(each["trigger"], each["key"]) for each in told] == [(OTHER, "front")] * 3
    assert not any("seq" in each for each in told)


def test_who_waits_for_a_key_is_told_of_that_key_only(daemon: Daemon) -> None:
    with daemon, waiting(daemon, key="b") as caller, waiting(daemon, key="") as of_none:
        for key in ("a", "b", ""):
            daemon.raise_trigger(key=key)

        assert caller.next()["raised"]["key"] == "b"
        assert "key" not in of_none.next()["raised"]


def test_system_triggers_are_waited_for_by_name(daemon: Daemon, tmp_path: Path) -> None:
    recording = tmp_path / "zone.jsonl"
    zone = '"source": "system", "name": "TimeZoneChange", "zone": "Etc/UTC"'
    changes = [f'{{"at": {second}.0, {zone}, "offset": {second}}}\n' for second in range(1, 100)]
    recording.write_text("".join(['{"hwbridge-recording": 1}\n', *changes]))  # whenever somebody waits, one is to come
    daemon.options = (*daemon.options, "--play", recording)
    register_later = {"triggers": [{"system": "TimeZoneChange"}]}
    with daemon:
        register(daemon, "clock", "true", **register_later)
        with waiting(daemon, "TimeZoneChange") as caller:
            assert caller.next()["raised"]["trigger"] == "TimeZoneChange"


def test_who_waits_too_long_is_told_so(daemon: Daemon) -> None:
    with daemon:
        assert refused(daemon, "Wait", trigger=GUID, timeout=1000) == ("TimedOut", {})
        assert refused(daemon, "Wait", trigger=GUID, timeout=0) == ("TimedOut", {})


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"trigger": "no such"}, ("UnknownTrigger", {"trigger": "no such"})),
        ({"trigger": GUID, "timeout": -1}, ("org.varlink.service.InvalidParameter", {"parameter": "timeout"})),
    ],
)
def test_what_nobody_can_wait_for_is_refused(
    daemon: Daemon, parameters: Mapping[str, Any], error: tuple[str, Mapping[str, Any]]
) -> None:
    with daemon:
        assert refused(daemon, "Wait", **parameters) == error


def test_callers_that_hang_up_leave_nothing_behind(daemon: Daemon) -> None:
    daemon.task("lamp", "read line < go", concurrency="queue", queue_limit=10000)
    daemon.never_knows("docked")
    with daemon:
        register(daemon, "bell", "true", triggers=[{"custom": OTHER}], conditions=["docked"])
        before = _descriptors(daemon)
        for _ in range(20):
            callers = [waiting(daemon) for _ in range(10)]
            callers += [waiting(daemon, timeout=10**15) for _ in range(10)]
            callers += [raising(daemon, trigger=OTHER) for _ in range(10)]
            callers += [Watch(daemon.socket).begun(daemon.socket) for _ in range(10)]
            for caller in callers:
                caller.socket.close()
        daemon.wait_until(lambda: _descriptors(daemon) <= before, "all connections are closed")
        with waiting(daemon) as caller, raising(daemon, trigger=OTHER) as raiser:
            daemon.raise_trigger(key="k")
            assert caller.next()["raised"]["key"] == "k"
            daemon.release()
            daemon.call("Unregister", name="bell")
            assert raiser.next()["outcomes"] == [{"task": "bell", "dropped": "Unregistered"}]


def _descriptors(daemon: Daemon) -> int:
    return len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir()))


def test_a_raise_that_waits_is_answered_with_the_end_of_each_run(daemon: Daemon) -> None:
    daemon.task("lamp", "echo on")
    daemon.task("bell", "echo ring; exit 3")
    daemon.task("horn", "true", triggers=(OTHER,))
    with daemon:
        bell, lamp = raised_and_over(daemon)
        (of_bell, of_lamp) = (
            next(entry for entry in daemon.call("History", task=name)["entries"] if entry["what"] == "completed")
            for name in ("bell", "lamp")
        )

    assert {key: bell[key] for key in ("task", "state", "detail", "output")} == {
        "task": "bell",
        "state": "failed",
        "detail": "exit 3",
        "output": "ring\n",
    }
    assert {key: lamp[key] for key in ("task", "state", "output")} == {
        "task": "lamp",
        "state": "succeeded",
        "output": "on\n",
    }
    assert (of_bell["instance_id"], of_lamp["instance_id"]) == (bell["instance_id"], lamp["instance_id"])


def test_a_raise_that_nobody_hears_does_not_wait(daemon: Daemon) -> None:
    with daemon:
        assert daemon.call("Raise", trigger=GUID, wait=True) == {
            "outcome": "NoSubscribers",
            "subscribers": 0,
            "outcomes": [],
        }


def test_a_raise_waits_for_the_last_attempt(daemon: Daemon) -> None:
    daemon.task("lamp", 'say try; test "$(wc -l < said)" = 3')
    text = (daemon.folder / "tasks" / "lamp.toml").read_text()
    (daemon.folder / "tasks" / "lamp.toml").write_text(f'{text}retry = {{ attempts = 3, backoff = "10ms" }}\n')
    with daemon:
        (lamp,) = raised_and_over(daemon)

        assert lamp["state"] == "succeeded"
        assert daemon.said() == ["try"] * 3


def test_a_raise_waits_for_a_run_that_asks_to_be_run_again(daemon: Daemon) -> None:
    daemon.task("lamp", 'say try; test "$(wc -l < said)" = 2 || exit 75')
    text = (daemon.folder / "tasks" / "lamp.toml").read_text()
    (daemon.folder / "tasks" / "lamp.toml").write_text(f'{text}retry = {{ attempts = 1, backoff = "10ms" }}\n')
    with daemon:
        (lamp,) = raised_and_over(daemon)

    assert lamp["state"] == "succeeded"


def test_raises_that_become_one_run_are_all_answered_with_it(daemon: Daemon) -> None:
    daemon.task("lamp", "read line < go")
    with daemon:
        first = raising(daemon)
        others = [raising(daemon, details={"n": str(number)}) for number in range(3)]
        daemon.release()
        (alone,) = first.next()["outcomes"]
        daemon.release()
        together = [caller.next()["outcomes"][0]["instance_id"] for caller in others]
        for caller in (first, *others):
            caller.socket.close()

    assert len({*together}) == 1
    assert alone["instance_id"] not in together


def test_raises_that_get_no_run_are_answered_why(daemon: Daemon) -> None:
    daemon.task("busy", "read line < go", concurrency="ignore")
    daemon.never_knows("docked")
    daemon.task("old", "true", conditions=["docked"], expires="100ms")
    with daemon:
        with raising(daemon) as first, raising(daemon) as second:
            assert second.next()["outcomes"] == [
                {"task": "busy", "dropped": "AlreadyRunning"},
                {"task": "old", "dropped": "Expired"},
            ]
            daemon.release()
            busy, old = first.next()["outcomes"]
        assert (busy["task"], busy["state"]) == ("busy", "succeeded")
        assert old == {"task": "old", "dropped": "Expired"}


def test_a_raise_whose_run_is_canceled_is_answered(daemon: Daemon) -> None:
    daemon.task("lamp", "sleep 1000")
    with daemon, raising(daemon) as caller:
        (run,) = shown(daemon, "lamp")["running"]
        daemon.call("Cancel", instance_id=run["instance_id"])
        (lamp,) = caller.next()["outcomes"]

    assert (lamp["task"], lamp["state"]) == ("lamp", "canceled")


def test_a_raise_of_a_task_that_is_unregistered_waits_for_the_run_that_may_finish(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "read line < go")
        with raising(daemon) as running, raising(daemon) as waiting_behind:
            daemon.call("Unregister", name="lamp")
            assert waiting_behind.next()["outcomes"] == [{"task": "lamp", "dropped": "Unregistered"}]
            daemon.release()
            (lamp,) = running.next()["outcomes"]

    assert lamp["state"] == "succeeded"


def test_a_raise_whose_task_is_registered_otherwise_is_answered_with_the_run_that_it_joins(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "read line < go", concurrency="queue")
        callers = [raising(daemon) for _ in range(3)]
        register(daemon, "lamp", "read line < go", concurrency="latest")
        for _ in range(2):
            daemon.release()
        first, second, third = (caller.next()["outcomes"][0]["instance_id"] for caller in callers)
        for caller in callers:
            caller.socket.close()

    assert second == third != first


def test_a_raise_that_waits_for_conditions_waits_for_the_run(daemon: Daemon) -> None:
    daemon.never_knows("docked")
    daemon.task("lamp", "true", conditions=["docked"])
    with daemon, raising(daemon) as caller:
        daemon.wait_until(lambda: shown(daemon, "lamp")["state"] == "latched", "it is latched")
        daemon.forget_task("lamp")
        daemon.task("lamp", "true")
        daemon.reload()
        (lamp,) = caller.next()["outcomes"]

    assert lamp["state"] == "succeeded"


@pytest.mark.parametrize(
    ("script", "limit", "detail"),
    [
        ("trap 'exit 0' TERM; while :; do sleep 0.01; done", "5s", "exit 0"),  # the trap stands by then
        ("sleep 1000", "10ms", "killed by SIGTERM"),
    ],
    ids=["ends well when asked to", "does not"],
)
def test_a_run_over_its_limit_says_so_wherever_its_end_is_told(
    daemon: Daemon, script: str, limit: str, detail: str
) -> None:
    daemon.task("lamp", script, run_limit=limit)
    with daemon:
        done = hwbridge("raise", "--wait", GUID, "--socket", daemon.socket)
        (entry,) = (each for each in daemon.call("History")["entries"] if each["what"] == "completed")
        (outcome,) = raised_and_over(daemon)
        shown_lines = hwbridge("history", "--limit", "1", "--socket", daemon.socket).out

    reason = "ExecutionTimeExceeded"
    assert done.out.endswith(f"completed lamp {entry['instance_id']} failed {reason} ({detail})\n")
    assert (entry["state"], entry["reason"], entry["detail"]) == ("failed", reason, detail)
    assert (outcome["state"], outcome["reason"], outcome["detail"]) == ("failed", reason, detail)
    assert f"failed, {reason}, {detail}, took" in shown_lines
    assert f"completed lamp {entry['instance_id']} failed {reason}: {detail}" in daemon.log()


def test_when_the_daemon_stops_who_waits_is_hung_up_on(daemon: Daemon) -> None:
    daemon.task("lamp", "sleep 1000")
    with daemon:
        callers = [waiting(daemon, OTHER), raising(daemon)]
        daemon.stop(signal.SIGTERM)
        assert [list(caller) for caller in callers] == [[], []]
        for caller in callers:
            caller.socket.close()


def test_a_run_that_does_its_work_while_the_daemon_stops_is_answered(daemon: Daemon) -> None:
    daemon.task("lamp", "trap 'exit 0' TERM; say ready; while :; do sleep 0.01; done")
    with daemon, raising(daemon) as caller:
        daemon.wait_for_words("ready")
        daemon.stop(signal.SIGTERM)
        (told,) = list(caller)

    assert [(each["task"], each["state"]) for each in told["outcomes"]] == [("lamp", "canceled")]


def test_a_raise_that_waits_is_refused_as_any_other(daemon: Daemon) -> None:
    daemon.task("lamp", "read line < go", concurrency="queue", queue_limit=1)
    with daemon:
        for _ in range(2):
            daemon.raise_trigger()
        assert refused(daemon, "Raise", trigger=GUID, wait=True) == ("Busy", {"trigger": GUID})
        for _ in range(2):
            daemon.release()
        daemon.wait_until_idle()


def test_outcomes_of_many_tasks_fit_into_one_answer(daemon: Daemon) -> None:
    with daemon:
        for number in range(60):
            register(daemon, f"task {number}", "head -c 20000 /dev/zero | tr '\\0' x")
        outcomes = raised_and_over(daemon)

    assert len(outcomes) == 60
    assert {outcome["output"][-10:] for outcome in outcomes} == {"x" * 10}
    assert sum(len(outcome["output"]) for outcome in outcomes) < 200_000


@needs_root
@among_made_users
def test_members_wait_for_what_is_theirs_and_raise_for_themselves() -> None:
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        daemon, member, other = Daemon(Path(made)), user("primary"), user("supplementary")
        daemon.rules(f'[triggers]\ndoor = {{ guid = "{OTHER}", allow = ["user:supplementary", "user:outsider"] }}\n')
        daemon.task("root's", "echo secret; true", triggers=(OTHER,))
        with daemon:
            register(daemon, "root's own", "true")
            mine = defined(daemon, "member's", "echo mine", triggers=[{"custom": GUID}, *ON_REQUEST])
            answer(daemon.socket, member, "Register", task={**mine, "run": {"exec": ["/bin/echo", "mine"]}})
            assert refusal(daemon.socket, other, "Wait", trigger=GUID) == ("NotAllowed", {"trigger": GUID})
            assert refusal(daemon.socket, member, "Wait", trigger="door") == ("NotAllowed", {"trigger": "door"})
            assert refusal(daemon.socket, member, "Wait", trigger="TimeZoneChange")[0] == "NotAllowed"
            assert refusal(daemon.socket, User(uid=NOBODY, gid=NOBODY), "Wait", trigger=GUID)[1] == {"method": "Wait"}
            caller = Watch(daemon.socket, method="Wait", user=member, trigger=GUID).begun(daemon.socket)
            told = answer(daemon.socket, member, "Raise", trigger=GUID, wait=True)
            assert caller.next()["raised"]["trigger"] == GUID
            caller.socket.close()
            allowed = Watch(daemon.socket, method="Wait", user=other, trigger="door").begun(daemon.socket)
            of_outsider = answer(daemon.socket, user("outsider"), "Raise", trigger="door", wait=True)
            assert allowed.next()["raised"]["trigger"] == OTHER
            allowed.socket.close()

        (outcome,) = told["outcomes"]
        assert told["subscribers"] == 1
        assert (outcome["task"], outcome["state"], outcome["output"]) == ("member's", "succeeded", "mine\n")
        assert of_outsider["outcomes"] == [{"task": "root's", "state": "succeeded"}]
