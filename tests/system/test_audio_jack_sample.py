"""The audio-jack sample does what Windows' does, with the real daemon, real processes and a recorded jack."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from daemon import DEADLINE_SECONDS, ROOT, Daemon, environment_of
from registering import shown

SAMPLE = ROOT / "docs/examples/audio_jack"
NAME = "fabrikam.audio-jack.connected Task"
RECORDING = ROOT / "hw_fixtures/audio-jack/recording.jsonl"
PRINTED = ["left channel of the headphone jack is on", "right channel of the headphone jack is on"]


class Sample:
    """The sample's programs, for this daemon, as their user starts them."""

    def __init__(self, daemon: Daemon) -> None:
        self._options = {"cwd": daemon.folder, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        variables = {"HWBRIDGE_SOCKET": str(daemon.socket), "XDG_STATE_HOME": str(daemon.folder / "state-home")}
        self._environment = environment_of(variables)

    def register(self) -> str:
        """What register.py prints."""
        done = subprocess.run(
            [sys.executable, str(SAMPLE / "register.py")],
            env=self._environment, timeout=DEADLINE_SECONDS, check=True, **self._options,
        )  # fmt: skip
        return str(done.stdout)

    @contextmanager
    def app(self) -> Iterator["subprocess.Popen[str]"]:
        """app.py, as long as it runs."""
        command = [sys.executable, str(SAMPLE / "app.py")]
        app = subprocess.Popen(command, env=self._environment, **self._options)
        try:
            yield app
        finally:
            app.kill()
            app.communicate()


@pytest.fixture
def sample(daemon: Daemon) -> Sample:
    shutil.copy2(ROOT / "rules/10-audio-jack.toml", daemon.folder / "rules")
    return Sample(daemon)


def printed_by(app: "subprocess.Popen[str]") -> list[str]:
    """All that it prints until it ends by itself."""
    printed, _ = app.communicate(timeout=DEADLINE_SECONDS)
    assert app.returncode == 0, printed
    return printed.splitlines()


def test_a_recorded_jack_runs_the_registered_class_and_the_application_is_told(daemon: Daemon, sample: Sample) -> None:
    with daemon:
        assert sample.register() == f"registered {NAME} {shown(daemon, NAME)['task_id']}\n"
    daemon.options += ("--play", RECORDING)
    with daemon, sample.app() as app:
        assert printed_by(app) == [f"{NAME} completed:", *PRINTED]
        assert shown(daemon, NAME)["triggers"][0]["spent"]


def test_the_application_is_told_of_a_run_that_was_over_before_it_started(daemon: Daemon, sample: Sample) -> None:
    with daemon:
        sample.register()
        assert daemon.raise_trigger("audio-jack.connected", details={"jack": "headphone"}) == "Raised"
        daemon.wait_until_idle()
        with sample.app() as app:
            assert printed_by(app) == [f"{NAME} completed:", *PRINTED]


def test_a_run_that_fails_reaches_the_handler_as_an_error(daemon: Daemon, sample: Sample) -> None:
    with daemon:
        sample.register()
        daemon.raise_trigger("audio-jack.connected")  # without the detail that the task reads
        daemon.wait_until_idle()
        with sample.app() as app:
            (printed,) = printed_by(app)

        assert printed.startswith("run ")
        assert printed.endswith(f"of task {NAME!r} failed: KeyError: 'jack'")


def test_the_sample_is_typed() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(SAMPLE / "app.py"), str(SAMPLE / "fabrikam/tasks.py")],
        cwd=ROOT, env={**os.environ, "MYPYPATH": str(SAMPLE)}, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout
