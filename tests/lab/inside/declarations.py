"""The rules files of the scenarios, and a udev rules file. Nothing here touches a device."""

from tests.lab.inside.jack import NAME as JACK
from tests.lab.inside.serial_gadget import SERIAL

CONNECTED = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
DISCONNECTED = "{1D3BB4C6-5F8A-4E02-9C7B-6E0F3A2D8B10}"
ARRIVED = "{5A0C2F64-7B1E-4C55-8D26-0C9E4F7A1B32}"
LEFT = "{C4E8A9D0-3F27-4B6B-A1D5-92B7E06C8F54}"

TRIGGERS = f"""
[triggers]
"jack.connected" = "{CONNECTED}"
"jack.disconnected" = "{DISCONNECTED}"
"jack.turned" = "{{27F1B3E8-06D4-4A9C-B8E3-5D41C7A9F076}}"
"port.arrived" = "{ARRIVED}"
"port.left" = "{LEFT}"
"""


def _jack_rule(raised: str, value: int, more: str = "") -> str:
    return f"""
[[rule]]
name = "{raised}"
source = "evdev"
match = {{ name = "{JACK}", code = "SW_HEADPHONE_INSERT", value = {value} }}
raise = "{raised}"
details = {{ jack = "headphone", dev = "{{name}}", value = "{{value}}" }}
{more}
"""


def _port_rule(raised: str, action: str) -> str:
    return f"""
[[rule]]
name = "{raised}"
source = "udev"
match = {{ subsystem = "tty", action = "{action}", ID_SERIAL_SHORT = "{SERIAL}" }}
raise = "{raised}"
details = {{ action = "{{action}}", node = "{{devnode}}", serial = "{{ID_SERIAL_SHORT}}", bus = "{{ID_BUS}}" }}
"""


def _hook_rule(action: str, guid: str) -> str:
    return (
        f'ACTION=="{action}", SUBSYSTEM=="tty", ENV{{ID_SERIAL_SHORT}}=="{SERIAL}", '
        f'TAG+="hwbridge", ENV{{HWBRIDGE_TRIGGER}}+="{guid}"\n'
    )


JACK_RULES = TRIGGERS + _jack_rule("jack.connected", 1) + _jack_rule("jack.disconnected", 0)
START_STATE_RULES = TRIGGERS + _jack_rule("jack.connected", 1, 'start_state = "always"')
EDGE_RULES = TRIGGERS + _jack_rule("jack.connected", 1, "edge = true")
PORT_RULES = TRIGGERS + _port_rule("port.arrived", "add") + _port_rule("port.left", "remove")

SWITCH_RULES = f"""{TRIGGERS}
[[rule]]
name = "jack.turned"
source = "evdev"
match = {{ name = "{JACK}", type = "EV_SW", code = ["SW_HEADPHONE_INSERT", "SW_LINEOUT_INSERT"] }}
raise = "jack.turned"
details = {{ code = "{{code}}", value = "{{value}}" }}
key = "{{code}}"
"""
"""Every turn of a switch of the jack, each switch a key of its own."""

HOOK_FILE = "90-hwbridge-lab.rules"
"""Sorts after hwbridge's own 60-hwbridge.rules."""
HOOK_RULES = _hook_rule("add", ARRIVED) + _hook_rule("remove", LEFT)
