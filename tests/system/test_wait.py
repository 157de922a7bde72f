"""`hwbridge wait` and `raise --wait`: what they print, when they end, and with which exit code."""

import json
import signal
import subprocess

import pytest
from command_going_on import ended, is_connected, started
from daemon import GUID, Daemon, hwbridge
from registering import register


def raise_until_ended(daemon: Daemon, process: subprocess.Popen[str], **parameters: object) -> None:
    """Nobody can see from outside when it has begun to wait."""

    def is_over() -> bool:
        daemon.raise_trigger(**parameters)
        return process.poll() is not None

    daemon.wait_until(is_over, "it has heard of it")


def test_wait_prints_what_was_raised_whether_a_task_hears_it_or_not(daemon: Daemon) -> None:
    daemon.rules(f'[triggers]\ndoor = "{GUID}"\n')
    with daemon:
        for options, shown in (((), f"raised {GUID}, key disk\\n1, a=b\n"), (("--json",), None)):
            with started(daemon, "wait", "door", "--key", "disk\n1", *options) as waiting:
                daemon.raise_trigger(key="another")
                raise_until_ended(daemon, waiting, key="disk\n1", details={"a": "b"})
                code, out, err = ended(waiting)

            assert (code, err) == (0, "")
            if shown is not None:
                assert out == shown
            else:
                raised = json.loads(out)
                assert (raised["what"], raised["trigger"], raised["key"]) == ("raised", GUID, "disk\n1")
                assert raised["details"] == {"a": "b"}


def test_what_is_not_raised_in_time_ends_with_124(daemon: Daemon) -> None:
    with daemon:
        done = hwbridge("wait", GUID, "--timeout", "10ms", "--socket", daemon.socket)

    assert (done.code, done.error) == (124, f"hwbridge: '{GUID}' was not raised within 10ms")


@pytest.mark.parametrize("trigger", ["nope", "{9118718B}"])
def test_what_is_no_trigger_is_not_waited_for(daemon: Daemon, trigger: str) -> None:
    with daemon:
        done = hwbridge("wait", trigger, "--timeout", "1h", "--socket", daemon.socket)

    assert done.code == 2
    assert repr(trigger) in done.error


@pytest.mark.parametrize("verb", ["wait", "raise"])
def test_a_system_trigger_that_linux_has_not_is_refused_by_name(daemon: Daemon, verb: str) -> None:
    with daemon:
        done = hwbridge(verb, "SmsReceived", "--socket", daemon.socket)

    assert (done.code, done.error) == (2, "hwbridge: SmsReceived never goes off on Linux")


def test_a_system_trigger_cannot_be_raised_and_that_is_what_is_said(daemon: Daemon) -> None:
    with daemon:
        done = hwbridge("raise", "TimeZoneChange", "--socket", daemon.socket)

    assert done.code == 77
    assert done.error == (
        "hwbridge: nobody may raise TimeZoneChange, the system does; to wait for it, have a task of your own with it"
    )


def test_the_longest_timeout_is_waited_for(daemon: Daemon) -> None:
    with daemon, started(daemon, "wait", GUID, "--timeout", "106751991d") as waiting:
        raise_until_ended(daemon, waiting)
        code, out, err = ended(waiting)

    assert (code, out, err) == (0, f"raised {GUID}\n", "")


def test_a_daemon_that_ends_ends_the_wait(daemon: Daemon) -> None:
    with daemon, started(daemon, "wait", GUID) as waiting:
        daemon.wait_until(lambda: is_connected(waiting.pid), "it is connected")
        daemon.stop(signal.SIGTERM)
        code, out, err = ended(waiting)

    assert (code, out) == (3, "")
    assert err == f"hwbridge: {daemon.socket}: the daemon closed the connection before it answered org.hwbridge.Wait\n"


def test_raise_waits_for_all_runs_and_says_how_each_ended(daemon: Daemon) -> None:
    daemon.never_knows("docked")
    with daemon:
        register(daemon, "good", "read line < go; say done")
        register(daemon, "late", "exit 3", conditions=["docked"], expires="1s")
        with started(daemon, "raise", GUID, "--wait") as raising:
            daemon.release()
            code, out, err = ended(raising)
        register(daemon, "bad", "exit 3")
        daemon.call("Unregister", name="late")
        daemon.release()
        done = hwbridge("raise", GUID, "--wait", "--socket", daemon.socket)

    assert (code, err) == (1, "")
    assert out.splitlines()[0] == "Raised 2"
    assert "dropped late Expired" in out.splitlines()[1:]
    assert done.code == 1
    said = done.out.splitlines()
    assert said[0] == "Raised 2"
    assert sorted(line.split()[1] for line in said[1:]) == [r"bad", "good"]
    assert any(line.endswith(" failed (exit 3)") for line in said)


def test_raise_that_waits_for_runs_that_succeed_ends_with_0(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "good", "say done")
        done = hwbridge("raise", GUID, "--wait", "--socket", daemon.socket)
        nobody = hwbridge("raise", "{00000000-0000-0000-0000-000000000001}", "--wait", "--socket", daemon.socket)

    first, second = done.out.splitlines()
    assert (done.code, first) == (0, "Raised 1")
    assert second.startswith("completed good ")
    assert second.endswith(" succeeded (exit 0)")
    assert (nobody.code, nobody.out) == (4, "NoSubscribers\n")
