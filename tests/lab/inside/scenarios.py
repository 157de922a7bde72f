"""The scenarios: what is done to the hardware while the daemon runs, and what was seen. None says what is right."""

import pyudev

from tests.lab.inside import declarations, machine, serial_gadget
from tests.lab.inside.beside import BESIDE_SCENARIOS
from tests.lab.inside.clock import CLOCK_SCENARIOS
from tests.lab.inside.daemon import Daemon
from tests.lab.inside.jack import LINE_OUT, Jack
from tests.lab.inside.ports import PORT_SCENARIOS
from tests.lab.inside.power import POWER_SCENARIOS
from tests.lab.inside.recorded import RECORDED_SCENARIOS
from tests.lab.inside.session import SESSION_SCENARIOS
from tests.lab.inside.typed import TYPED_SCENARIOS
from tests.lab.inside.waiting import SECONDS
from tests.lab.inside.whole_devices import WHOLE_DEVICE_SCENARIOS
from tests.lab.inside.workplace import Run, Workplace

Seen = dict[str, object]
NOBODY = 65534
FLIPS = 2000
"""How often a switch goes on and off while the daemon is frozen; the kernel keeps some dozens of events for it."""


def devices_without_a_daemon(place: Workplace) -> Seen:
    """The lab itself: what a jack and a serial adapter look like to python-evdev and pyudev."""
    monitor = pyudev.Monitor.from_netlink(pyudev.Context())
    monitor.filter_by("tty")
    monitor.start()
    with Jack(plugged=True) as jack:
        plugged = jack.plugged()
        jack.unplug()
        unplugged = not jack.plugged()
    with serial_gadget.plugged_in():
        came = _next_of_port(monitor)
    went = _next_of_port(monitor)
    return {
        "udevd": machine.udevd_answers(),
        "jack": [plugged, unplugged],
        "port": [came, went],
    }


def plugged_before_the_start(place: Workplace) -> Seen:
    """The headphones are in when the daemon starts."""
    place.add_rules(declarations.START_STATE_RULES)
    place.add_task("in", "jack.connected")
    with Jack(plugged=True), Daemon(place) as daemon:
        return {"runs": daemon.wait_for_runs(1)}


def taken_out_and_put_in(place: Workplace) -> Seen:
    """The headphones are in at the start, are taken out, and are put in again."""
    place.add_rules(declarations.JACK_RULES)
    place.add_task("in", "jack.connected")
    place.add_task("out", "jack.disconnected")
    with Jack(plugged=True) as jack, Daemon(place) as daemon:
        daemon.wait_for_device(jack.node)
        jack.unplug()
        daemon.wait_for_runs(1)
        jack.plug()
        return {"runs": daemon.wait_for_runs(2), "node": jack.node}


def device_goes_and_comes_back(place: Workplace) -> Seen:
    """The whole device goes while the headphones are in, comes back without them, and they are put in again."""
    place.add_rules(declarations.EDGE_RULES)
    place.add_task("in", "jack.connected")
    with Daemon(place) as daemon:
        with Jack() as jack:
            daemon.wait_for_device(jack.node)
            jack.plug()
            daemon.wait_for_runs(1)
        daemon.wait_until(lambda: not daemon.devices(), what="the daemon lets the device go")
        with Jack() as jack:
            daemon.wait_for_device(jack.node)
            before = place.runs()
            jack.plug()
            return {"runs": daemon.wait_for_runs(2), "runs before the second plug": before}


def serial_port_comes_and_goes(place: Workplace) -> Seen:
    """A USB serial adapter is plugged in and pulled out."""
    place.add_rules(declarations.PORT_RULES)
    place.add_task("came", "port.arrived")
    place.add_task("went", "port.left")
    with Daemon(place) as daemon:
        with serial_gadget.plugged_in():
            daemon.wait_for_runs(1)
        return {"runs": daemon.wait_for_runs(2)}


def udev_rule_names_the_trigger(place: Workplace) -> Seen:
    """No rule of ours matches the adapter; udev's rules name one trigger when it comes, another when it goes."""
    place.add_task("came", declarations.ARRIVED)
    place.add_task("went", declarations.LEFT)
    with machine.udev_rules(declarations.HOOK_FILE, declarations.HOOK_RULES), Daemon(place) as daemon:
        with serial_gadget.plugged_in():
            daemon.wait_for_runs(1)
        return {"runs": daemon.wait_for_runs(2)}


def events_lost_while_frozen(place: Workplace) -> Seen:
    """While the daemon is frozen headphones go in, and then another switch turns until the kernel has dropped that."""
    place.add_rules(declarations.SWITCH_RULES)
    place.add_task("turned", "jack.turned")
    with Jack() as jack, Daemon(place) as daemon:
        daemon.wait_for_device(jack.node)
        jack.turn(LINE_OUT, 1)
        daemon.wait_for_runs(1)
        daemon.freeze()
        jack.plug()
        jack.flip(LINE_OUT, FLIPS)
        daemon.thaw()
        end = {"SW_HEADPHONE_INSERT": "1", "SW_LINEOUT_INSERT": "0"}
        daemon.wait_until(lambda: _last_values(place.runs()) == end, what="the tasks saw the last state")
        runs = daemon.wait_for_runs(3)
        return {"last values": _last_values(runs), "lost": daemon.monitor("evdev")["lost"]}


def node_that_may_not_be_read(place: Workplace) -> Seen:
    """The daemon is an ordinary user's; the jack's node is root's and the group's, as udevd makes it."""
    place.give_to(NOBODY)
    place.add_rules(declarations.JACK_RULES)
    place.add_task("in", "jack.connected")
    with Jack() as jack, Daemon(place) as daemon:
        daemon.wait_until(lambda: bool(daemon.monitor("evdev")["refused"]), what="the daemon tells of a refused node")
        return {"node": jack.node, **daemon.monitor("evdev")}


def _next_of_port(monitor: pyudev.Monitor) -> Seen:
    """The next event of the adapter; the gadget's own end of the cable, /dev/ttyGS0, comes and goes too."""
    while (device := monitor.poll(SECONDS)) is not None:
        if device.device_node == str(serial_gadget.NODE):
            return {"action": device.action, "serial": device.get("ID_SERIAL_SHORT")}
    return {}


def _last_values(runs: list[Run]) -> dict[str, str]:
    """The last value of each switch that a task was told."""
    details = [run["details"] for run in runs]
    return {each["code"]: each["value"] for each in details if isinstance(each, dict)}


SCENARIOS = (
    {
        scenario.__name__: scenario
        for scenario in (
            devices_without_a_daemon,
            plugged_before_the_start,
            taken_out_and_put_in,
            device_goes_and_comes_back,
            serial_port_comes_and_goes,
            udev_rule_names_the_trigger,
            events_lost_while_frozen,
            node_that_may_not_be_read,
        )
    }
    | RECORDED_SCENARIOS
    | TYPED_SCENARIOS
    | PORT_SCENARIOS
    | BESIDE_SCENARIOS
    | POWER_SCENARIOS
    | CLOCK_SCENARIOS
    | SESSION_SCENARIOS
    | WHOLE_DEVICE_SCENARIOS
)
