"""Hostile clients of the real daemon (hostile.py): whatever they do, others are served and its memory stays flat."""

import grp
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from calling import answers
from daemon import DEADLINE_SECONDS, GUID, NOBODY, Daemon, User, needs_root
from hostile import ATTACKS
from made_users import GROUP, among_made_users

from bridge.client.connection import Connection

OTHER = User(uid=60_002, gid=60_002)
MEMBER = 60_003
ROUNDS = 15
MOST_GROWTH = 120 * 2**20
"""128 connections, each with a message and a read of it, make 40 MiB; the rest is Python's own."""
MOST_LOG = 100_000


@contextmanager
def attack(name: str, daemon: Daemon, uid: int, gid: int) -> Iterator[None]:
    """The attack goes on while the block runs."""
    command = [
        sys.executable,
        str(Path(__file__).with_name("hostile.py")),
        name,
        str(daemon.socket),
        str(uid),
        str(gid),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as attacker:
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == b"attacking\n"
        try:
            yield
            assert attacker.poll() is None, "the attack has ended by itself"
        finally:
            attacker.kill()


def served(daemon: Daemon) -> None:
    """Others are answered, on a connection that they have and on new ones, and their triggers run tasks."""
    with Connection(str(daemon.socket), timeout_seconds=DEADLINE_SECONDS) as connection:
        for _ in range(ROUNDS):
            assert connection.call("org.hwbridge.Status", {})["status"]["pid"] == daemon.process.pid
            assert daemon.raise_trigger(GUID) == "Raised"
    daemon.wait_for_words("run")
    for answer in answers(daemon.socket, OTHER, [("Status", {})] * 10) if os.geteuid() == 0 else ():
        assert answer["parameters"]["status"]["pid"] == daemon.process.pid


def check(name: str, daemon: Daemon, uid: int, gid: int) -> None:
    """The others are served under the attack; after it the daemon has what it had before."""
    process = psutil.Process(daemon.process.pid)
    daemon.raise_trigger(GUID)
    daemon.wait_until_idle()
    memory, descriptors = process.memory_info().rss, process.num_fds()
    with attack(name, daemon, uid, gid):
        served(daemon)
        assert process.memory_info().rss - memory < MOST_GROWTH
    daemon.wait_until(lambda: process.num_fds() <= descriptors, "the connections of the attacker are closed")
    assert daemon.raise_trigger(GUID) == "Raised"
    assert len(daemon.log()) < MOST_LOG


def bench(folder: Path) -> Daemon:
    """A daemon that others may reach, not started."""
    folder.chmod(0o755)
    daemon = Daemon(folder)
    daemon.task("quick", "say run")
    return daemon


@needs_root
@pytest.mark.parametrize("name", ATTACKS)
def test_under_an_attack_of_nobody_others_are_served_and_memory_stays_flat(public: Path, name: str) -> None:
    with bench(public) as daemon:
        check(name, daemon, NOBODY, NOBODY)


@among_made_users
def test_under_an_attack_of_a_member_others_are_served_and_memory_stays_flat() -> None:
    group = grp.getgrnam(GROUP).gr_gid
    for name in ("unread_answers", "unread_streams", "heavy_messages", "hang_up"):
        with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as daemon:
            check(name, daemon, MEMBER, group)


@needs_root
def test_one_user_has_128_connections_at_most_and_others_still_get_theirs(public: Path) -> None:
    program = """
import os, socket, sys
os.setgroups([]); os.setresgid(*[int(sys.argv[2])] * 3); os.setresuid(*[int(sys.argv[2])] * 3)
peers = []
for _ in range(200):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(sys.argv[1])
    peer.send(b'{"method":"org.varlink.service.GetInfo"}\\0')
    peers.append(peer)
def is_served(peer):
    try:
        return peer.recv(1) != b""
    except ConnectionError:
        return False
print(sum(map(is_served, peers)), flush=True)
sys.stdin.read()
"""
    with (
        bench(public) as daemon,
        subprocess.Popen(
            [sys.executable, "-c", program, str(daemon.socket), str(NOBODY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as many,
    ):
        assert many.stdout is not None
        assert many.stdout.readline() == b"128\n"
        served(daemon)
