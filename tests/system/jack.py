"""A headphone jack that is plugged and pulled: rules, tasks and a recording of it. No test of its own."""

from pathlib import Path

CONNECTED = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
DISCONNECTED = "{5B0E3C1D-7C26-4C39-8F0E-2D0C1F6A9E57}"
_RULE = """
[[rule]]
name = "{name}"
source = "evdev"
match = {{ code = "SW_HEADPHONE_INSERT", value = {value} }}
raise = "{guid}"
details = {{ jack = "headphone", name = "{{name}}" }}
key = "{{device}} {{code}}"
edge = true
"""
_TASK = """
[[task]]
name = "{name}"
triggers = [{{ custom = "{guid}" }}]
run = {{ exec = ["/usr/bin/true"] }}
"""
_EVENT = """\
{{"at": {at}, "source": "evdev", "origin": "{origin}", "device": "/dev/input/event5", "name": "HDA Headphone", \
"type": "EV_SW", "code": "SW_HEADPHONE_INSERT", "value": {value}}}
"""
RULES = _RULE.format(name="plugged", value=1, guid=CONNECTED) + _RULE.format(name="pulled", value=0, guid=DISCONNECTED)
TASKS = _TASK.format(name="lamp-on", guid=CONNECTED) + _TASK.format(name="lamp-off", guid=DISCONNECTED)
RECORDING = '{"hwbridge-recording": 1}\n' + "".join(
    _EVENT.format(at=at, origin=origin, value=value)
    for at, origin, value in ((0, "start", 0), (0.804, "live", 1), (2.213, "live", 0))
)
TRANSCRIPT = f"""\
0.804000 raised {CONNECTED} plugged
0.804000 activated lamp-on 1
0.804000 completed lamp-on 1 succeeded
2.213000 raised {DISCONNECTED} pulled
2.213000 activated lamp-off 2
2.213000 completed lamp-off 2 succeeded
"""
"""What `hwbridge replay` says of it."""


def write(folder: Path) -> Path:
    """Writes rules.toml, tasks.toml and jack.jsonl; returns the path of the recording."""
    (folder / "rules.toml").write_text(RULES)
    (folder / "tasks.toml").write_text(TASKS)
    (folder / "jack.jsonl").write_text(RECORDING)
    return folder / "jack.jsonl"
