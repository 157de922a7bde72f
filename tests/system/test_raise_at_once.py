"""A plain `hwbridge raise` is done at once, and is the same as what all verbs go through: one table, told to both.

What the daemon is sent is compared as JSON; what people and scripts see, byte by byte.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, GUID, ROOT, Argument, Done, environment_of, python

RAISED = b'{"parameters":{"outcome":"Raised","subscribers":2}}\0'
NO_SUBSCRIBERS = b'{"parameters":{"outcome":"NoSubscribers","subscribers":0}}\0'
REFUSED = b'{"error":"org.hwbridge.NotAllowed","parameters":{"trigger":"door"}}\0'
AT_ONCE = "import sys; from bridge.cli import main; sys.exit(main())"
WHOLE = "import sys; from bridge.cli.command import command; sys.exit(command(sys.argv[1:]))"
HEAVY = {"argparse", "json", "re", "socket", "enum", "typing", "dataclasses", "functools", "collections", "importlib"}
PLAIN: list[list[Argument]] = [
    ["door"],
    [GUID],
    [GUID.lower()],
    [GUID[1:-1]],
    [f"urn:uuid:{GUID[1:-1]}"],
    [""],
    ["door", "--key", "disk 1"],
    ["--key=", "door"],
    ["--key=a", "door", "--key", "b"],
    ["door", "--data", "a=b", "--data=c=d=e", "--data", "empty="],
    ["door", "--data", 'text="\\ \t\n\x01\x1b'],
    ["door", "--data", "text=\N{GRINNING FACE} é ' \x85 \u2028 \x7f"],
    ["do=or"],
    ["door", "--data=-n=-1", "--key=-"],
    ["a b", "--key", "c d"],
]
NOT_PLAIN: list[list[Argument]] = [
    [],
    ["door", "window"],
    ["door", "--data", "who"],
    ["door", "--data", "a=1", "--data", "a=2"],
    ["door", "--data"],
    ["door", "--key", "-k"],
    ["door", "--user", "--system"],
    ["door", "--dat", "a=b"],
    ["door", "--wiat"],
    ["door", "-x"],
    ["door", "--socket", ""],
    ["--", "door"],
    ["-"],
    [GUID[:-1]],
    [GUID.replace("9118718B", "9118718X")],
    ["{00000000-0000-0000-0000-000000000000}"],
    ["urn:uuid:door"],
    ["{"],
    [b"\xff"],
    ["door", "--data", b"a=\xff"],
    ["door", *(f"--data=a{number}={'x' * 100_000}" for number in range(3))],
    ["--help"],
]


class Asked:
    """What stands for a daemon: takes one call, and answers these bytes."""

    def __init__(self, folder: Path, answer: bytes) -> None:
        self.path = folder / "socket"
        self.path.unlink(missing_ok=True)
        self.calls: list[dict[str, object]] = []
        self._answer = answer
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "Asked":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                peer = self._listening.accept()[0]
            except OSError:  # it is over
                return
            with peer:
                received = b""
                while not received.endswith(b"\0") and (data := peer.recv(65536)):
                    received += data
                self.calls += [json.loads(each) for each in received.split(b"\0") if each]
                if received:
                    peer.sendall(self._answer)


def said(program: str, *arguments: Argument, stdout: int = subprocess.PIPE, **environment: str) -> Done:
    return python("-c", program, "raise", *arguments, environment=environment, stdout=stdout)


def both(folder: Path, answer: bytes, *arguments: Argument, **environment: str) -> tuple[Done, list[dict[str, object]]]:
    """What both ways say, and what they send, which is the same."""
    told = []
    for program in (AT_ONCE, WHOLE):
        with Asked(folder, answer) as asked:
            done = said(program, *arguments, HWBRIDGE_SOCKET=str(asked.path), COLUMNS="80", **environment)
        told.append((done, asked.calls))
    assert told[0] == told[1]
    return told[0]


@pytest.mark.parametrize("arguments", PLAIN, ids=lambda given: ascii(given)[:40])
def test_what_is_plain_is_sent_alike(arguments: list[Argument], tmp_path: Path) -> None:
    done, calls = both(tmp_path, RAISED, *arguments)

    assert (done.code, done.out, done.err) == (0, "Raised 2\n", "")
    assert [call["method"] for call in calls] == ["org.hwbridge.Raise"]


@pytest.mark.parametrize("arguments", NOT_PLAIN, ids=lambda given: ascii(given)[:40])
def test_what_is_not_plain_means_the_same(arguments: list[Argument], tmp_path: Path) -> None:
    done, _ = both(tmp_path, RAISED, *arguments)

    assert done.out or done.err


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (NO_SUBSCRIBERS, 4),
        (REFUSED, 77),
        (b'{"error":"org.hwbridge.UnknownTrigger","parameters":{"trigger":"door"}}\0', 2),
        (b'{"error":"org.hwbridge.InvalidDetails","parameters":{"field":"a","reason":"why"}}\0', 2),
        (b'{"error":"org.hwbridge.Busy","parameters":{"trigger":"door"}}\0', 1),
        (b'{"error":"org.hwbridge.StoreFull","parameters":{"reason":"why"}}\0', 1),
        (b'{"error":"org.example.Else"}\0', 1),
        (b'{"parameters":{"subscribers":2,"outcome":"Raised"}}\0', 0),
        (b'{"parameters":{"outcome":"Raised","subscribers":2,"outcomes":null}}\0', 0),
        (b'{"parameters":{"outcome":"Raised","subscribers":"x"}}\0', 1),
        (b'{"parameters":{"outcome":"Raised","subscribers":}}\0', 1),
        (b'{"parameters":{}}\0', 1),
        (b"SSH-2.0\r\n\0", 1),
        (b'{"parameters":{"outcome":', 3),
        (b"", 3),
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_whatever_is_answered_means_the_same(answer: bytes, code: int, tmp_path: Path) -> None:
    done, calls = both(tmp_path, answer, "door")

    assert done.code == code
    assert len(calls) == 1


@pytest.mark.parametrize("given", [("--socket", "nobody"), ("--user",), ("--system",), ()], ids=" ".join)
def test_without_a_daemon_both_say_where_they_looked(given: tuple[str, ...], tmp_path: Path) -> None:
    if not given and Path("/run/hwbridge/hwbridge.sock").exists():
        pytest.skip("the system's own daemon is there")
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    at_once, whole = (said(program, "door", *given, **environment) for program in (AT_ONCE, WHOLE))

    assert at_once == whole
    assert at_once.code == 3
    assert "to start " in at_once.error


@pytest.mark.parametrize("user_has", ["a daemon", "a dead socket", "nothing"])
def test_the_users_daemon_comes_first_and_a_dead_socket_hides_nobody(user_has: str, tmp_path: Path) -> None:
    users = tmp_path / "hwbridge"
    users.mkdir()
    if user_has == "a dead socket":
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(users / "hwbridge.sock"))
    for program in (AT_ONCE, WHOLE):
        with Asked(tmp_path, RAISED) as systems, users_daemon(users, user_has == "a daemon") as calls:
            code = f"import bridge.model.sockets as places; places.SYSTEM_SOCKET = {str(systems.path)!r}; {program}"
            assert said(code, "door", XDG_RUNTIME_DIR=str(tmp_path)).code == 0
            assert (len(calls), len(systems.calls)) == ((1, 0) if user_has == "a daemon" else (0, 1))


@contextmanager
def users_daemon(folder: Path, is_there: bool) -> Iterator[list[dict[str, object]]]:
    if not is_there:
        yield []
        return
    with Asked(folder, RAISED) as asked:
        asked.path.rename(folder / "hwbridge.sock")
        yield asked.calls


@pytest.mark.parametrize("program", [AT_ONCE, WHOLE], ids=["at once", "whole"])
def test_a_closed_stdout_is_no_error_and_a_full_one_is(program: str, tmp_path: Path) -> None:
    with Asked(tmp_path, RAISED) as asked, open("/dev/full", "wb") as full:
        arguments = ("door", "--socket", asked.path)
        reader, writer = os.pipe()
        os.close(reader)
        unread = said(program, *arguments, stdout=writer)
        os.close(writer)
        beyond = said(program, *arguments, stdout=full.fileno())
        closed = said(f"import os, sys; os.close(1); sys.stdout = None; {program}", *arguments)

    assert (unread.code, unread.err) == (0, "")
    assert (beyond.code, beyond.error) == (1, "hwbridge: cannot print: No space left on device")
    assert (closed.code, closed.err) == (0, "")


def test_nothing_that_takes_time_to_load_is_loaded(tmp_path: Path) -> None:
    report = "; print(code, sorted(sys.modules), file=sys.stderr)"
    program = f"import sys; before = {{*sys.modules}}; from bridge.cli import main; code = main(){report}"
    with Asked(tmp_path, RAISED) as asked:
        done = said(program, "door", "--data", "a=b", "--socket", asked.path)

    loaded = {*json.loads(done.err.partition(" ")[2].replace("'", '"'))}
    without = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    more = loaded - {*without.stdout.split()}
    assert done.err.startswith("0 ")
    assert not HEAVY & more
    assert {each for each in more if each.startswith("bridge")} == {
        *("bridge", "bridge.cli", "bridge.cli.raise_at_once", "bridge.model", "bridge.model.sockets")
    }


@pytest.mark.parametrize(("answer", "code"), [(RAISED, 0), (NO_SUBSCRIBERS, 4), (REFUSED, 77)])
def test_the_command_as_it_is_installed_says_the_same(answer: bytes, code: int, tmp_path: Path) -> None:
    with Asked(tmp_path, answer) as asked:
        installed = subprocess.run(
            [sys.executable, ROOT / "packaging/hwbridge", "raise", "door"],
            env=environment_of({"HWBRIDGE_SOCKET": str(asked.path), "PYTHONPATH": str(ROOT)}),
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        done = said(AT_ONCE, "door", HWBRIDGE_SOCKET=str(asked.path))

    assert installed.returncode == code
    assert (installed.stdout, installed.stderr) == (done.out, done.err)
