"""The system's unit beside a real logind: it reaches the bus, hears of sessions, and may put sleep off."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from booted import SYSTEMD, Step, boot
from daemon import ROOT

SETTLED = """
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
"""
RULES = """
[triggers]
"somebody.logged-in" = "{A1A3B5D4-52B7-4C56-8E0B-61B0B8F4C6D2}"
"somebody.logged-out" = "{A1A3B5D4-52B7-4C56-8E0B-61B0B8F4C6D3}"

[[rule]]
name = "log-in"
source = "system"
match = { name = "SessionConnected", value = 1 }
raise = "somebody.logged-in"

[[rule]]
name = "log-out"
source = "system"
match = { name = "SessionConnected", value = 0 }
raise = "somebody.logged-out"

[[rule]]
name = "sleep"
source = "system"
match = { name = "Suspend" }
raise = "{0E6F4D0C-3E77-4B8B-8A53-6B9F0E1D2C3A}"
"""
TASKS = """
[[task]]
name = "greet"
triggers = [{ custom = "somebody.logged-in" }]
run = { exec = ["/bin/sh", "-c", "echo {user} >>/srv/greeted"] }

[[task]]
name = "wave"
triggers = [{ custom = "somebody.logged-out" }]
run = { exec = ["/bin/sh", "-c", "echo {user} >>/srv/waved"] }

[[task]]
name = "away"
triggers = [{ system = "UserAway" }]
run = { exec = ["/bin/sh", "-c", "echo away >>/srv/away"] }
"""
LOG_IN = """
import os, select, subprocess, sys
from bridge.monitors.bus import Bus
from bridge.monitors.bus_words import Answered, Call, Failed

LOGIND, PATH = "org.freedesktop.login1", "/org/freedesktop/login1"

def ask(bus, call):
    number = bus.call(call)
    while True:
        select.select([bus], [], [])
        for told in bus.read():
            if isinstance(told, Answered | Failed) and told.number == number:
                print(told, flush=True)
                return told

bus = Bus()
select.select([bus], [], [])
bus.read()
texts = ("test", "wayland", "user", "", "")
arguments = (0, os.getpid(), *texts, 0, "", "", False, "", "", [])
session = ask(bus, Call(LOGIND, PATH, f"{LOGIND}.Manager", "CreateSession", "uusssssussbssa(sv)", arguments))
with open("/srv/session", "w") as file:
    file.write(session.values[1])
subprocess.Popen(["/usr/bin/sleep", "1005"])  # keeps the session, as its scope is not empty
for line in sys.stdin:
    ask(bus, Call(LOGIND, session.values[1], f"{LOGIND}.Session", "SetLockedHint", "b", (line == "lock\\n",)))
"""
SCRIPT = """
mkfifo /srv/hand
step before hwbridge status
(env PYTHONHOME=/opt/python PYTHONPATH=/opt/project:/opt/site /opt/python/bin/python3 /etc/hwbridge/log_in.py) \
    </srv/hand >/srv/log_in.log 2>&1 &
exec 3>/srv/hand
until [ -s /srv/greeted ] || ! kill -0 $!; do :; done
step greeted cat /srv/greeted
echo lock >&3
until [ -s /srv/away ] || ! kill -0 $!; do :; done
step away cat /srv/away
step inhibitors busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager ListInhibitors
exec 3>&-
wait
until [ -s /srv/waved ]; do :; done
step waved cat /srv/waved
step left busctl get-property org.freedesktop.login1 "$(cat /srv/session)" org.freedesktop.login1.Session State
step status hwbridge status
journalctl --sync
step log journalctl -o cat -u hwbridge.service
step logged cat /srv/log_in.log
pkill -fx 'sleep 1005'
step end true
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Step]:
    if SYSTEMD is None:
        pytest.skip("systemd is not installed: apt-get install systemd")
    folder = SYSTEMD.removesuffix("systemd") + "system"
    units = {name: (ROOT / "packaging" / name).read_text() for name in ("hwbridge.service", "hwbridge.socket")}
    for name in ("dbus.service", "dbus.socket", "systemd-logind.service"):
        if not Path(folder, name).exists():
            pytest.skip(f"there is no {name}: apt-get install dbus systemd")
        units[name] = Path(folder, name).read_text()
    units |= dict.fromkeys(("user@.service", "user-runtime-dir@.service"), SETTLED)
    etc = {
        "hwbridge/rules/rules.toml": RULES,
        "hwbridge/tasks/tasks.toml": TASKS,
        "hwbridge/log_in.py": LOG_IN,
    }
    return boot(tmp_path_factory.mktemp("booted"), units, etc, "systemctl start systemd-logind\n" + SCRIPT)


def test_the_daemon_is_told_who_logs_in(steps: Mapping[str, Step]) -> None:
    assert steps["greeted"].said == "root\n", steps["logged"].said
    assert "system.session: logind\n" in steps["status"].said


def test_who_locks_the_screen_is_away(steps: Mapping[str, Step]) -> None:
    assert steps["away"].said == "away\n", steps["logged"].said


def test_who_logged_out_and_left_something_running_is_gone_though_logind_keeps_the_session(
    steps: Mapping[str, Step],
) -> None:
    assert steps["waved"].said == "root\n"
    assert steps["left"].said == 's "closing"\n'


def test_the_daemon_may_put_sleep_off(steps: Mapping[str, Step]) -> None:
    assert '"sleep" "hwbridge" "Tasks are told of sleep before it" "delay"' in steps["inhibitors"].said


def test_nothing_is_logged_of_a_logind_that_is_there(steps: Mapping[str, Step]) -> None:
    assert "logind" not in steps["log"].said
