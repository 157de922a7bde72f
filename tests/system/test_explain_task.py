"""Why a task does not run, asked of a real daemon: a table of situations, each with all that is said of it."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, GUID, Daemon, hwbridge, needs_root
from made_evdev_monitor import MadeInputs
from made_inputs import HEADPHONE
from registering import ON_REQUEST, register, state, wait_for_state
from situations import JACK, LID, RULES, SECRET, SITUATIONS, explained

from bridge.client.connection import Connection


@pytest.fixture(scope="module")
def watching() -> Iterator[Daemon]:
    """A daemon with these rules and a jack that is not plugged in."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = MadeInputs(Path(folder))
        inputs.plug(3, "jack", [HEADPHONE], values={HEADPHONE: 0})
        daemon = Daemon(Path(folder), environment=inputs.environment)
        daemon.rules(RULES)
        with daemon:
            yield daemon
        inputs.close()


@pytest.mark.parametrize("situation", SITUATIONS)
def test_all_that_is_in_the_way_is_said_the_first_thing_first(watching: Daemon, situation: str) -> None:
    keys, reasons = SITUATIONS[situation]
    register(watching, situation, "true", **keys)

    assert explained(watching, situation) == reasons
    watching.call("Unregister", name=situation)


def test_when_it_ran_last_and_how_that_ended_is_said_where_nothing_is_in_the_way(watching: Daemon) -> None:
    for name, script, ending in (("well", "true", "succeeded"), ("badly", "exit 3", "failed (exit 3)")):
        register(watching, name, script, triggers=ON_REQUEST)
        watching.call("RequestTask", name=name)
        watching.wait_until_idle()

        message = f"nothing is in its way: it runs when it is requested; its last run ended TIME ago: {ending}"
        assert explained(watching, name) == [("ready", None, message)]


def test_a_run_that_goes_on_and_the_raises_behind_it_are_said(watching: Daemon) -> None:
    register(watching, "busy", "read line < go", triggers=JACK, concurrency="queue")
    for _ in range(3):
        watching.raise_trigger(key="desk")
    ((what, subject, message),) = explained(watching, "busy")
    for _ in range(3):
        watching.release()
    watching.wait_until_idle()

    assert (what, subject) == ("running", "desk")
    assert re.fullmatch(r"run \w+-\d+ goes on, since TIME; what is raised meanwhile waits; 2 raises wait", message), (
        message
    )
    watching.call("Unregister", name="busy")


def test_a_quarantined_task_is_ready_when_it_is_reset(watching: Daemon) -> None:
    register(watching, "failing", "exit 1", triggers=ON_REQUEST)
    for _ in range(10):
        watching.call("RequestTask", name="failing")
        watching.wait_until(lambda: state(watching, "failing") not in {"running", "waiting"}, "it has failed")
    wait_for_state(watching, "failing", "quarantined")

    said = "10 activations in a row have failed; what is raised waits until it is reset"
    assert explained(watching, "failing") == [("quarantined", None, said)]
    watching.call("Reset", name="failing")
    assert [what for what, _, _ in explained(watching, "failing")] == ["ready"]


def test_a_trigger_that_goes_off_once_is_spent_afterwards(watching: Daemon) -> None:
    register(watching, "once", "true", triggers=[{"custom": SECRET, "recurrence": "once"}])
    watching.raise_trigger(SECRET)
    watching.wait_until_idle()

    said = "it went off, and does so once a boot: it activates the task again after the next boot"
    assert explained(watching, "once") == [("expired", SECRET, said)]


def test_a_condition_that_comes_to_hold_lets_the_task_run(tmp_path: Path) -> None:
    inputs = MadeInputs(tmp_path)
    inputs.plug(3, "jack", [HEADPHONE], values={HEADPHONE: 0})
    daemon = Daemon(tmp_path, environment=inputs.environment)
    daemon.rules(RULES)
    daemon.task("lamp", "say on", conditions=["plugged"], triggers=(SECRET,))
    with daemon:
        daemon.raise_trigger(SECRET)
        before = explained(daemon, "lamp")
        inputs.send(3, (HEADPHONE, 1))
        daemon.wait_for_words("on")
        daemon.wait_until_idle()

        waits = "condition 'plugged' does not hold (since TIME); 1 raise waits"
        assert before[0] == ("condition", "plugged", waits)
        assert [what for what, _, _ in explained(daemon, "lamp")] == ["trigger"]
    inputs.close()


