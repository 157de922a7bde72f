"""What `status` and `explain` say of ports, interfaces and parts of the machine, for people."""

from pathlib import Path

import pytest
from daemon import GUID, Daemon, hwbridge

RULES = f"""
[[serial]]
name = "scanner"
port = "/nonexistent/scanner"

[[rule]]
name = "scanned"
source = "serial"
match = {{ port = "scanner", line = true }}
raise = "{GUID}"

[[rule]]
name = "modem"
source = "network"
match = {{ interface = "wwan7", kind = "link", value = 1 }}
raise = "{{00000000-0000-4000-8000-000000000002}}"

[[rule]]
name = "printer"
source = "device"
match = {{ vendor = "ffff", product = "ffff", state = "arrived" }}
raise = "{{00000000-0000-4000-8000-000000000003}}"
"""


@pytest.fixture
def watching(daemon: Daemon) -> Daemon:
    daemon.rules(RULES)
    daemon.task("scan", "true")
    daemon.task("call", "true", triggers=("{00000000-0000-4000-8000-000000000002}",))
    daemon.task("print", "true", triggers=("{00000000-0000-4000-8000-000000000003}",))
    daemon.task("zone", "true", conditions=["BackgroundWorkCostNotHigh"])
    return daemon


def test_what_is_not_there_is_what_keeps_a_rule_silent(watching: Daemon) -> None:
    tests = {
        "scan": ("serial", "{ port = 'scanner' }", "scanned"),
        "call": ("network", "{ interface = 'wwan7', kind = 'link' }", "modem"),
        "print": ("device", "{ vendor = 'ffff' in any case, product = 'ffff' in any case }", "printer"),
    }
    with watching:
        said = {task: hwbridge("explain", task, "--socket", watching.socket).out for task in tests}

    for task, (source, asked, rule) in tests.items():
        message = f'no device that is there passes {asked}, as rule "{rule}" wants; one that comes may'
        assert f"device  {source}" in said[task]
        assert message in said[task]


def test_people_see_what_each_monitor_has_open(watching: Daemon, tmp_path: Path) -> None:
    with watching:
        lines = hwbridge("status", "--socket", watching.socket).out.splitlines()

    assert "serial: scanner (not there)" in lines
    assert any(line.startswith("system.power: ") for line in lines)
    assert any(line.startswith("network: ") for line in lines)
    assert any(line.startswith("device: ") for line in lines)
