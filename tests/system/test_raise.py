"""`hwbridge raise`, and who may: every spelling, every exit code, details that come through as they were given."""

import grp
import json
import os
import pwd
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, GUID, NOBODY, Argument, Daemon, Done, User, hwbridge, needs_root

FOR_NOBODY = "{00000000-0000-0000-0000-00000000000A}"
FOR_A_GROUP = "{00000000-0000-0000-0000-00000000000B}"
GROUP = next(group for group in grp.getgrall() if group.gr_gid not in (0, NOBODY))
USER = next((user.pw_name for user in pwd.getpwall() if user.pw_uid == NOBODY), "nobody")


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon that runs as long as this file's tests do, in a folder that other users may look into."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        daemon = Daemon(Path(folder))
        daemon.rules(f"""
[triggers]
door = "{GUID}"
"door of nobody" = {{ guid = "{FOR_NOBODY}", allow = ["user:{USER}", "user:no-such-user"] }}
"door of a group" = {{ guid = "{FOR_A_GROUP}", allow = ["group:{GROUP.gr_name}", "group:no-such-group"] }}
""")
        triggers = ("door", "door of nobody", "door of a group")
        daemon.task("tell", "cat >> told; say told", triggers=triggers, concurrency="queue")
        with daemon:
            yield daemon


def raise_(daemon: Daemon, *arguments: Argument, user: User | None = None) -> Done:
    return hwbridge("raise", *arguments, "--socket", daemon.socket, user=user)


def told(daemon: Daemon) -> list[dict[str, object]]:
    """What handlers were told up to now, oldest first."""
    path = daemon.folder / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def last_told(daemon: Daemon, after: int) -> dict[str, object]:
    """What the handler was told that ran after so many others."""
    daemon.wait_until(lambda: len(daemon.said()) > after, "the handler has run")
    return told(daemon)[after]


@pytest.mark.parametrize(
    "trigger",
    [
        GUID,
        GUID.lower(),
        GUID.strip("{}"),
        GUID.strip("{}").lower(),
        f"urn:uuid:{GUID.strip('{}').lower()}",
        f"URN:UUID:{GUID.strip('{}')}",
        "door",
    ],
)
def test_a_trigger_is_raised_by_every_spelling_of_its_guid_and_by_its_name(daemon: Daemon, trigger: str) -> None:
    before = len(daemon.said())

    done = raise_(daemon, trigger)

    assert (done.code, done.out, done.err) == (0, "Raised 1\n", "")
    assert last_told(daemon, before)["trigger"] == GUID


@pytest.mark.parametrize(
    "trigger",
    [
        "{00000000-0000-0000-0000-000000000000}",
        f"{{{GUID}}}",
        GUID[:-1],
        f" {GUID}",
        f"{GUID}\n",
        GUID.replace("-", ""),
        "Door",
        "",
        "d\x1b[31moor",
        "\N{FULLWIDTH DIGIT NINE}" + GUID[2:],
        "x" * 100_000,
    ],
    ids=lambda trigger: ascii(trigger[:40]),
)
def test_what_is_neither_guid_nor_name_is_refused_with_the_text_that_was_given(daemon: Daemon, trigger: str) -> None:
    done = raise_(daemon, trigger)

    assert done.code == 2
    assert repr(trigger)[:8000] in done.error
    assert len(done.error) < 9000


def test_a_trigger_without_tasks_has_no_subscribers(daemon: Daemon) -> None:
    done = raise_(daemon, "{00000000-0000-0000-0000-000000000001}")

    assert (done.code, done.out, done.err) == (4, "NoSubscribers\n", "")


