"""What becomes of tasks over crashes, restarts and reloads of the real daemon, with real processes as handlers."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from daemon import GUID, Daemon, hwbridge
from made_ports import Device

OTHER = "{5B0E3C1D-7C26-4C39-8F0E-2D0C1F6A9E57}"
STAY = "sleep 1000 & wait"
TELL = "cat >> told"


def told(daemon: Daemon) -> list[dict[str, Any]]:
    """What handlers were told that did `TELL`, oldest first."""
    path = daemon.folder / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def put(daemon: Daemon, name: str, script: str, **raw: str) -> None:
    """Writes the task with keys whose values are TOML already, instead of those that it has."""
    daemon.task(name, script)
    path = daemon.folder / f"tasks/{name}.toml"
    lines = [line for line in path.read_text().splitlines() if line.partition(" = ")[0] not in raw]
    path.write_text("\n".join([*lines, *(f"{key} = {value}" for key, value in raw.items())]) + "\n")


def wait_until_done(daemon: Daemon) -> None:
    """Waits until nothing is owed, now or later."""
    daemon.wait_until(lambda: daemon.status()["store"]["owed"] == 0, "nothing is owed")


# --- runs that end badly ---


def test_a_run_that_was_killed_with_the_daemon_is_dead_before_it_is_redelivered(daemon: Daemon) -> None:
    first = "setsid sleep 1000 & say on; wait"
    lock = "[ ! -e lock ] || is_second=yes; exec 9>> lock; flock -n 9 || say alive"  # all its processes hold the lock
    daemon.task("lamp", f'{lock}; if [ "$is_second" ]; then say again; {TELL}; else {first}; fi')

    with daemon:
        daemon.raise_trigger(details={"n": "1"})
        daemon.wait_for_words("on")
        daemon.kill()
    with daemon:
        daemon.wait_for_words("again")
        wait_until_done(daemon)

    assert daemon.said() == ["on", "again"]
    (run,) = told(daemon)
    assert (run["redelivered"], run["merged"], run["details"]) == (True, 1, {"n": "1"})


def test_a_clean_stop_redelivers_what_did_not_end_and_not_what_did(daemon: Daemon) -> None:
    script = "say $HWBRIDGE_DETAIL_N; read line < go; " + TELL
    daemon.task("lamp", script, concurrency="queue")

    with daemon:
        for number in range(3):
            daemon.raise_trigger(details={"n": str(number)})
        daemon.wait_for_words("0")
        daemon.release()
        daemon.wait_for_words("1")
        daemon.stop(signal.SIGTERM)
    with daemon:
        for _ in range(2):
            daemon.release()
        wait_until_done(daemon)

    assert daemon.said() == ["0", "1", "1", "2"]
    runs = [(run["details"]["n"], run["redelivered"]) for run in told(daemon)]
    assert runs == [("0", False), ("1", True), ("2", False)]


def test_what_was_done_is_not_run_again_by_later_starts(daemon: Daemon) -> None:
    daemon.task("lamp", "say on")

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("on")
        wait_until_done(daemon)
    for _ in range(2):
        with daemon:
            wait_until_done(daemon)

    assert daemon.said() == ["on"]


def test_exit_75_asks_to_be_run_again_and_0_is_the_end(daemon: Daemon) -> None:
    put(
        daemon,
        "lamp",
        f"say on; {TELL}; [ -e again ] || {{ touch again; exit 75; }}; say done",
        retry='{ attempts = 1, backoff = "20ms" }',
    )

    with daemon:
        daemon.raise_trigger(details={"n": "1"})
        daemon.wait_for_words("on", "on", "done")
        wait_until_done(daemon)

    assert "quarantined" not in daemon.log()
    assert [run["redelivered"] for run in told(daemon)] == [False, False]


def test_a_failed_run_is_tried_as_often_as_the_task_says(daemon: Daemon) -> None:
    put(daemon, "lamp", "say on; exit 1", retry='{ attempts = 3, backoff = "10ms" }')

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("on", "on", "on")
        wait_until_done(daemon)

    assert daemon.said() == ["on", "on", "on"]


def test_a_retry_that_waits_survives_a_crash(daemon: Daemon) -> None:
    put(daemon, "lamp", "say on; [ -e ok ]", retry='{ attempts = 2, backoff = "3s" }')

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_log(" failed: exit 1")
        assert daemon.status()["store"]["owed"] == 1
        daemon.kill()
    (daemon.folder / "ok").touch()
    with daemon:
        daemon.wait_for_words("on", "on")
        wait_until_done(daemon)

    assert daemon.said() == ["on", "on"]


def test_a_quarantine_survives_a_restart_and_ends_when_the_file_says_something_else(daemon: Daemon) -> None:
    daemon.task("lamp", "say on; exit 1", concurrency="queue")
    with daemon:
        for _ in range(10):
            daemon.raise_trigger()
        daemon.wait_for_log("quarantined lamp: 10 activations in a row have failed")
    with daemon:
        assert daemon.raise_trigger(details={"n": "1"}) == "Raised"
        assert daemon.raise_trigger(details={"n": "2"}) == "Raised"
        status = daemon.status()
        assert (status["running"], status["waiting"]) == (0, 1)
        assert [each["name"] for each in status["quarantined"]] == ["lamp"]

        daemon.task("lamp", f"say mended; {TELL}", concurrency="queue")
        daemon.reload()
        daemon.wait_for_words("mended")
        wait_until_done(daemon)
        assert daemon.status()["quarantined"] == []

    assert daemon.said() == ["on"] * 10 + ["mended"]
    assert [run["merged"] for run in told(daemon)] == [2]


# --- triggers and conditions ---


@pytest.mark.parametrize("recurrence", ["one-shot", "once"])
def test_a_trigger_that_was_spent_stays_so_after_a_restart(daemon: Daemon, recurrence: str) -> None:
    put(daemon, "lamp", "say on", triggers=f'[{{ custom = "{GUID}", recurrence = "{recurrence}" }}]')

    with daemon:
        assert [daemon.raise_trigger() for _ in range(2)] == ["Raised", "NoSubscribers"]
        daemon.wait_for_words("on")
        wait_until_done(daemon)
    with daemon:
        assert daemon.raise_trigger() == "NoSubscribers"

    assert daemon.said() == ["on"]


MAINS = """
[[condition]]
name = "on-mains"
source = "udev"
match = { subsystem = "power_supply", POWER_SUPPLY_ONLINE = 1 }
"""


def play(daemon: Daemon, *online: int) -> None:
    """Has the next start find the mains so, or told so one after another."""
    lines: list[dict[str, object]] = [{"hwbridge-recording": 1}]
    for place, each in enumerate(online):
        device = {"source": "udev", "subsystem": "power_supply", "devpath": "/devices/AC", "POWER_SUPPLY_ONLINE": each}
        begin = {"at": 0, "origin": "start", "action": "add"}
        lines.append({**device, **(begin if place == 0 else {"at": place * 0.2, "action": "change"})})
    path = daemon.folder / "mains.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    daemon.options = (*daemon.options, "--play", path) if path not in daemon.options else daemon.options


def test_raises_that_wait_for_a_condition_survive_crashes_and_become_one_run_when_it_holds(daemon: Daemon) -> None:
    daemon.rules(MAINS)
    daemon.task("lamp", f"{TELL}; say on", conditions=["on-mains"])

    with daemon:  # nobody knows whether it holds
        for number in range(2):
            assert daemon.raise_trigger(details={"n": str(number)}) == "Raised"
        daemon.kill()
    play(daemon, 0)
    with daemon:  # it does not hold
        assert daemon.raise_trigger(details={"n": "2"}) == "Raised"
        assert (daemon.status()["running"], daemon.status()["waiting"]) == (0, 1)
        daemon.kill()
    play(daemon, 0, 1)
    with daemon:
        daemon.wait_for_words("on")
        wait_until_done(daemon)

    (run,) = told(daemon)
    assert (run["merged"], run["details"], run["redelivered"]) == (3, {"n": "2"}, False)


PORT = """
[[serial]]
name = "cable"
port = "%s"

