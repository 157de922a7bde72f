"""The daemon on a network of a test's own: tasks that wait for it, under the limits of the system's unit too."""

import ctypes
import os
import signal
import socket
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import Daemon, hwbridge
from made_network import FAR, GATEWAY, GUID, NEAR, connect, everything, ip, listening, network_monitor, plug_cable
from namespace import in_namespace
from recorder_process import recording

from bridge.monitors.network_settings import probe_address

CHANGED = "{2B0C7E61-93D4-4F1A-8E57-6A1D0F9B3C82}"
_RULES = f"""
[[rule]]
name = "cable"
source = "network"
match = {{ interface = "{NEAR}", kind = "link", value = 0 }}
edge = true
raise = "{GUID}"
"""
_NR_SOCKET = {"x86_64": 41, "aarch64": 198}
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_EAFNOSUPPORT = 97


@contextmanager
def daemon_in(configuration: str = "", **environment: str) -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder), environment=environment)
        daemon.settings(configuration)
        yield daemon


def system_task(daemon: Daemon, trigger: str, says: str, **keys: object) -> None:
    daemon.task(trigger, f"say {says}", **keys)
    path = daemon.folder / "tasks" / f"{trigger}.toml"
    text = path.read_text().replace(f'{{ custom = "{GUID}" }}', f'{{ system = "{trigger}", one_shot = false }}')
    path.write_text(text)


@in_namespace
def test_a_task_waits_for_the_internet_and_runs_when_it_is_there() -> None:
    plug_cable()
    with daemon_in() as daemon:
        daemon.task("waits", "say online", conditions=["InternetAvailable"])
        with daemon:
            daemon.raise_trigger()
            daemon.raise_trigger()
            daemon.wait_until(lambda: daemon.status()["waiting"] == 1, "the task waits")
            assert daemon.said() == []
            connect()
            daemon.wait_for_words("online")
            daemon.wait_until_idle()

            assert daemon.said() == ["online"]


@in_namespace
def test_system_triggers_of_the_network_run_tasks() -> None:
    plug_cable()
    with daemon_in() as daemon:
        system_task(daemon, "InternetAvailable", "internet")
        system_task(daemon, "NetworkStateChange", "change $HWBRIDGE_DETAIL_KIND", concurrency="queue")
        with daemon:
            connect()
            daemon.wait_for_words("internet", "change route")
            ip(f"link set {FAR} down")
            daemon.wait_for_words("change link")
            ip(f"link set {FAR} up")
            daemon.wait_for_words("internet", "internet")


_OFFLINE = f"""
[[rule]]
name = "offline"
source = "system"
match = {{ name = "InternetNotAvailable", value = 1 }}
raise = "{GUID}"

[[rule]]
name = "change"
source = "system"
match = {{ name = "NetworkStateChange" }}
while = ["InternetNotAvailable"]
raise = "{CHANGED}"
"""


@in_namespace
def test_rules_guards_and_tasks_hear_of_the_opposite_of_a_level_live_and_in_a_replay() -> None:
    plug_cable()
    connect()
    with daemon_in() as daemon:
        daemon.rules(_OFFLINE)
        daemon.task("waits", "say waited", conditions=["InternetNotAvailable"])
        system_task(daemon, "InternetAvailable", "online")
        with daemon, recording(daemon.folder / "recording.jsonl", "--source", "system") as recorder:
            recorder.wait_for("InternetNotAvailable")
            for step, value in enumerate((1, 0, 1)):
                ip(f"route {'del default' if value else f'add default via {GATEWAY}'}")
                recorder.wait_for('"live", "name": "InternetNotAvailable"', step + 1)
                daemon.wait_for_words(*("waited", "online", "waited")[: step + 1])
            daemon.wait_until_idle()
            raised = daemon.status()["raised"]
            recorder.end(signal.SIGTERM)
        folders = ("--rules", daemon.folder / "rules", "--tasks", daemon.folder / "tasks")
        replayed = hwbridge("replay", daemon.folder / "recording.jsonl", *folders)
        lines = [line.split()[-1] for line in replayed.out.splitlines() if " raised " in line]

        assert len(lines) == raised
        assert lines == ["offline", "change", "change", "InternetAvailable", "offline", "change"]


@in_namespace
def test_a_metered_network_is_no_free_one() -> None:
    plug_cable()
    with daemon_in(f'[network]\nmetered = ["{NEAR}"]\n') as daemon:
        daemon.task("costs", "say online", conditions=["InternetAvailable"])
        daemon.task("free", "say free", conditions=["FreeNetworkAvailable"])
        with daemon:
            daemon.raise_trigger()
            connect()
            daemon.wait_for_words("online")
            daemon.wait_until(lambda: daemon.status()["waiting"] == 1, "the other waits")
            ip("link add free type veth peer name free1", "link set free1 up", "link set free up")
            ip("route del default", "address add 198.51.100.7/24 dev free", "route add default via 198.51.100.1")
            daemon.wait_for_words("free")


@in_namespace
def test_a_rule_hears_of_a_cable_that_is_pulled() -> None:
    plug_cable()
    with daemon_in() as daemon:
        daemon.rules(_RULES)
        daemon.task("pulled", "say pulled $HWBRIDGE_DETAIL_INTERFACE")
        with daemon:
            ip(f"link set {FAR} down")
            daemon.wait_for_words(f"pulled {NEAR}")
            monitors = {each["source"]: each for each in daemon.status()["monitors"]}

            assert monitors["network"]["devices"] == [NEAR, FAR]


@pytest.mark.skipif(os.uname().machine not in _NR_SOCKET, reason="this machine's number of socket(2) is not known here")
@in_namespace
def test_a_service_without_internet_sockets_knows_all_but_what_a_probe_would_say() -> None:
    plug_cable()
    connect()
    _forbid_internet_sockets()
    with pytest.raises(OSError, match="not supported"):
        socket.socket(socket.AF_INET)
    with listening(network_monitor(probe=probe_address("http://check.example/")), everything("network")) as it:
        it.until_told(kind="internet", value=1)
        assert {event.fields["kind"] for event in it.told} == {"link", "address", "route", "resolver", "internet"}
        assert it.monitor.report().refused[0].startswith("probe http://check.example/: not permitted")

        ip(f"link set {FAR} down")
        it.until_told(kind="internet", value=0)


def _forbid_internet_sockets() -> None:
    """What RestrictAddressFamilies=AF_UNIX AF_NETLINK does, for the rest of this process: seccomp(2)."""
    number, family = 0, 16  # where seccomp_data has the number of the call, and its first argument
    refuse = [_JUMP_IF_EQUAL] * 2
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (_LOAD, 0, 0, number),
            (refuse[0], 0, 4, _NR_SOCKET[os.uname().machine]),
            (_LOAD, 0, 0, family),
            (refuse[1], 1, 0, socket.AF_INET),
            (refuse[1], 0, 1, socket.AF_INET6),
            (_RETURN, 0, 0, _ERROR | _EAFNOSUPPORT),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    kept = ctypes.create_string_buffer(program, len(program))
    filtered = struct.pack("HP", len(program) // 8, ctypes.addressof(kept))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, filtered, 0, 0) == 0, ctypes.get_errno()
