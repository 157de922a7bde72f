"""The system's unit in a systemd that runs: what starts it, what it tells, what its handlers may, how it ends."""

import json
from collections.abc import Mapping

import pytest
from booted import Step, boot
from daemon import GUID, ROOT

ANOTHER = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AC}"
THIRD = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AD}"
PACKAGING = ROOT / "packaging"
TASKS = f"""
[[task]]
name = "holds"
triggers = [{{ custom = "{GUID}" }}]
run = {{ exec = ["/bin/sh", "-c", "(sleep 1001 &); (env -i setsid sleep 1002 &); sleep 1003"] }}
user = "nobody"

[[task]]
name = "looks"
triggers = [{{ custom = "{ANOTHER}" }}]
run = {{ exec = ["/bin/sh", "/etc/hwbridge/look"] }}

[[task]]
name = "python"
triggers = [{{ custom = "{THIRD}" }}]
run = {{ python = "handlers:Handler", path = ["/etc/hwbridge", "/opt/site"] }}
user = "nobody"
"""
HANDLER = """
import getpass
class Handler:
    def run(self, instance):
        print("ran as", getpass.getuser())
"""
LOOK = """
say() { echo "$1=$2"; }
can() { if "$@" 2>/dev/null >&2; then echo yes; else echo no; fi; }
say user $(id -un)
say usr $(can touch /usr/bin/x)
say etc $(can touch /etc/x)
say srv $(can touch /srv/x)
say tmp $(can touch /tmp/x)
say home $(can ls /home/alice)
say null $(can sh -c 'echo >/dev/null')
say others $(can test -d /proc/1)
say unix $(can hwbridge status)
say internet $(can env PYTHONHOME=/opt/python /opt/python/bin/python3 -c 'import socket; socket.socket(socket.AF_INET)')
say namespaces $(can unshare --mount true)
say priority $(can sh -c 'test "$(nice -n -5 nice)" = -5')
say capabilities $(grep CapBnd /proc/self/status | cut -f 2)
exit 3
"""
SCRIPT = f"""
mkdir /home/alice
step before systemctl is-active hwbridge.service
step first hwbridge status
step active systemctl is-active hwbridge.service
step shows systemctl show hwbridge.service -p StatusText -p WatchdogUSec
step raise hwbridge raise '{GUID}'
until pgrep -fx 'sleep 1002' >/dev/null; do :; done
until grep -q ^0::/system.slice/hwbridge.service/ "/proc/$(pgrep -fx 'sleep 1002')/cgroup"; do :; done
step group cat /proc/$(pgrep -fx 'sleep 1002')/cgroup
step owner stat -c %U /proc/$(pgrep -fx 'sleep 1003')
step looks hwbridge raise --wait '{ANOTHER}'
step python hwbridge raise --wait '{THIRD}'
step ran hwbridge history --json
step looked hwbridge history --json
step reload systemctl reload hwbridge.service
echo 'bad = 1' >/etc/hwbridge/rules/bad.toml
step refused systemctl reload hwbridge.service
step still systemctl show hwbridge.service -p StatusText -p ActiveState
journalctl --sync
step journal journalctl -o json HWBRIDGE_TASK=looks
step stop systemctl stop hwbridge.service
step left pgrep -fx 'sleep 100[123]'
step files ls /run/hwbridge
step wrong systemctl start hwbridge.service
step tries systemctl show hwbridge.service -p NRestarts -p ExecMainStatus
rm /etc/hwbridge/rules/bad.toml /etc/hwbridge/tasks/tasks.toml
mkdir /run/units/hwbridge.service.d
cp /etc/hwbridge/handlers.conf /etc/hwbridge/short.conf /run/units/hwbridge.service.d
cp /etc/hwbridge/later /etc/hwbridge/tasks/later.toml
systemctl daemon-reload
systemctl reset-failed hwbridge.service
step again hwbridge status
step relaxed hwbridge raise --wait '{ANOTHER}'
step relooked hwbridge history --json
step raise-slow hwbridge raise '{GUID}'
until pgrep -fx 'sleep 1004' >/dev/null; do :; done
step patient systemctl stop hwbridge.service
step waited cat /srv/waited
cp /etc/hwbridge/watched.conf /run/units/hwbridge.service.d
systemctl daemon-reload
step watched hwbridge status
kill -STOP $(systemctl show hwbridge.service -p MainPID --value)
until [ "$(systemctl show hwbridge.service -p NRestarts --value)" != 0 ]; do :; done
step restarted hwbridge status
step end true
"""
LATER = f"""
[[task]]
name = "looks"
triggers = [{{ custom = "{ANOTHER}" }}]
run = {{ exec = ["/bin/sh", "/etc/hwbridge/look"] }}

[[task]]
name = "slow"
triggers = [{{ custom = "{GUID}" }}]
run = {{ exec = ["/bin/sh", "/etc/hwbridge/slow"] }}
cancel_grace = "1m"
"""
SLOW = """
trap 'sleep 5; echo yes >/srv/waited; exit 0' TERM
sleep 1004 &
wait
"""
SHORT = """
[Service]
TimeoutStopSec=3s
"""
WATCHED = """
[Service]
WatchdogSec=2s
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    units = {name: (PACKAGING / name).read_text() for name in ("hwbridge.service", "hwbridge.socket")}
    etc = {
        "hwbridge/rules/none.toml": "",
        "hwbridge/tasks/tasks.toml": TASKS,
        "hwbridge/look": LOOK,
        "hwbridge/handlers.py": HANDLER,
        "hwbridge/slow": SLOW,
        "hwbridge/later": LATER,
        "hwbridge/short.conf": SHORT,
        "hwbridge/watched.conf": WATCHED,
        "hwbridge/handlers.conf": (PACKAGING / "handlers.conf").read_text(),
    }
    return boot(tmp_path_factory.mktemp("booted"), units, etc, SCRIPT)


def printed(task: str, history: Step) -> list[str]:
    """The lines that the last run of the task printed."""
    rows = map(json.loads, history.said.splitlines())
    return [row["output"] for row in rows if row["what"] == "completed" and row["task"] == task][-1].splitlines()


def saw(history: Step) -> dict[str, str]:
    """What the last run of `looks` saw."""
    return dict(line.split("=", 1) for line in printed("looks", history))


def test_the_first_call_starts_the_daemon_and_is_answered(steps: Mapping[str, Step]) -> None:
    assert steps["before"].said == "inactive\n"
    assert steps["first"].code == 0, steps["first"].said
    assert "0 rules, 3 tasks" in steps["first"].said
    assert steps["active"].said == "active\n"


def test_systemd_is_told_how_the_daemon_fares(steps: Mapping[str, Step]) -> None:
    assert set(steps["shows"].said.split("\n")) >= {"StatusText=0 rules, 3 tasks", "WatchdogUSec=3min"}


def test_a_run_is_its_users_and_in_a_control_group_below_the_units(steps: Mapping[str, Step]) -> None:
    assert steps["owner"].said == "nobody\n"
    assert "\n0::/system.slice/hwbridge.service/hwbridge-" in f"\n{steps['group'].said}"


def test_everything_that_a_run_of_another_user_started_ends_with_the_daemon(steps: Mapping[str, Step]) -> None:
    assert steps["stop"] == Step(said="", code=0) or "can still be activated" in steps["stop"].said
    assert steps["left"] == Step(said="", code=1)


def test_a_python_handler_runs_in_a_worker_of_its_user(steps: Mapping[str, Step]) -> None:
    assert steps["python"].code == 0, steps["python"].said
    assert printed("python", steps["ran"]) == ["ran as nobody"]


def test_a_reload_succeeds_or_says_what_is_wrong_and_changes_nothing(steps: Mapping[str, Step]) -> None:
    assert steps["reload"] == Step(said="", code=0)
    assert steps["refused"].code == 1
    still = "StatusText=0 rules, 3 tasks, from before: the files hold errors now"
    assert set(steps["still"].said.split("\n")) >= {still, "ActiveState=active"}


def test_the_journal_finds_lines_by_task(steps: Mapping[str, Step]) -> None:
    activated, completed = (json.loads(line) for line in steps["journal"].said.splitlines())

    assert activated["MESSAGE"].startswith("activated looks ")
    assert activated["HWBRIDGE_TRIGGER"] == ANOTHER
    assert activated["PRIORITY"] == "6"
    assert completed["HWBRIDGE_INSTANCE_ID"] == activated["HWBRIDGE_INSTANCE_ID"]
    assert completed["HWBRIDGE_REASON"] == "exit 3"
    assert completed["PRIORITY"] == "4"
    assert completed["SYSLOG_IDENTIFIER"] == "hwbridge"


def test_the_socket_stays_when_the_daemon_stops(steps: Mapping[str, Step]) -> None:
    assert "hwbridge.sock" in steps["files"].said.split()
    assert steps["again"].code == 0


def test_wrong_files_stop_a_start_once(steps: Mapping[str, Step]) -> None:
    assert steps["wrong"].code == 1
    assert set(steps["tries"].said.split()) == {"NRestarts=0", "ExecMainStatus=78"}


def test_a_daemon_that_hangs_is_replaced(steps: Mapping[str, Step]) -> None:
    assert steps["restarted"].code == 0, steps["restarted"].said
    assert "udev: " in steps["restarted"].said


ALWAYS = {"user": "root", "usr": "no", "etc": "no", "srv": "yes", "tmp": "yes", "null": "yes", "others": "yes"}
ALWAYS |= {"unix": "yes", "namespaces": "no", "priority": "no"}


def test_handlers_find_what_the_unit_leaves_them(steps: Mapping[str, Step]) -> None:
    seen = saw(steps["looked"])

    setuid_setgid_kill = 1 << 5 | 1 << 6 | 1 << 7  # capabilities(7)
    assert int(seen.pop("capabilities"), 16) == setuid_setgid_kill
    assert seen == {**ALWAYS, "home": "no", "internet": "no"}


def test_with_the_drop_in_handlers_find_more(steps: Mapping[str, Step]) -> None:
    seen = saw(steps["relooked"])

    assert seen.items() >= {**ALWAYS, "home": "yes", "internet": "yes"}.items()


def test_a_stop_waits_for_a_run_that_has_longer_than_systemd_would_wait(steps: Mapping[str, Step]) -> None:
    assert steps["patient"].code == 0
    assert steps["waited"].said == "yes\n"