def test_a_device_that_may_not_be_opened_is_named(tmp_path: Path) -> None:
    inputs = MadeInputs(tmp_path)
    inputs.plug(4, "lid", [(5, 0)], forbidden=True)
    daemon = Daemon(tmp_path, environment=inputs.environment)
    daemon.rules(RULES)
    daemon.task("lamp", "true", triggers=(LID,))
    with daemon:
        ((what, subject, message),) = explained(daemon, "lamp")
    inputs.close()

    assert (what, subject) == ("monitor", "evdev")
    assert message.startswith(
        "no device that is open passes { code = 'SW_LID' }, as rule \"lid\" wants; its monitor says: "
    )
    assert "/dev/input/event4" in message
    assert "may not be read (Permission denied)" in message


def test_a_monitor_that_cannot_be_opened_is_missing(tmp_path: Path) -> None:
    inputs = MadeInputs(tmp_path)
    inputs.fail("no such machine")
    daemon = Daemon(tmp_path, environment=inputs.environment)
    daemon.rules(RULES)
    daemon.task("lamp", "true", triggers=(LID,))
    with daemon:
        ((what, subject, message),) = explained(daemon, "lamp")
    inputs.close()

    assert (what, subject) == ("monitor", "evdev")
    assert message.startswith('the monitor evdev is not open: no such machine: rule "lid" hears of nothing')


def test_while_a_recording_is_played_nobody_knows_what_it_will_tell(tmp_path: Path) -> None:
    recording = tmp_path / "long.jsonl"
    lid = {"source": "evdev", "device": "/dev/input/event0", "type": "EV_SW", "code": "SW_LID"}
    events = [{"at": 0, **lid, "value": 0}, {"at": 3600, **lid, "value": 1}]
    recording.write_text("".join(f"{json.dumps(line)}\n" for line in ({"hwbridge-recording": 1}, *events)))
    daemon = Daemon(tmp_path, "--play", recording)
    daemon.rules(RULES)
    daemon.task("lamp", "true", triggers=(LID,))
    with daemon:
        assert [what for what, _, _ in explained(daemon, "lamp")] == ["ready"]


def test_a_class_that_nobody_serves_is_named_until_somebody_does(watching: Daemon) -> None:
    register(watching, "served", "", triggers=ON_REQUEST, run={"clsid": GUID})
    ((what, subject, message),) = explained(watching, "served")

    assert (what, subject) == ("server", GUID)
    assert message.startswith("nobody serves its class, so its runs fail: start the task server of ")
    with (
        Connection(str(watching.socket), timeout_seconds=DEADLINE_SECONDS) as connection,
        connection.stream("org.hwbridge.RegisterClass", {"clsid": GUID}) as answers,
    ):
        assert next(iter(answers))["action"] == "registered"
        assert [what for what, _, _ in explained(watching, "served")] == ["ready"]


@needs_root
def test_a_program_is_looked_up_with_the_rights_of_the_runs_user(public: Path) -> None:
    locked, script, orphan = public / "locked", public / "script", public / "orphan"
    locked.mkdir(mode=0o700)
    for program, mode in ((locked / "lamp", 0o755), (script, 0o700), (orphan, 0o755)):
        program.write_text("#!/nonexistent/sh\n" if program == orphan else "#!/bin/sh\n")
        program.chmod(mode)
    daemon = Daemon(public)
    for name, program in (("locked", locked / "lamp"), ("script", script), ("orphan", orphan)):
        text = f'[[task]]\nname = "{name}"\ntriggers = [{{ application = true }}]\nuser = "nobody"\n'
        (public / "tasks" / f"{name}.toml").write_text(f'{text}run = {{ exec = ["{program}"] }}\n')
    with daemon:
        said = {name: explained(daemon, name)[0] for name in ("locked", "script", "orphan")}

    assert said["locked"] == ("handler", f"{locked}/lamp", f"its runs fail: {locked}/lamp: nobody may not execute it")
    assert said["script"] == ("handler", str(script), f"its runs fail: {script}: nobody may not execute it")
    asks = f"its runs fail: {orphan} asks for /nonexistent/sh: not found"
    assert said["orphan"] == ("handler", str(orphan), asks)


