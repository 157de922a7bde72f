"""Watchers of the real daemon that read slowly, or never: they lose what is counted for them, and nobody else does."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon import GUID, Daemon
from watches import Watch


def newest(daemon: Daemon) -> int:
    (entry,) = daemon.call("History", limit=1)["entries"]
    return int(entry["seq"])


def raise_many(daemon: Daemon, count: int) -> None:
    """So many raises, with details of 30 KB, as fast as they are answered."""
    details = {"long": "x" * 30_000}
    call = json.dumps({"method": "org.hwbridge.Raise", "parameters": {"trigger": GUID, "details": details}}) + "\0"
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(daemon.socket))
        for _ in range(count):
            caller.sendall(call.encode())
            assert caller.recv(4096).endswith(b"\0")


def test_who_never_reads_holds_up_nobody_and_fills_no_memory(daemon: Daemon) -> None:
    daemon.never_knows("docked")
    daemon.task("lamp", "true", conditions=["docked"])
    with daemon:
        raise_many(daemon, 20)
        before = _memory(daemon)
        slow = [Watch(daemon.socket).begun(daemon.socket) for _ in range(40)]
        resumed = [Watch(daemon.socket, since=0).begun(daemon.socket) for _ in range(40)]
        with Watch(daemon.socket) as fast:
            fast.begun(daemon.socket)
            for _ in range(10):
                raise_many(daemon, 60)
                fast.entries(120)
        grown = _memory(daemon) - before
        gaps = [next(one["gap"]["lost"] for one in watch if "gap" in one) for watch in slow]
        kept = [[entry["seq"] for entry in watch.entries(1240)] for watch in resumed[::10]]
        for watch in (*slow, *resumed):
            watch.socket.close()

    assert min(gaps) > 100
    assert kept == [list(range(1, 1241))] * 4
    assert grown < 60_000, f"{grown} KiB"


def _gap_or_number(told: Mapping[str, Any]) -> Any:
    return told["gap"] if "gap" in told else told["entry"]["seq"]


def _memory(daemon: Daemon) -> int:
    """KiB of the daemon's own."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def test_a_slow_reader_is_told_exactly_how_many_are_lost(daemon: Daemon) -> None:
    daemon.never_knows("docked")
    daemon.task("lamp", "true", conditions=["docked"])
    with daemon, Watch(daemon.socket) as slow:
        slow.begun(daemon.socket)
        raise_many(daemon, 600)
        last = newest(daemon)
        told = [_gap_or_number(slow.next())]
        while told[-1] != last:
            told.append(_gap_or_number(slow.next()))
        (gap,) = [one for one in told if isinstance(one, dict)]
        place = told.index(gap)

        assert last == 1200
        assert told[:place] == list(range(1, place + 1))
        assert told[place + 1 :] == list(range(place + 1 + gap["lost"], last + 1))
        with Watch(daemon.socket, since=last - 500) as again:
            assert again.next()["entry"]["seq"] == last - 499
