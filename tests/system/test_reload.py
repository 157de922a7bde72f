"""HUP: the files as they are now take over at once, or if anything is wrong with them, nothing changes."""

import signal

from daemon import GUID, Daemon, hwbridge

OTHER = "{5B0E3C1D-7C26-4C39-8F0E-2D0C1F6A9E57}"
BAD = (
    '[[rule]]\nname = "jack"\nsource = "evdev"\nraise = "door"\nmatch = { code = "SW_HEADPHONE_INSERT" }\nedgy = true\n'
)


def named(name: str, guid: str) -> str:
    return f'[triggers]\n"{name}" = "{guid}"\n'


def test_new_rules_and_tasks_take_over_and_old_ones_are_gone(daemon: Daemon) -> None:
    daemon.rules(named("door", GUID))
    daemon.task("old", "say old", triggers=("door",))

    with daemon:
        daemon.rules(named("window", OTHER))
        daemon.forget_task("old")
        daemon.task("new", "say new", triggers=("window",))
        daemon.reload()

        assert daemon.raise_trigger("window") == "Raised"
        daemon.wait_for_words("new")
        assert daemon.raise_trigger(GUID) == "NoSubscribers"
        assert hwbridge("raise", "door", "--socket", daemon.socket).code == 2

    assert daemon.said() == ["new"]
    assert "reloaded: 0 rules, 1 task\n" in daemon.log()


def test_bad_files_change_nothing_and_status_says_where_they_are_bad_until_they_are_good(daemon: Daemon) -> None:
    daemon.rules(named("door", GUID))
    daemon.task("lamp", "say on", triggers=("door",))

    with daemon:
        daemon.rules(named("door", GUID) + BAD)
        daemon.task("lamp", "say off", triggers=("window",))
        daemon.reload()

        unknown = "'window' is not a name in [triggers] or a GUID"
        errors = [
            f'{daemon.folder}/rules/rules.toml:8: [rule "jack"] edgy: unknown key; did you mean edge?',
            f'{daemon.folder}/tasks/lamp.toml:3: [task "lamp"] triggers[1].custom: {unknown}',
        ]
        assert daemon.status()["reload_errors"] == errors
        shown = hwbridge("status", "--socket", daemon.socket).out
        assert shown.endswith(f"the rules and tasks from before are in force:\n  {errors[0]}\n  {errors[1]}\n")
        daemon.raise_trigger("door")
        daemon.wait_for_words("on")

        daemon.rules(named("window", GUID))
        daemon.reload()

        assert daemon.status()["reload_errors"] == []
        assert "refused" not in hwbridge("status", "--socket", daemon.socket).out
        daemon.raise_trigger("window")
        daemon.wait_for_words("off")

    assert all(f"hwbridge: {error}\n" in daemon.log() for error in errors)
    assert "not reloaded: the rules and tasks from before stay in force\n" in daemon.log()


def test_a_directory_that_vanished_is_a_bad_reload(daemon: Daemon) -> None:
    daemon.task("lamp", "say on")

    with daemon:
        (daemon.folder / "rules").rmdir()
        daemon.reload()

        assert daemon.status()["reload_errors"] == [
            f"{daemon.folder}/rules:1: cannot be read: No such file or directory"
        ]
        assert daemon.raise_trigger() == "Raised"
        daemon.wait_for_words("on")


def test_of_too_many_errors_log_and_status_tell_the_first_hundred(daemon: Daemon) -> None:
    with daemon:
        daemon.rules("[[rule]]\n" * 10_000)
        daemon.reload()

        errors = daemon.status()["reload_errors"]
        assert len(errors) == 101
        assert errors[0] == f"{daemon.folder}/rules/rules.toml:1: [rule 1] name: missing"
        assert errors[-1] == "and 39900 more: `hwbridge check` shows them all"


def test_a_run_of_a_task_that_is_gone_goes_on_to_its_end(daemon: Daemon) -> None:
    daemon.task("lamp", "say on; read line < go; say off")

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("on")
        daemon.forget_task("lamp")
        daemon.reload()
        assert (daemon.status()["tasks"], daemon.status()["running"]) == (0, 1)
        daemon.release()
        daemon.wait_for_words("off")
        daemon.wait_until_idle()


def test_what_waits_keeps_its_place_and_runs_as_the_new_files_say(daemon: Daemon) -> None:
    daemon.task("lamp", "say on; read line < go")

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("on")
        daemon.raise_trigger()
        daemon.task("lamp", "say brighter")
        daemon.reload()
        daemon.release()
        daemon.wait_for_words("brighter")
        daemon.wait_until_idle()

    assert daemon.said() == ["on", "brighter"]


def test_a_burst_of_hangups_ends_with_the_newest_files(daemon: Daemon) -> None:
    with daemon:
        for _ in range(20):
            daemon.process.send_signal(signal.SIGHUP)
        daemon.task("lamp", "say on")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_until(lambda: daemon.status()["tasks"] == 1, "the task is known")


def test_a_reload_does_not_play_a_recording_again(daemon: Daemon) -> None:
    daemon.rules(
        named("plugged", GUID)
        + '[[rule]]\nname = "plug"\nsource = "udev"\nmatch = { action = "add" }\nraise = "plugged"\n'
    )
    daemon.task("lamp", "say on", concurrency="parallel", max_running=9)
    recording = daemon.folder / "plug.jsonl"
    recording.write_text(
        '{"hwbridge-recording": 1}\n{"at": 0, "source": "udev", "action": "add", "devpath": "/devices/made-up"}\n'
    )
    daemon.options = (*daemon.options, "--play", recording)

    with daemon:
        daemon.wait_for_words("on")
        daemon.reload()
        daemon.reload()
        daemon.wait_until_idle()
        assert daemon.status()["raised"] == 1