[[condition]]
name = "plugged"
source = "serial"
match = { port = "cable", state = "opened" }
"""


def test_a_run_is_canceled_when_its_condition_is_lost(daemon: Daemon) -> None:
    cable = Device()
    daemon.rules(PORT % cable.node)
    daemon.task("lamp", f"trap 'say off; exit' TERM; say on; {STAY}", conditions=["plugged"], concurrency="queue")
    path = daemon.folder / "tasks/lamp.toml"
    path.write_text(path.read_text() + "cancel_on_condition_loss = true\n")

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("on")
        cable.unplug()
        daemon.wait_for_words("on", "off")
        wait_until_done(daemon)

    assert " ConditionLoss\n" in daemon.log()


def test_cancel_on_ends_the_runs_of_its_key_and_drops_what_waits(daemon: Daemon) -> None:
    script = f"trap 'say $HWBRIDGE_KEY off; exit' TERM; say $HWBRIDGE_KEY on; {STAY}"
    put(daemon, "disk", script, cancel_on=f'[{{ custom = "{OTHER}" }}]', concurrency='"queue"', max_running="2")

    with daemon:
        for key in ("a", "a", "b"):
            daemon.raise_trigger(key=key)
        daemon.wait_for_words("a on", "b on")
        assert daemon.raise_trigger(OTHER, key="a") == "Raised"
        daemon.wait_for_words("a off")
        daemon.wait_until(lambda: daemon.status()["running"] == 1, "only b is left")
        assert daemon.status()["waiting"] == 0
        assert "b off" not in daemon.said()

    assert daemon.log().count(" ResourceRevocation\n") == 2
    assert "dropped disk key a: ResourceRevocation\n" in daemon.log()


def test_restart_cancels_the_run_and_starts_one_with_the_newest_details(daemon: Daemon) -> None:
    script = f"trap 'say off $HWBRIDGE_DETAIL_N; exit' TERM; say on $HWBRIDGE_DETAIL_N; {STAY}"
    daemon.task("lamp", script, concurrency="restart")

    with daemon:
        for number in range(3):
            daemon.raise_trigger(details={"n": str(number)})
            daemon.wait_for_words(f"on {number}")

    assert daemon.said() == ["on 0", "off 0", "on 1", "off 1", "on 2", "off 2"]


RAISER = f"""
import os, socket
with socket.socket(socket.AF_UNIX) as daemon:
    daemon.connect(os.environ["HWBRIDGE_SOCKET"])
    daemon.sendall(b'{{"method": "org.hwbridge.Raise", "parameters": {{"trigger": "{GUID}"}}}}\\0')
    daemon.recv(4096)