def test_details_and_key_come_through_as_they_were_given(daemon: Daemon) -> None:
    before = len(daemon.said())
    values = {
        "empty": "",
        "lines": "a\nb\r\n",
        "text": "=x=\x1b[31m\t\"'",
        "_4bytes": "\N{GRINNING FACE}",
        "A": "-" * 30_000,
    }

    done = raise_(daemon, "door", "--key", "disk\n1", *(f"--data={name}={value}" for name, value in values.items()))

    assert done.code == 0
    run = last_told(daemon, before)
    assert (run["details"], run["key"]) == (values, "disk\n1")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--data", "who"), "--data 'who' is not NAME=VALUE"),
        (("--data", "a=1", "--data", "a=2"), "--data 'a' is given twice"),
        (("--data", "1=b"), "detail '1': a name is a letter or _ and then letters, digits and _"),
        (("--data", "=b"), "detail '': a name is a letter or _ and then letters, digits and _"),
        (("--data", "a\nb=1"), r"detail 'a\nb': "),
        (("--data", "\N{LATIN SMALL LETTER E WITH ACUTE}=1"), ": a name is a letter"),
        (("--data", f"a={'x' * 40_000}"), "detail 'a': beyond the 32768 bytes that all details may have"),
        ([f"--data=a{number}=" for number in range(65)], "detail 'a64': one more than the 64 allowed"),
        (("--key", "k" * 4097), "detail 'key': a key has at most 4096 characters, this one has 4097"),
        (("--data", b"a=\xff"), r"argument --data: 'a=\udcff' is not UTF-8"),
        (("--key", b"\xff"), r"argument --key: '\udcff' is not UTF-8"),
        (("--wiat",), "unrecognized arguments: --wiat; did you mean --wait?"),
        (("a\x1b[31m\nb",), r"unrecognized arguments: a\x1b[31m\nb"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_cannot_be_raised_is_a_usage_error(daemon: Daemon, arguments: tuple[Argument, ...], error: str) -> None:
    done = raise_(daemon, "door", *arguments)

    assert done.code == 2
    assert error in done.error


def test_a_call_over_256_kib_is_not_sent(daemon: Daemon) -> None:
    done = raise_(daemon, "door", *(f"--data=a{number}={'x' * 100_000}" for number in range(3)))

    assert done.code == 1
    assert "a call has at most 262144 bytes, this one has 3" in done.error


def test_a_trigger_that_is_no_text_is_a_usage_error(daemon: Daemon) -> None:
    assert raise_(daemon, b"\xff").code == 2


def test_without_a_daemon_nobody_answers(daemon: Daemon) -> None:
    for path in (daemon.folder / "none", daemon.folder / "said", daemon.folder, b"/\xff", "x" * 200, "\x1b[31m"):
        done = hwbridge("raise", GUID, "--socket", path)

        assert done.code == 3
        assert ": no daemon answers: " in done.error
        assert "\x1b" not in done.error


@pytest.mark.parametrize("verb", [("raise", GUID), ("status",), ("status", "--json")], ids=" ".join)
@pytest.mark.parametrize(
    ("answer", "code"),
    [(b"", 3), (b"{", 3), (b"SSH-2.0\r\n\0", 1), (b"{}\0", 1), (b'{"parameters": {"status": {"pid": "1"}}}\0', 1)],
)
def test_whatever_answers_instead_of_a_daemon_is_named(
    tmp_path: Path, verb: tuple[str, ...], answer: bytes, code: int
) -> None:
    def answer_one() -> None:
        with listening.accept()[0] as peer:
            peer.recv(65536)
            peer.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.settimeout(DEADLINE_SECONDS)
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        thread = threading.Thread(target=answer_one)
        thread.start()
        done = hwbridge(*verb, "--socket", tmp_path / "s")
        thread.join()

    assert done.code == code
    assert done.error.startswith(f"hwbridge: {tmp_path}/s: ")


@needs_root
def test_another_user_may_raise_what_allow_lets_it_and_nothing_else(daemon: Daemon) -> None:
    before = len(daemon.said())

    assert raise_(daemon, "door of nobody", user=User()).out == "Raised 1\n"
    assert last_told(daemon, before)["trigger"] == FOR_NOBODY
    for trigger in ("door", "door of a group", "{00000000-0000-0000-0000-000000000001}"):
        done = raise_(daemon, trigger, user=User())
        assert done.code == 77
        assert done.error.startswith(f"hwbridge: you may not raise or wait for the trigger {trigger}: ")


@needs_root
@pytest.mark.parametrize(
    "user", [User(uid=12345, groups=(GROUP.gr_gid,)), User(uid=12345, gid=GROUP.gr_gid)], ids=["supplementary", "own"]
)
def test_a_member_of_a_group_may_raise_what_allow_lets_the_group(daemon: Daemon, user: User) -> None:
    before = len(daemon.said())

    assert raise_(daemon, "door of a group", user=user).code == 0
    assert last_told(daemon, before)["trigger"] == FOR_A_GROUP
    assert raise_(daemon, "door of nobody", user=user).code == 77


@needs_root
def test_whom_allow_lets_may_wait_for_runs_of_others_and_is_told_less_of_them(daemon: Daemon) -> None:
    done = raise_(daemon, "door of nobody", "--wait", user=User())

    assert (done.code, done.out) == (0, "Raised 1\ncompleted tell succeeded\n")


@needs_root
def test_another_user_without_a_way_to_the_socket_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o700)

    done = hwbridge("raise", GUID, "--socket", tmp_path / "private/socket", user=User())

    assert done.code == 3
    assert "Permission denied" in done.error
