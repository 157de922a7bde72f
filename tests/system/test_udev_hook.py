"""The shipped udev rules, run by udevd's own engine: every event raises what its rules say, and nothing of the past."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fake_udevd import RUN, write_down
from namespace import in_namespace

SHIPPED = Path(__file__).parents[2] / "rules" / "60-hwbridge.rules"
OWN = """\
KERNEL=="null", TAG+="hwbridge"
KERNEL=="null", ACTION=="add", ENV{HWBRIDGE_TRIGGER}+="{came}"
KERNEL=="null", ACTION!="change", ENV{HWBRIDGE_TRIGGER}+="{came-or-went}"
"""
pytestmark = pytest.mark.skipif(shutil.which("udevadm") is None, reason="udevadm (udev) is not installed")


def tried(action: str) -> str:
    """What `udevadm test` says of the event `action` of /dev/null."""
    rules = RUN / "rules.d"
    rules.mkdir(exist_ok=True)
    shutil.copy(SHIPPED, rules)
    (rules / "61-own.rules").write_text(OWN)
    write_down("c1:3", tags=["hwbridge"], HWBRIDGE_TRIGGER="{came}", ID_TEST="1")
    command = ["udevadm", "test", f"--action={action}", "/sys/class/mem/null"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def triggers(said: str) -> str | None:
    found = re.search(r"^\s*(?:E: )?HWBRIDGE_TRIGGER=(.*)$", said, re.MULTILINE)
    return found and found[1]


@in_namespace
def test_each_event_raises_what_its_own_rules_say() -> None:
    assert triggers(tried("add")) == "{came} {came-or-went}"
    assert triggers(tried("remove")) == "{came-or-went}"
    assert triggers(tried("change")) is None


@in_namespace
def test_udevd_finds_no_fault_in_the_shipped_rules() -> None:
    verified = subprocess.run(["udevadm", "verify", str(SHIPPED)], capture_output=True, text=True, check=False)
    if "Unknown command verb" in verified.stderr:  # came with udev 254; before it, reading rules is the lint
        said = tried("add")
        assert "60-hwbridge.rules" in said
        assert [line for line in said.splitlines() if "60-hwbridge.rules:" in line] == []
    else:
        assert verified.returncode == 0, verified.stdout + verified.stderr
