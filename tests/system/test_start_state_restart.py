"""`start_state` over restarts of the real daemon: the jack that was in before it started, told by a recording."""

from pathlib import Path

import pytest
from daemon import GUID, Daemon

PLUGGED = """\
{"hwbridge-recording": 1}
{"at": 0, "source": "evdev", "origin": "start", "device": "event5", "code": "SW_HEADPHONE_INSERT", "value": 1}
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    (tmp_path / "plugged.jsonl").write_text(PLUGGED)
    daemon = Daemon(tmp_path, "--play", tmp_path / "plugged.jsonl")
    daemon.task("jack", "say run")
    return daemon


def use(daemon: Daemon, start_state: str) -> None:
    daemon.rules(
        f'[[rule]]\nname = "in"\nsource = "evdev"\nmatch = {{ code = "SW_HEADPHONE_INSERT", value = 1 }}\n'
        f'raise = "{GUID}"\nstart_state = "{start_state}"\n'
    )


def runs_of_one_start(daemon: Daemon) -> int:
    """How often the task runs for what is found at one start; what is found is there before `ready` is said."""
    before = len(daemon.said())
    with daemon:
        daemon.wait_until_idle()
    return len(daemon.said()) - before


def is_over(daemon: Daemon) -> bool:
    """Whether the history, which is what is on disk, has the end of a run."""
    return any(entry["what"] == "completed" for entry in daemon.call("History")["entries"])


@pytest.mark.parametrize(
    ("start_state", "runs"), [("ignore", [0, 0]), ("always", [1, 1]), ("boot", [1, 0]), ("if-changed", [1, 0])]
)
def test_state_found_at_a_restart_raises_as_the_rule_says(daemon: Daemon, start_state: str, runs: list[int]) -> None:
    use(daemon, start_state)

    assert [runs_of_one_start(daemon), runs_of_one_start(daemon)] == runs


@pytest.mark.parametrize("start_state", ["boot", "if-changed"])
def test_what_was_found_is_known_after_a_crash(daemon: Daemon, start_state: str) -> None:
    use(daemon, start_state)
    with daemon:
        daemon.wait_until(lambda: is_over(daemon), "that the run is over is on disk")
        daemon.kill()

    assert runs_of_one_start(daemon) == 0


def test_a_second_daemon_may_not_use_the_same_state(daemon: Daemon, tmp_path: Path) -> None:
    use(daemon, "boot")
    (tmp_path / "second").mkdir()
    second = Daemon(tmp_path / "second", "--state", tmp_path / "state", "--play", tmp_path / "plugged.jsonl")
    use(second, "boot")
    with daemon, pytest.raises(AssertionError, match="another daemon uses this state directory"), second:
        pass