def test_a_watcher_that_is_registered_after_a_look_at_devices_finds_those_that_are_there(watching: Daemon) -> None:
    for name, subsystem in (("for nothing", "no-such"), ("for the network", "net")):
        register(watching, name, "true", triggers=[{"device_watcher": {"subsystem": subsystem}}])
        watching.wait_until_idle()

    assert explained(watching, "for nothing")[0][0] == "device"
    ((what, _, message),) = explained(watching, "for the network")
    assert (what, message.partition(";")[0]) == ("ready", "nothing is in its way: devices are watched")


def test_however_much_is_in_the_way_the_answer_is_short(watching: Daemon) -> None:
    triggers = [{"custom": f"{{00000000-0000-4000-8000-{number:012}}}"} for number in range(1000, 1500)]
    run = {"exec": ["/" + "x" * 20_000]}
    register(watching, "monster", "", triggers=[*triggers, {"device_watcher": {"subsystem": "no-such"}}], run=run)
    reasons = explained(watching, "monster")
    watching.call("Unregister", name="monster")

    assert len(reasons) <= 101
    assert max(len(text) for reason in reasons for text in reason if text is not None) <= 1003


# The command


def test_the_command_shows_a_table_or_an_object_a_line(watching: Daemon) -> None:
    register(watching, "shown", "", triggers=[{"custom": SECRET}], run={"exec": ["/nonexistent/lamp"]})
    table = hwbridge("explain", "shown", "--socket", watching.socket)
    lines = hwbridge("explain", "--task", "shown", "--json", "--socket", watching.socket)

    assert (table.code, table.err) == (0, "")
    head, *rows = table.out.splitlines()
    assert head.split() == ["WHAT", "SUBJECT", "WHY"]
    assert [row.split()[0] for row in rows] == ["handler", "trigger"]
    assert (lines.code, lines.err) == (0, "")
    assert [json.loads(line) for line in lines.out.splitlines()] == watching.call("Explain", name="shown")["reasons"]


def test_a_name_that_no_task_has_is_refused_with_the_nearest_one(watching: Daemon) -> None:
    register(watching, "door lamp", "true")
    guessed = hwbridge("explain", "door lam", "--socket", watching.socket)
    said = hwbridge("explain", "--task", "door lam", "--socket", watching.socket)

    message = "hwbridge: no task has the name 'door lam'; did you mean door lamp?"
    assert (guessed.code, guessed.error) == (1, f"{message}; nor is there a file of this name")
    assert (said.code, said.error) == (1, message)


def test_a_task_of_files_that_were_refused_is_unknown_and_the_refusal_is_told(daemon: Daemon) -> None:
    with daemon:
        daemon.task("lamp", "true")
        daemon.task("broken", "true", concurrency="latesd")
        daemon.reload()
        done = hwbridge("explain", "--task", "lamp", "--socket", daemon.socket)

    refused = "the daemon has refused the files of its last reload (hwbridge status)"
    assert (done.code, done.error) == (1, f"hwbridge: no task has the name 'lamp'; {refused}")


def test_a_file_with_the_name_of_a_task_is_meant_unless_the_task_is_asked_for(
    watching: Daemon, jack_recording: Path
) -> None:
    register(watching, jack_recording.name, "true", triggers=ON_REQUEST)
    rules = jack_recording.parent / "rules.toml"
    as_file = hwbridge("explain", jack_recording.name, "--rules", rules, cwd=jack_recording.parent)
    as_task = hwbridge("explain", "--task", jack_recording.name, "--socket", watching.socket, cwd=jack_recording.parent)

    assert (as_file.code, as_file.out.splitlines()[-2:]) == (0, ["plugged: raised 1 time", "pulled: raised 1 time"])
    assert (as_task.code, as_task.out.splitlines()[1].split()[0]) == (0, "ready")
