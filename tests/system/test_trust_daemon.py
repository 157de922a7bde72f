"""A daemon believes no file that others could have written: it does not start with one, and does not take it over."""

import os
import pwd
from pathlib import Path

import pytest
from daemon import GUID, NOBODY, Argument, Daemon, Done, User, hwbridge, needs_root

pytestmark = needs_root
RULE = "what a daemon that is root reads belongs to root, and nobody else may write it"


@pytest.fixture
def daemon(public: Path) -> Daemon:
    daemon = Daemon(public)
    daemon.rules(f'[triggers]\ndoor = "{GUID}"\n')
    daemon.task("lamp", "say on", triggers=(GUID,))
    return daemon


def run(daemon: Daemon, *options: Argument, user: User | None = None) -> Done:
    return hwbridge("run", *daemon.options, *options, user=user)


def test_a_daemon_does_not_start_with_files_of_others_and_names_all_of_them(daemon: Daemon) -> None:
    rules, lamp, fan = (daemon.folder / name for name in ("rules/rules.toml", "tasks/lamp.toml", "tasks/fan.toml"))
    daemon.task("fan", "say on")
    rules.chmod(0o664)
    os.chown(lamp, NOBODY, 0)
    fan.write_text("[[task]]\n")

    done = run(daemon)

    assert (done.code, done.out) == (78, "")
    assert done.err.splitlines() == [
        f"{rules}:1: may be written by others (mode 0664): {RULE}",
        f"{fan}:1: [task 1] name: missing",
        f"{fan}:1: [task 1] triggers: missing",
        f"{fan}:1: [task 1] run: missing",
        f"{lamp}:1: belongs to uid {NOBODY}: {RULE}",
    ]


def test_a_directory_that_others_may_write_is_named_once(daemon: Daemon) -> None:
    (daemon.folder / "tasks").chmod(0o1777)

    done = run(daemon)

    assert (done.code, done.error) == (
        78,
        f"{daemon.folder}/tasks:1: may be written by others (mode 1777): {RULE}",
    )


def test_a_file_that_was_named_needs_a_way_to_it_that_others_cannot_turn(daemon: Daemon, public: Path) -> None:
    (public / "open").mkdir()
    (public / "open").chmod(0o777)
    file = public / "open" / "rules.toml"
    file.write_text("")

    done = run(daemon, "--rules", file)

    assert done.code == 78
    assert done.error == f"{file}:1: {public}/open, which leads to it, may be written by others (mode 0777): {RULE}"


def test_the_configuration_is_looked_at_like_rules(daemon: Daemon) -> None:
    config = daemon.folder / "hwbridge.toml"
    os.chown(config, NOBODY, 0)

    done = run(daemon)

    assert (done.code, done.error) == (78, f"{config}:1: belongs to uid {NOBODY}: {RULE}")


def test_who_checks_or_replays_files_may_have_them_of_anybody(daemon: Daemon) -> None:
    os.chown(daemon.folder / "tasks", NOBODY, 0)
    (daemon.folder / "rules" / "rules.toml").chmod(0o666)
    files = daemon.options[:4]
    (daemon.folder / "empty.jsonl").write_text('{"hwbridge-recording": 1}\n')

    assert hwbridge("check", *files).code == 0
    assert hwbridge("replay", daemon.folder / "empty.jsonl", *files) == Done(code=0, out="", err="")


def test_a_reload_with_files_of_others_changes_nothing_until_they_are_roots_again(daemon: Daemon) -> None:
    lamp = daemon.folder / "tasks" / "lamp.toml"
    with daemon:
        daemon.task("lamp", "say off", triggers=(GUID,))
        os.chown(lamp, NOBODY, 0)
        daemon.reload()
        assert daemon.status()["reload_errors"] == [f"{lamp}:1: belongs to uid {NOBODY}: {RULE}"]
        daemon.raise_trigger()
        daemon.wait_for_words("on")
        daemon.wait_until_idle()

        os.chown(lamp, 0, 0)
        daemon.reload()
        assert daemon.status()["reload_errors"] == []
        daemon.raise_trigger()
        daemon.wait_for_words("on", "off")


def test_a_daemon_of_a_user_trusts_roots_files_and_its_own_and_nobody_elses(daemon: Daemon) -> None:
    lamp = daemon.folder / "tasks" / "lamp.toml"
    trusted = f"what a daemon of uid {NOBODY} reads belongs to that user or to root, and not everybody may write it"
    os.chown(lamp, NOBODY + 1, NOBODY)

    done = run(daemon, user=User())
    assert (done.code, done.error) == (78, f"{lamp}:1: belongs to uid {NOBODY + 1}: {trusted}")

    os.chown(lamp, NOBODY, NOBODY)
    done = run(daemon, "--socket", daemon.folder / "nowhere" / "socket", user=User())
    assert done.code == 1
    assert done.error.endswith("nowhere does not exist"), "the files are believed: it comes to the socket"


def test_a_daemon_that_is_not_root_refuses_tasks_of_other_users_by_name(daemon: Daemon) -> None:
    daemon.task("fan", "say on", user="root")
    daemon.task("door", "say on", user="no-such-user")
    daemon.task("own", "say on", user=pwd.getpwuid(NOBODY).pw_name)

    done = run(daemon, user=User())

    assert (done.code, done.out) == (78, "")
    tasks = daemon.folder / "tasks"
    may_not = "only a daemon that is root can run a task as another user"
    assert done.err.splitlines() == [
        f"{tasks}/door.toml:5: [task \"door\"] user: user 'no-such-user' is not known on this machine",
        f"{tasks}/fan.toml:5: [task \"fan\"] user: user 'root': {may_not}",
    ]


def test_a_state_directory_that_others_may_write_is_refused(daemon: Daemon) -> None:
    state = daemon.folder / "state"
    state.mkdir()
    state.chmod(0o777)

    done = run(daemon)

    kept = "what a daemon of uid 0 keeps is that user's alone to write"
    said = f"hwbridge: {state}: the state directory: may be written by others (mode 0777): {kept}"
    assert (done.code, done.error) == (1, said)
    assert not daemon.socket.exists()


def test_where_nothing_is_kept_the_state_directory_is_not_looked_at(daemon: Daemon, public: Path) -> None:
    (public / "state").mkdir()
    (public / "state").chmod(0o777)
    daemon.settings('[store]\ndurability = "memory"\n')

    with daemon:
        assert daemon.status()["store"]["durability"] == "memory"


def test_a_socket_is_not_made_where_others_could_put_another_in_its_place(daemon: Daemon, public: Path) -> None:
    (public / "open").mkdir()
    (public / "open").chmod(0o777)

    done = run(daemon, "--socket", public / "open" / "socket")

    assert done.code == 1
    assert done.error.startswith(f"hwbridge: {public}/open: the socket's directory: may be written by others")
    assert list((public / "open").iterdir()) == []


def test_one_state_directory_by_two_names_is_of_one_daemon(daemon: Daemon, public: Path) -> None:
    (public / "same").symlink_to("state")
    with daemon:
        done = run(daemon, "--state", public / "same", "--socket", public / "other")

        assert (done.code, done.error) == (1, f"hwbridge: {public}/same: another daemon uses this state directory")
        assert not (public / "other").exists()
