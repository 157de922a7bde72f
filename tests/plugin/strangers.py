"""A stranger's project, and its test run with pytest as it is installed, where no option of our own run counts."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent / "desk"
_HEADING = re.compile(r"^_{3,} (?:ERROR at setup of )?(\S+) _{3,}$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """A test run: its exit code, what it printed, and for each test its outcome."""

    code: int
    printed: str
    outcomes: dict[str, str]

    def report(self, test: str) -> str:
        """What is shown of a test that failed."""
        _, *pieces = _HEADING.split(self.printed.partition("= short test summary info =")[0])
        return dict(zip(pieces[::2], pieces[1::2], strict=True))[test]


@dataclass(frozen=True, slots=True)
class Desk:
    """A copy of the stranger's project."""

    folder: Path

    def run_pytest(self, *arguments: str) -> Run:
        """Runs pytest there."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-vv", *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**environment, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        outcomes = dict(re.findall(r"^\S+::(\w+) ([A-Z]+)", done.stdout, re.MULTILINE))
        return Run(done.returncode, done.stdout + done.stderr, outcomes)


def copied(folder: Path) -> Desk:
    """A copy of the project, below this folder."""
    return Desk(shutil.copytree(PROJECT, folder / "desk", ignore=shutil.ignore_patterns("__pycache__")))
