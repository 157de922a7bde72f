"""Tasks that do not run, each for another reason, and all that a daemon says of them. Nothing is started here."""

import os
import pwd
import re
from collections.abc import Mapping, Sequence
from typing import Any

from daemon import GUID, Daemon
from registering import ON_REQUEST

LID, SECRET, NET = (f"{{00000000-0000-4000-8000-00000000000{digit}}}" for digit in (1, 2, 3))
RULES = f"""
[triggers]
jack = "{GUID}"

[[condition]]
name = "plugged"
source = "evdev"
match = {{ code = "SW_HEADPHONE_INSERT", value = 1 }}

[[condition]]
name = "docked"
source = "evdev"
match = {{ code = "SW_DOCK", value = 1 }}

[[rule]]
name = "jack-in"
source = "evdev"
match = {{ code = "SW_HEADPHONE_INSERT", value = 1 }}
raise = "jack"

[[rule]]
name = "lid"
source = "evdev"
match = {{ code = "SW_LID", value = 1 }}
raise = "{LID}"

[[rule]]
name = "net"
source = "udev"
match = {{ subsystem = "net", action = "add", ID_BUS = "no-such" }}
raise = "{NET}"
"""
OURSELVES = pwd.getpwuid(os.geteuid()).pw_name
Reasons = Sequence[tuple[str, str | None, str]]
JACK = [{"custom": GUID}]
NEVER = "; no run of it is in the history"
COMES = f"; one that comes may{NEVER}"
ANY_TIME = re.compile(r"\b(since|in|ended) [0-9.]+(?:us|ms|[smhd])\b")
SITUATIONS: Mapping[str, tuple[Mapping[str, Any], Reasons]] = {
    "a rule may raise it": (
        {"triggers": JACK},
        [("ready", None, f'nothing is in its way: rule "jack-in" raises "jack"{NEVER}')],
    ),
    "it is requested": (
        {"triggers": ON_REQUEST},
        [("ready", None, f"nothing is in its way: it runs when it is requested{NEVER}")],
    ),
    "time goes by": (
        {"triggers": [{"time": "15m"}]},
        [("ready", None, f"nothing is in its way: TimeTrigger goes off in TIME{NEVER}")],
    ),
    "no rule raises it": (
        {"triggers": [{"custom": SECRET}]},
        [
            (
                "trigger",
                SECRET,
                f"no rule raises it: only callers of the API (hwbridge raise) and udev rules that name it do{NEVER}",
            )
        ],
    ),
    "no device could": (
        {"triggers": [{"custom": LID}]},
        [
            (
                "device",
                "evdev",
                "no device that is there passes { code = 'SW_LID' }, as rule \"lid\" wants" + COMES,
            )
        ],
    ),
    "no device of udev could": (
        {"triggers": [{"custom": NET}]},
        [
            (
                "device",
                "udev",
                "no device that is there passes { subsystem = 'net', ID_BUS = 'no-such' }, as rule \"net\" wants"
                + COMES,
            )
        ],
    ),
    "a condition does not hold, another is not known": (
        {"triggers": JACK, "conditions": ["plugged", "docked"]},
        [
            ("condition", "plugged", "condition 'plugged' does not hold (since TIME)"),
            (
                "condition",
                "docked",
                "condition 'docked' is not known: no device that is there passes { code = 'SW_DOCK' }",
            ),
        ],
    ),
    "no program": (
        {"triggers": JACK, "run": {"exec": ["/nonexistent/lamp"]}},
        [("handler", "/nonexistent/lamp", "its runs fail: /nonexistent/lamp: not found")],
    ),
    "no program in PATH": (
        {"triggers": JACK, "run": {"exec": ["lamp"], "env": {"PATH": "/nonexistent:/dev"}}},
        [("handler", "lamp", "its runs fail: lamp: not found in /nonexistent:/dev")],
    ),
    "no directory, no interpreter": (
        {"triggers": JACK, "run": {"exec": ["/dev/null"], "cwd": "/nonexistent"}},
        [
            ("handler", "/dev/null", "its runs fail: cwd /nonexistent: No such file or directory"),
            ("handler", "/dev/null", f"its runs fail: /dev/null: {OURSELVES} may not execute it"),
        ],
    ),
    "a program whose name comes with the details": (
        {"triggers": JACK, "run": {"exec": ["{program}"]}},
        [("ready", None, f'nothing is in its way: rule "jack-in" raises "jack"{NEVER}')],
    ),
    "no interpreter of a Python handler": (
        {"triggers": JACK, "run": {"python": "lamp:On", "interpreter": "/nonexistent/python"}},
        [("handler", "/nonexistent/python", "its runs fail: /nonexistent/python: not found")],
    ),
    "everything at once": (
        {"triggers": [{"custom": SECRET}], "conditions": ["docked"], "run": {"exec": ["/nonexistent/lamp"]}},
        [
            ("handler", "/nonexistent/lamp", "its runs fail: /nonexistent/lamp: not found"),
            (
                "condition",
                "docked",
                "condition 'docked' is not known: no device that is there passes { code = 'SW_DOCK' }",
            ),
            (
                "trigger",
                SECRET,
                f"no rule raises it: only callers of the API (hwbridge raise) and udev rules that name it do{NEVER}",
            ),
        ],
    ),
}


def explained(daemon: Daemon, name: str) -> Reasons:
    """What is said of a task; lengths of time are TIME."""
    reasons = daemon.call("Explain", name=name)["reasons"]
    return [(why["what"], why["subject"], ANY_TIME.sub(r"\1 TIME", why["message"])) for why in reasons]
