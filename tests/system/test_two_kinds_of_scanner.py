"""One rules file for a scanner that is a serial port and for one that is a keyboard: rules cannot tell them apart."""

import json
import os
import pty
import select
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from made_inputs import NODE, MadeMachine

from bridge.mapping.asking import interest_of
from bridge.mapping.load.rules import load_rules
from bridge.model.codes import code_number
from bridge.model.events import DeviceGone, Event
from bridge.monitors.evdev import EvdevMonitor
from bridge.monitors.monitor import Monitor, TimedMonitor
from bridge.monitors.serial import open_monitor as open_serial
from bridge.service.clock import monotonic
from bridge.testing.replay import Replay
from bridge.testing.transcript import json_of
from bridge.toml.document import parse

RULES = """
[[{kind}]]
{scanner}

[[rule]]
name = "goods-scanned"
source = "serial"
match = {{ port = "scanner", line = {{ regex = "^(?P<number>[0-9]{{13}})$" }} }}
raise = "{{0C4E1B52-6F9D-4B7A-8E21-93D5A7F0B648}}"
details = {{ number = "{{number}}" }}

[[rule]]
name = "lot-scanned"
source = "serial"
match = {{ port = "scanner", line = "lot*" }}
raise = "{{A87D3E60-2B14-4C9F-B5D8-6E01F7C2943A}}"
details = {{ lot = "{{line}}" }}

[[rule]]
name = "scanner-ready"
source = "serial"
match = {{ port = "scanner", state = "opened" }}
raise = "{{5D90B7C4-1E6A-4F83-9A27-C8B30E5D6F12}}"
details = {{}}
start_state = "always"

[[rule]]
name = "scanner-lost"
source = "serial"
match = {{ port = "scanner", state = "lost" }}
raise = "{{E2168F9B-7C35-4D0E-8B94-0FA6D5C3712E}}"
details = {{}}
"""
SERIAL = 'name = "scanner"\nport = "{link}"'
INPUT = 'match = { name = "Scanner" }\ntext = { port = "scanner" }'
TYPED = "0123456789abcdefghijklmnopqrstuvwxyz"
KEYS = {character: (1, code_number(1, f"KEY_{character.upper()}")) for character in TYPED}
ENTER = (1, 28)
SECONDS = 30


Scanner = tuple[str, Monitor, Callable[[str], None], Callable[[], None]]
"""The rules, the monitor of such a scanner, and what scans a line and what pulls it out."""


@contextmanager
def serial_port(folder: Path) -> Iterator[Scanner]:
    device, port = pty.openpty()
    link = folder / "scanner"
    link.symlink_to(os.ttyname(port))
    os.close(port)

    def scan(line: str) -> None:
        os.write(device, f"{line}\r".encode())

    def unplug() -> None:
        link.unlink()
        os.close(device)

    with closing(open_serial(clock=monotonic, settings={})) as monitor:
        rules = RULES.format(kind="serial", scanner=SERIAL.format(link=link))
        yield rules, monitor, scan, unplug


@contextmanager
def keyboard(folder: Path) -> Iterator[Scanner]:
    machine = MadeMachine(folder)
    devpath = machine.plug(3, "Scanner", [*KEYS.values(), ENTER])

    def scan(line: str) -> None:
        for code in (*(KEYS[character] for character in line), ENTER):
            for value in (1, 0):
                machine.nodes[NODE].send(code, value, at=monotonic())

    with closing(EvdevMonitor(clock=monotonic, machine=machine)) as monitor:
        yield RULES.format(kind="input", scanner=INPUT), monitor, scan, lambda: machine.unplug(devpath)


def hear(monitor: Monitor, told: list[Event | DeviceGone], wanted: str) -> None:
    """Hears until an event has this as its line or state."""
    deadline = time.monotonic() + SECONDS
    while not any(isinstance(each, Event) and wanted in each.fields.values() for each in told):
        left = deadline - time.monotonic()
        assert left > 0, f"waited for {wanted}; told was {told}"
        at = monitor.deadline() if isinstance(monitor, TimedMonitor) else None
        waits = left if at is None else min(left, max(0, at - monotonic()) / 1_000_000)
        select.select([monitor.fileno()], [], [], waits)
        told += monitor.read()


@pytest.mark.parametrize(("kind", "source"), [(serial_port, "serial"), (keyboard, "evdev")])
def test_the_rules_of_one_kind_raise_the_same_for_the_other(
    kind: Callable[[Path], AbstractContextManager[Scanner]], source: str, tmp_path: Path
) -> None:
    with kind(tmp_path) as (rules, monitor, scan, unplug):
        table, problems = load_rules([parse("scanner.toml", rules.encode())])
        assert not problems
        told = [*monitor.watch(interest_of(source, table))]
        hear(monitor, told, "opened")
        for line in ("4006381333931", "lot7b", "12"):
            scan(line)
            hear(monitor, told, line)
        unplug()
        hear(monitor, told, "lost")
    shown = [json_of(outcome) for outcome in Replay(table).events(told)]
    raised = [json.loads(line) for line in shown if line is not None]

    assert [(each["rule"], each["key"], each["details"]) for each in raised] == [
        ("scanner-ready", "scanner", {}),
        ("goods-scanned", "scanner", {"number": "4006381333931"}),
        ("lot-scanned", "scanner", {"lot": "lot7b"}),
        ("scanner-lost", "scanner", {}),
    ]
