"""The verbs about tasks as people meet them: `list show start cancel unregister reset history progress`."""

import json
import os

import pytest
from daemon import GUID, Daemon, Done, hwbridge
from registering import ON_REQUEST, register, shown, state, wait_for_state

from bridge.cli.given import MOST

STAY = "sleep 1000 & wait"
CLEAR = "\x1b[2J"


def run(daemon: Daemon, *arguments: str, **environment: str) -> Done:
    return hwbridge(*arguments, "--socket", daemon.socket, environment=environment)


def lines(daemon: Daemon, *arguments: str) -> list[str]:
    done = run(daemon, *arguments)
    assert (done.code, done.err) == (0, "")
    return done.out.splitlines()


def json_lines(daemon: Daemon, *arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines(daemon, *arguments, "--json")]


def test_list_has_a_line_for_each_task(daemon: Daemon) -> None:
    with daemon:
        assert lines(daemon, "list") == []
        register(daemon, "lamp-on", "say on", group="desk")
        register(daemon, "bell", STAY, triggers=[*ON_REQUEST, {"time": "15m"}])
        run(daemon, "start", "bell")

        assert lines(daemon, "list") == [
            "NAME     STATE    RUNNING  WAITING  GROUP  TRIGGERS",
            "bell     running  1        0        -      ApplicationTrigger, TimeTrigger 15m",
            f"lamp-on  idle     0        0        desk   {GUID}",
        ]
        assert lines(daemon, "list", "--group", "desk") == [
            "NAME     STATE  RUNNING  WAITING  GROUP  TRIGGERS",
            f"lamp-on  idle   0        0        desk   {GUID}",
        ]


def test_list_and_show_print_what_the_api_says_as_json(daemon: Daemon) -> None:
    with daemon:
        for name in ("b", "a"):
            register(daemon, name, "say on")

        assert json_lines(daemon, "list") == daemon.call("AllTasks")["tasks"]
        assert json_lines(daemon, "show", "b") == [shown(daemon, "b")]


def test_show_says_all_that_is_known_of_a_task(daemon: Daemon) -> None:
    daemon.rules('[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { DOCKED = 1 }\n')
    with daemon:
        triggers = [{"custom": GUID, "recurrence": "once"}, {"time": "15m"}, *ON_REQUEST]
        keys = {
            "triggers": triggers,
            "conditions": [{"not": "docked"}],
            "group": "desk",
            "run": {"exec": ["/bin/true"]},
        }
        register(daemon, "lamp", "say on", **keys)
        daemon.raise_trigger(key="disk\n1")
        said = [(line[:12].strip(), line[12:]) for line in lines(daemon, "show", "lamp")]

    assert [label for label, _ in said] == [
        *("name", "id", "state", "group", "from", "triggers", "", "", "conditions", "waiting", "definition")
    ]
    shown_as = [text for _, text in said]
    assert shown_as[0] == "lamp"
    assert shown_as[2:6] == [
        "latched",
        "desk",
        f"the API, registered by uid {os.geteuid()}",
        f"{GUID} once a boot; went off",
    ]
    assert shown_as[6].startswith("TimeTrigger 15m; next at 2")
    assert shown_as[7:9] == ["ApplicationTrigger", "not docked: unknown"]
    assert shown_as[9].startswith(f"{GUID} of 2")
    assert shown_as[9].endswith(r", key disk\n1, latched")
    assert json.loads(shown_as[10]) == {"name": "lamp", **keys}


