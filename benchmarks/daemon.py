"""A real daemon to be measured from outside: started, waited for, ended. Nothing is measured here."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]


@contextmanager
def daemon(tasks: Path = ROOT / "docs/examples/lamp") -> Iterator[subprocess.Popen[str]]:
    """`hwbridge run` with the shipped rules and an example task, or other tasks, ready."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bridge", "run", "--socket", f"{folder}/socket", "--state", f"{folder}/state"]
        command += ["--rules", str(ROOT / "rules"), "--tasks", str(tasks)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("hwbridge: ready"):
                    break
            try:
                yield process
            finally:
                process.terminate()


def socket_of(process: subprocess.Popen[str]) -> str:
    """Where such a daemon is reached."""
    assert isinstance(process.args, list)
    return str(process.args[process.args.index("--socket") + 1])