"""
"""What `hwbridge raise` does, in a third of its time: how long a loop is watched goes by how long its runs take."""


def test_a_task_that_raises_its_own_trigger_is_slowed_named_and_stopped(daemon: Daemon) -> None:
    (daemon.folder / "raiser").write_text(RAISER)
    daemon.task("echo", f"{sys.executable} -I -S raiser")
    daemon.task("other", "say on", triggers=(OTHER,))

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_log("slowed echo: ")
        daemon.raise_trigger(OTHER)
        daemon.wait_for_words("on")
        daemon.wait_for_log(f"quarantined echo: it raises its own trigger {GUID}")
        daemon.wait_until(lambda: daemon.status()["running"] == 0, "it is stopped")
        assert "quarantined: echo: it raises its own trigger" in hwbridge("status", "--socket", daemon.socket).out

    assert daemon.log().count("activated echo ") < 50


# --- files that go ---


def test_what_waits_for_a_task_whose_file_is_gone_is_dropped_and_does_not_come_back(daemon: Daemon) -> None:
    daemon.task("lamp", "say on; read line < go; say off", concurrency="queue")

    with daemon:
        for _ in range(3):
            daemon.raise_trigger()
        daemon.wait_for_words("on")
        daemon.forget_task("lamp")
        daemon.reload()
        assert daemon.raise_trigger() == "NoSubscribers"
        status = daemon.status()
        assert (status["tasks"], status["running"], status["waiting"]) == (0, 1, 0)
        assert daemon.log().count("dropped lamp: Unregistered\n") == 2
        daemon.release()
        daemon.wait_for_words("off")
        wait_until_done(daemon)
    daemon.task("lamp", "say anew", concurrency="queue")
    with daemon:
        wait_until_done(daemon)

    assert daemon.said() == ["on", "off"]


def test_a_task_whose_file_went_while_the_daemon_was_down_owes_nothing(daemon: Daemon, tmp_path: Path) -> None:
    daemon.task("lamp", f"say on; {STAY}", concurrency="queue")
    with daemon:
        for _ in range(3):
            daemon.raise_trigger()
        daemon.wait_for_words("on")
        daemon.kill()
    file = tmp_path / "tasks/lamp.toml"
    text = file.read_text()
    file.unlink()
    with daemon:
        wait_until_done(daemon)
        assert daemon.handlers() == []
    file.write_text(text)
    with daemon:
        wait_until_done(daemon)

    assert daemon.said() == ["on"]
