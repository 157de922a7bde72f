"""Runs over the API of the real daemon: they are requested, canceled, and say how far they are."""

import signal
import sys

import pytest
from daemon import Daemon
from registering import ON_REQUEST, refused, register, shown, state, wait_for_state

STAY = "sleep 1000 & wait"


def request(daemon: Daemon, name: str, **parameters: object) -> str:
    return str(daemon.call("RequestTask", name=name, **parameters)["result"])


def running(daemon: Daemon, name: str) -> str:
    """The id of the only run of a task."""
    (run,) = shown(daemon, name)["running"]
    return str(run["instance_id"])


def last_completed(daemon: Daemon, name: str) -> dict[str, object]:
    entries = daemon.call("History", task=name)["entries"]
    return [dict(entry) for entry in entries if entry["what"] == "completed"][-1]


def test_a_request_runs_the_task_with_its_details(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", 'say "$HWBRIDGE_TRIGGER $HWBRIDGE_KEY $HWBRIDGE_DETAIL_A"', triggers=ON_REQUEST)

        answer = daemon.call("RequestTask", name="lamp", details={"a": "b"}, key="desk")

        assert answer == {"result": "Allowed", "reason": None}
        daemon.wait_for_words("ApplicationTrigger desk b")


def test_a_second_request_waits_for_the_end_of_the_first_whatever_its_key(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on; read line < go", triggers=ON_REQUEST, max_running=5)
        assert request(daemon, "lamp", key="a") == "Allowed"

        assert daemon.call("RequestTask", name="lamp", key="b") == {
            "result": "CurrentlyRunning",
            "reason": "it runs, or waits to run, for an earlier request",
        }
        daemon.wait_for_words("on")
        daemon.release()
        wait_for_state(daemon, "lamp", "idle")
        assert request(daemon, "lamp") == "Allowed"
        daemon.release()


def test_a_task_in_quarantine_is_disabled(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "exit 1", triggers=[*ON_REQUEST, {"system": "TimeZoneChange"}])
        for _ in range(10):
            assert request(daemon, "lamp") == "Allowed"
            daemon.wait_until(lambda: state(daemon, "lamp") in ("idle", "quarantined"), "it has run")

        assert daemon.call("RequestTask", name="lamp") == {
            "result": "DisabledByPolicy",
            "reason": "it is quarantined: 10 activations in a row have failed",
        }


def test_only_what_has_an_application_trigger_can_be_requested(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on")

        assert daemon.call("RequestTask", name="lamp") == {
            "result": "UnknownError",
            "reason": "it has no application trigger",
        }
        assert refused(daemon, "RequestTask", name="lamb") == ("UnknownTask", {"name": "lamb"})


def test_a_request_that_is_allowed_outlives_the_daemon(daemon: Daemon) -> None:
    daemon.rules('[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { DOCKED = 1 }\n')
    with daemon:
        register(daemon, "lamp", "say on", triggers=ON_REQUEST, conditions=["docked"])
        assert request(daemon, "lamp", key="desk") == "Allowed"
        daemon.kill()

    with daemon:
        (waiting,) = shown(daemon, "lamp")["waiting"]

        assert (waiting["trigger"], waiting["key"], waiting["latched"]) == ("ApplicationTrigger", "desk", True)
        assert request(daemon, "lamp") == "CurrentlyRunning"


def test_details_of_a_request_are_judged_as_those_of_a_raise(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "say on", triggers=ON_REQUEST)

        assert refused(daemon, "RequestTask", name="lamp", details={"1": ""})[0] == "InvalidDetails"


def test_a_canceled_run_gets_term_and_counts_neither_as_success_nor_as_failure(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", f"trap 'say canceled; exit 1' TERM; say on; {STAY}", triggers=ON_REQUEST)
        request(daemon, "lamp")
        daemon.wait_for_words("on")
        instance_id = running(daemon, "lamp")

        daemon.call("Cancel", instance_id=instance_id)
        daemon.wait_for_words("canceled")
        wait_for_state(daemon, "lamp", "idle")

        assert f"canceled lamp {instance_id} Abort" in daemon.log()
        assert last_completed(daemon, "lamp")["state"] == "canceled"
        assert shown(daemon, "lamp")["failures"] == 0
        assert refused(daemon, "Cancel", instance_id=instance_id) == ("UnknownInstance", {"instance_id": instance_id})


def test_a_canceled_run_that_does_not_end_is_killed_after_its_grace(daemon: Daemon) -> None:
    with daemon:
        script = f"trap '' TERM; say on; {STAY}; {STAY}"
        register(daemon, "deaf", script, triggers=ON_REQUEST, cancel_grace="300ms")
        request(daemon, "deaf")
        daemon.wait_for_words("on")
        instance_id = running(daemon, "deaf")

        for _ in range(2):  # a second time is no error, and changes nothing
            daemon.call("Cancel", instance_id=instance_id)
        assert shown(daemon, "deaf")["running"][0]["canceled"] == "Abort"
        wait_for_state(daemon, "deaf", "idle")

        assert daemon.log().count(f"canceled deaf {instance_id} Abort") == 1
        assert f"killed deaf {instance_id}: it did not end when canceled" in daemon.log()
        assert last_completed(daemon, "deaf")["detail"] == "killed by SIGKILL"


def test_a_handler_says_how_far_it_is(daemon: Daemon) -> None:
    with daemon:
        script = f"{sys.executable} -m bridge progress 42 && say reported; read line < go"
        register(daemon, "lamp", script, triggers=ON_REQUEST)
        request(daemon, "lamp")
        daemon.wait_for_words("reported")

        assert shown(daemon, "lamp")["running"][0]["progress"] == 42
        daemon.release()


@pytest.mark.parametrize("progress", [-1, 2**32])
def test_progress_is_a_number_of_32_bits(daemon: Daemon, progress: int) -> None:
    with daemon:
        register(daemon, "lamp", STAY, triggers=ON_REQUEST)
        request(daemon, "lamp")
        instance_id = running(daemon, "lamp")

        assert refused(daemon, "ReportProgress", instance_id=instance_id, progress=progress) == (
            "org.varlink.service.InvalidParameter",
            {"parameter": "progress"},
        )
        daemon.stop(signal.SIGTERM)


def test_nobody_reports_on_a_run_that_is_not_there(daemon: Daemon) -> None:
    with daemon:
        assert refused(daemon, "ReportProgress", instance_id="1", progress=1) == (
            "UnknownInstance",
            {"instance_id": "1"},
        )
