"""Where there is no system bus, or none that answers: what monitors are told, and that nothing stays open."""

import socket
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from made_bus import Listener, open_now

from bridge.monitors.bus import Bus, why_no_bus
from bridge.monitors.bus_words import Call, Disconnected, Failed

LOGIND = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
MANAGER = f"{LOGIND}.Manager"


def test_a_call_without_a_connection_fails_at_once(tmp_path: Path) -> None:
    with closing(Bus(f"unix:path={tmp_path}/none")) as bus:
        heard = Listener(bus)
        heard.until(lambda told: any(isinstance(each, Disconnected) for each in told))

        number = bus.call(Call(LOGIND, PATH, MANAGER, "ListSessions"))

        heard.until(lambda told: any(isinstance(each, Failed) and each.number == number for each in told))


def test_an_address_that_is_none_is_told_and_not_raised() -> None:
    with closing(Bus("nonsense")) as bus:
        told = Listener(bus).until(bool)

    assert isinstance(told[0], Disconnected)
    assert told[0].why.startswith("nonsense: ")


def test_a_bus_that_never_answers_is_closed_at_once(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/bus")
        listening.listen()
        before, threads = open_now(), threading.active_count()

        Bus(f"unix:path={folder}/bus").close()

        assert open_now() == before
        assert threading.active_count() == threads


def test_without_dbus_fast_there_is_no_bus_and_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dbus_fast", None)

    assert why_no_bus() == "dbus-fast is not installed: `pip install 'hwbridge[dbus]'` brings it"


def test_without_a_socket_there_is_no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none,guid=0")

    assert why_no_bus() == f"no D-Bus runs here: there is no {tmp_path}/none"


def test_a_dbus_fast_that_cannot_be_loaded_is_told_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bridge.monitors.bus_talk", raising=False)
    monkeypatch.setitem(sys.modules, "dbus_fast.aio", None)

    with closing(Bus("unix:path=/nowhere/bus")) as bus:
        (told,) = Listener(bus).until(bool)

    assert isinstance(told, Disconnected)
    assert told.why.startswith("dbus-fast cannot be used: ")
