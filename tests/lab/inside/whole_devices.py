"""Scenarios of whole devices: a composite USB device and an input device of software come, go and come back.

None says what is right. The recording of hw_fixtures/usb-composite is made by one of these.
"""

import subprocess

from tests.lab.inside import machine
from tests.lab.inside.composite import SERIAL, composite
from tests.lab.inside.daemon import Daemon
from tests.lab.inside.jack import NAME as JACK
from tests.lab.inside.jack import Jack
from tests.lab.inside.recorder import Recorder
from tests.lab.inside.usb_gadget import UsbGadget
from tests.lab.inside.workplace import Workplace

Seen = dict[str, object]
FIXTURE_RULES = machine.PROJECT / "hw_fixtures/usb-composite/rules.toml"
CAME, WENT = "{5A0C2F64-7B1E-4C55-8D26-0C9E4F7A1B32}", "{C4E8A9D0-3F27-4B6B-A1D5-92B7E06C8F54}"


def _rule(name: str, match: str, raised: str) -> str:
    return f"""
[[rule]]
name = "{name}"
source = "device"
match = {{ {match} }}
raise = "{raised}"
details = {{ state = "{{state}}", id = "{{id}}", nodes = "{{nodes}}", name = "{{name}}", path = "{{devpath}}" }}
"""


RULES = "".join(
    (
        _rule("it came", f'state = "arrived", serial = "{SERIAL}"', CAME),
        _rule("it went", f'state = "left", serial = "{SERIAL}"', WENT),
        _rule("the jack came", f'state = "arrived", name = "{JACK}"', CAME),
        _rule("the jack went", f'state = "left", name = "{JACK}"', WENT),
        _rule("a root hub", 'subsystem = "usb", devpath = "*/usb[0-9]"', CAME),
    )
)


PATIENT = '[device]\nmost = "50s"\n'
"""Settings that let a slow guest take its time until a device has settled."""


def plugged_pulled_and_plugged_again(place: Workplace) -> Seen:
    """The composite device is plugged in, udevd is made to look at everything, it is pulled out, and again at once."""
    place.settings.write_text(PATIENT)
    place.add_rules(RULES)
    place.add_task("came", CAME, concurrency="queue")
    place.add_task("went", WENT, concurrency="queue")
    with UsbGadget(composite()) as device, Daemon(place) as daemon:
        device.plug()
        daemon.wait_for_raises(CAME, 1)
        for action in ("add", "change", "remove"):
            subprocess.run(["udevadm", "trigger", f"--action={action}"], check=True)
            machine.settle()
        with Jack():  # told later than anything that came of this
            daemon.wait_for_raises(CAME, 2)
            triggered = place.runs()
        daemon.wait_for_raises(WENT, 1)
        device.pull()
        daemon.wait_for_raises(WENT, 2)
        device.plug()
        daemon.wait_for_raises(CAME, 3)
        device.pull()
        device.plug()
        daemon.wait_for_raises(CAME, 4)
        device.pull()
        daemon.wait_for_raises(WENT, 4)
        report = daemon.monitor("device")
    return {"runs": place.runs(), "after udevadm trigger": triggered, "report": report}


def input_device_of_software(place: Workplace) -> Seen:
    """A jack is made with uinput, and let go."""
    place.settings.write_text(PATIENT)
    place.add_rules(RULES)
    place.add_task("came", CAME, concurrency="queue")
    place.add_task("went", WENT, concurrency="queue")
    with Daemon(place) as daemon:
        with Jack() as jack:
            node = jack.node
            daemon.wait_for_raises(CAME, 1)
        daemon.wait_for_raises(WENT, 1)
    return {"runs": place.runs(), "node": node}


def composite_recorded(place: Workplace) -> Seen:
    """The composite device is plugged in and pulled out, twice."""
    place.settings.write_text(PATIENT)
    place.add_rules(FIXTURE_RULES.read_text())
    place.add_task("raised", *place.triggers(), concurrency="queue")
    with (
        UsbGadget(composite()) as device,
        Daemon(place) as daemon,
        Recorder(place, f"--rules={FIXTURE_RULES}") as recorder,
    ):
        for times in (1, 2):
            device.plug()
            recorder.wait_for(source="device", state="arrived")
            daemon.wait_for_raises(place.triggers()["composite.arrived"], times)
            device.pull()
            recorder.wait_for(source="device", state="left")
            daemon.wait_for_raises(place.triggers()["composite.left"], times)
    return {
        "recording": place.recording.read_text(),
        "recorder's exit status": recorder.exit_status,
        "runs": place.runs(),
    }


WHOLE_DEVICE_SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (plugged_pulled_and_plugged_again, input_device_of_software, composite_recorded)
}