def test_start_prints_the_result_and_says_why_it_is_not_allowed(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", 'say "$HWBRIDGE_KEY $HWBRIDGE_DETAIL_A"; read line < go', triggers=ON_REQUEST)
        register(daemon, "bell", "say on")

        allowed = run(daemon, "start", "lamp", "--key", "desk", "--data", "a=b")
        daemon.wait_for_words("desk b")
        current = run(daemon, "start", "lamp")
        without = run(daemon, "start", "bell")
        daemon.release()

    assert (allowed.code, allowed.out, allowed.err) == (0, "Allowed\n", "")
    assert (current.code, current.out) == (1, "CurrentlyRunning\n")
    assert current.err == "hwbridge: task 'lamp': it runs, or waits to run, for an earlier request\n"
    assert (without.code, without.out) == (1, "UnknownError\n")
    assert without.err == "hwbridge: task 'bell': it has no application trigger\n"


def test_cancel_unregister_and_reset_do_so_and_print_nothing(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", STAY, triggers=ON_REQUEST)
        register(daemon, "bell", "exit 1", concurrency="queue")
        run(daemon, "start", "lamp")
        for _ in range(10):
            daemon.raise_trigger()
        wait_for_state(daemon, "bell", "quarantined")
        quarantined = lines(daemon, "status")[4]
        instance_id = shown(daemon, "lamp")["running"][0]["instance_id"]

        assert lines(daemon, "cancel", instance_id) == []
        wait_for_state(daemon, "lamp", "idle")
        assert lines(daemon, "reset", "bell") == []
        assert state(daemon, "bell") == "idle"
        run(daemon, "start", "lamp")
        assert lines(daemon, "unregister", "lamp", "--cancel-task") == []
        daemon.wait_until_idle()
        assert [task["name"] for task in json_lines(daemon, "list")] == ["bell"]

    assert quarantined == "quarantined: bell: 10 activations in a row have failed"


@pytest.mark.parametrize("verb", ["show", "unregister", "reset"])
def test_a_task_that_is_not_there_is_named_with_the_one_that_was_meant(daemon: Daemon, verb: str) -> None:
    with daemon:
        register(daemon, "lamp-on", "say on")
        done = run(daemon, verb, "lamp-no")

    assert (done.code, done.error) == (1, "hwbridge: no task has the name 'lamp-no'; did you mean lamp-on?")


def test_a_task_that_is_not_there_cannot_be_started_which_is_an_unknown_error(daemon: Daemon) -> None:
    with daemon:
        done = run(daemon, "start", "nope")

    assert (done.code, done.out) == (1, "UnknownError\n")
    assert done.err == "hwbridge: no task has the name 'nope'\n"


def test_a_run_that_is_not_there_is_named(daemon: Daemon) -> None:
    with daemon:
        done = run(daemon, "cancel", "lamp")

    assert (done.code, done.error) == (1, "hwbridge: no run has the id 'lamp': it is over, or was never there")


def test_a_task_of_a_file_is_unregistered_by_its_file(daemon: Daemon) -> None:
    daemon.task("lamp", "say on")
    with daemon:
        done = run(daemon, "unregister", "lamp")

    assert done.code == 1
    assert done.error == "hwbridge: task 'lamp' is in a tasks file: take it out there, and send the daemon HUP"


def test_history_has_a_line_for_each_thing(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", rf"printf '{CLEAR}the end'; exit 3")
        daemon.raise_trigger(key=CLEAR)
        daemon.wait_until(lambda: "completed" in run(daemon, "history").out, "it has run")
        head, *said = lines(daemon, "history")
        instance_id = json_lines(daemon, "history")[-1]["instance_id"]

        assert head.split() == ["SEQ", "TIME", "WHAT", "TASK", "INSTANCE"]
        assert [line.split()[0] for line in said] == ["1", "2", "3", "4"]
        assert "  registered  lamp  -" in said[0]
        assert said[1].endswith(rf"  raised      -     -           {GUID}, key \x1b[2J")
        assert said[2].endswith(rf"  activated   lamp  {instance_id}  {GUID}, key \x1b[2J")
        assert f"  completed   lamp  {instance_id}  {GUID}, " in said[3]
        assert ", failed, exit 3, took " in said[3]
        assert said[3].endswith(r"printed: \x1b[2Jthe end")
        assert json_lines(daemon, "history") == daemon.call("History")["entries"]
        assert lines(daemon, "history", "--limit", "1")[1].split() == said[3].split()
        assert [line["seq"] for line in json_lines(daemon, "history", "--since", "1", "--limit", "2")] == [2, 3]
        assert [line["seq"] for line in json_lines(daemon, "history", "--task", "lamp")] == [1, 3, 4]


def test_the_largest_numbers_are_taken(daemon: Daemon) -> None:
    with daemon:
        daemon.raise_trigger()
        register(daemon, "lamp", "true", triggers=ON_REQUEST)
        assert [line["seq"] for line in json_lines(daemon, "history", "--limit", f"{MOST}")] == [1]
        assert [line["seq"] for line in json_lines(daemon, "history", "--since", "0", "--limit", f"{MOST}")] == [1]
        beyond = run(daemon, "history", "--since", f"{MOST}")

    assert (beyond.code, beyond.out, beyond.err) == (0, "", "")


def test_progress_is_for_handlers(daemon: Daemon) -> None:
    with daemon:
        assert run(daemon, "progress", "1").code == 2
        assert "HWBRIDGE_INSTANCE_ID is not set" in run(daemon, "progress", "1").error
        done = run(daemon, "progress", "1", HWBRIDGE_INSTANCE_ID="gone-1")

    assert (done.code, done.error) == (1, "hwbridge: no run has the id 'gone-1': it is over, or was never there")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("show",), "the following arguments are required: NAME"),
        (("start", "lamp", "--data", "a"), "--data 'a' is not NAME=VALUE"),
        (("history", "--limit", "0"), f"argument --limit: '0' is not an integer from 1 to {MOST}"),
        (("history", "--limit", f"{MOST + 1}"), f"argument --limit: '{MOST + 1}' is not an integer from 1 to {MOST}"),
        (("history", "--since", "-1"), f"argument --since: '-1' is not an integer from 0 to {MOST}"),
        (("history", "--since", "9" * 5000), "argument --since: '999"),
        (("history", "--task", ""), "argument --task: the name is empty"),
        (("progress", "10%"), "argument N: '10%' is not an integer from 0 to 4294967295"),
        (("progress", "-1"), "argument N: '-1' is not an integer from 0 to 4294967295"),
        (("progress", "4294967296"), "argument N: '4294967296' is not an integer from 0 to 4294967295"),
        (
            ("wait", "door", "--timeout", "999999999999d"),
            "argument --timeout: '999999999999d' is longer than 106751991d",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...], error: str) -> None:
    done = hwbridge(*arguments)

    assert done.code == 2
    assert error in done.error


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("wait", "door"),
        ("monitor",),
        ("raise", "door", "--wait"),
        ("show", "lamp"),
        ("start", "lamp"),
        ("cancel", "1"),
        ("unregister", "lamp"),
        ("reset", "lamp"),
        ("history",),
    ],
    ids=" ".join,
)
def test_without_a_daemon_nobody_answers(daemon: Daemon, arguments: tuple[str, ...]) -> None:
    done = run(daemon, *arguments)

    assert done.code == 3
    assert done.error == (
        f"hwbridge: {daemon.socket}: no daemon answers: No such file or directory; "
        f"to start one: `hwbridge run --socket {daemon.socket}`"
    )
