"""`hwbridge status`: what the daemon is and does, for people and for programs; anyone may ask."""

import json
import os
from pathlib import Path

import pytest
from daemon import GUID, Daemon, User, hwbridge, needs_root
from jack import CONNECTED, RULES

from bridge import __version__


def status(daemon: Daemon) -> str:
    done = hwbridge("status", "--socket", daemon.socket)
    assert (done.code, done.err) == (0, "")
    return done.out


def status_json(daemon: Daemon) -> dict[str, object]:
    done = hwbridge("status", "--json", "--socket", daemon.socket)
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    return dict(json.loads(done.out))


def test_json_is_one_object_with_what_the_interface_says(daemon: Daemon) -> None:
    daemon.rules(RULES)
    daemon.task("lamp", "say on", triggers=(CONNECTED,))

    with daemon:
        answer = status_json(daemon)

        assert answer == daemon.status()
        assert (answer["version"], answer["pid"]) == (__version__, daemon.process.pid)
        assert (answer["rules"], answer["tasks"], answer["reload_errors"]) == (2, 1, [])
        assert 0 < int(str(answer["started_at"])) // 1_000_000 <= int(daemon.socket.stat().st_mtime) + 60


def test_people_get_a_line_for_each_thing(daemon: Daemon) -> None:
    with daemon:
        lines = status(daemon).splitlines()

    assert lines[0].startswith(f"hwbridge {__version__}, pid {daemon.process.pid}, since 2")
    assert lines[1:3] == ["0 rules, 0 tasks; 0 running, 0 waiting", "0 events seen, 0 triggers raised"]
    assert lines[3] == "store: durability full, 0 owed"
    assert lines[4].startswith("udev: ")


def test_what_runs_and_what_waits_is_counted(daemon: Daemon) -> None:
    daemon.task("lamp", "say on; read line < go", concurrency="queue")

    with daemon:
        for _ in range(3):
            daemon.raise_trigger()
        daemon.wait_for_words("on")

        assert "; 1 running, 2 waiting\n" in status(daemon)
        assert "\n0 events seen, 3 triggers raised\n" in status(daemon)
        for _ in range(3):
            daemon.release()
        daemon.wait_until_idle()
        assert "; 0 running, 0 waiting\n" in status(daemon)


def test_a_raise_counts_whether_a_task_hears_it_or_not(daemon: Daemon) -> None:
    with daemon:
        assert daemon.raise_trigger() == "NoSubscribers"

        assert daemon.status()["raised"] == 1
        assert "\n0 events seen, 1 trigger raised\n" in status(daemon)


def test_a_recording_that_plays_is_shown_and_what_moves_a_cursor_is_escaped(daemon: Daemon) -> None:
    names = {"\x1b[31m.jsonl": r"\x1b[31m.jsonl", "\udcff.jsonl": r"\udcff.jsonl"}
    device = '"source": "udev", "action": "add", "devpath": "/d"}'
    lines = ('{"hwbridge-recording": 1}', f'{{"at": 0, {device}', f'{{"at": 3600, {device}')
    for name in names:
        (daemon.folder / name).write_text("\n".join(lines))
        daemon.options = (*daemon.options, "--play", os.fsencode(daemon.folder / name))

    with daemon:
        shown = status(daemon)

        for place, name in enumerate(names.values(), start=1):
            assert f"\nplay {place}: {daemon.folder}/{name}\n" in shown
        monitors = status_json(daemon)["monitors"]
        assert {monitor["source"] for monitor in monitors} == {"udev", "play 1", "play 2"}  # type: ignore[attr-defined]  # a list


@needs_root
def test_anyone_may_ask(public: Path) -> None:
    with Daemon(public) as daemon:
        done = hwbridge("status", "--socket", daemon.socket, user=User())

    assert done.code == 0
    assert f"pid {daemon.process.pid}" in done.out


def test_without_a_daemon_nobody_answers(tmp_path: Path) -> None:
    done = hwbridge("status", "--socket", tmp_path / "none")

    assert done.code == 3
    assert done.error.startswith(f"hwbridge: {tmp_path}/none: no daemon answers: No such file or directory; ")


def test_the_daemon_of_the_system_is_asked_where_the_user_has_none(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    user = hwbridge("status", "--user", environment=environment)
    either = hwbridge("status", environment=environment)

    assert f"{tmp_path}/hwbridge/hwbridge.sock: no daemon answers" in user.error
    assert either.code == 0 or "/run/hwbridge/hwbridge.sock: no daemon answers" in either.error


@pytest.mark.parametrize(
    "arguments", [("extra",), ("--jso=1",), ("--user", "--system"), ("--socket",), ("--socket", "")]
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...]) -> None:
    done = hwbridge("status", *arguments)

    assert done.code == 2
    assert done.error.endswith(" --help")


def test_a_full_queue_is_busy_and_the_daemon_goes_on_to_answer(daemon: Daemon) -> None:
    daemon.task("lamp", "say on; read line < go", concurrency="queue", queue_limit=50)

    with daemon:
        outcomes = [daemon.raise_trigger(key=str(number)) for number in range(51)]
        refused = hwbridge("raise", GUID, "--socket", daemon.socket)

        assert outcomes == ["Raised"] * 51
        assert (refused.code, refused.error) == (
            1,
            f"hwbridge: a queue for the trigger {GUID} is full: ask again later",
        )
        assert daemon.status()["waiting"] == 50
