"""`python -m tests.lab.record_fixtures NAME...`: records devices of hw_fixtures anew, in the lab's guest.

It writes a fixture's recording and what is expected of it; its README, and whether that is right, are for a person.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from tests.lab.guest import PROJECT, GuestError, LabMissingError, run_in_guest, scenarios_command

SCENARIOS: Mapping[str, str] = MappingProxyType(
    {
        "usb-serial": "serial_adapter_recorded",
        "audio-jack": "jack_recorded",
        "usb-headset": "headset_recorded",
        "keyboard-media-keys": "keyboard_recorded",
        "hid-scanner": "scanner_recorded",
        "usb-composite": "composite_recorded",
        "serial-scanner": "serial_scanner_recorded",
    }
)
"""The scenario in the guest that records each fixture."""
SHIPPED = PROJECT / "rules"
FIXTURES = PROJECT / "hw_fixtures"
GUEST_SECONDS = 300
"""For one scenario, the boot included."""


def replayed(fixture: str, recording: Path, *options: str) -> str:
    """What `hwbridge replay` prints of a recording of the fixture, with its own rules or the shipped, and no task."""
    own = FIXTURES / fixture / "rules.toml"
    rules = own if own.exists() else SHIPPED
    with TemporaryDirectory() as no_tasks:
        arguments = [recording, f"--rules={rules}", f"--tasks={no_tasks}", *options]
        command = [sys.executable, "-m", "bridge", "replay", *map(str, arguments)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    return done.stdout


def record(fixture: str) -> None:
    """Records the fixture, in a guest of its own: nothing that another device left behind is in the recording.

    Raises `GuestError`, with nothing written, where the guest or its scenario fails.
    """
    scenario = SCENARIOS[fixture]
    guest = run_in_guest(scenarios_command([scenario]), timeout_seconds=GUEST_SECONDS)
    if not guest.stdout:
        raise GuestError(f"no word of {scenario}: {guest.console}")
    result = json.loads(guest.stdout)
    if result["failure"] is not None:
        raise GuestError(f"{result['failure']}\nwhat it logged:\n{result['log']}")
    folder = FIXTURES / fixture
    folder.mkdir(exist_ok=True)
    recording = folder / "recording.jsonl"
    lines = result["seen"]["recording"].splitlines()
    recording.write_text("".join(f"{line.rstrip()}\n" for line in lines))  # filled up to whole pages, for a KILL
    (folder / "recording.expected").write_text(replayed(fixture, recording))


def main() -> int:
    """Records the fixtures named on the command line, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.record_fixtures", description="Record fixtures anew.")
    parser.add_argument("fixtures", metavar="NAME", nargs="+", choices=SCENARIOS, help=", ".join(SCENARIOS))
    for fixture in parser.parse_args().fixtures:
        try:
            record(fixture)
        except (GuestError, LabMissingError) as error:
            sys.stderr.write(f"{fixture}: {error}\n")
            return 1
        sys.stdout.write(f"hw_fixtures/{fixture}: recorded; git diff shows what changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
