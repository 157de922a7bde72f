"""Scenarios of serial ports that the daemon opens by what udev says of them. None says what is right."""

import subprocess
import termios
from collections.abc import Callable
from contextlib import closing

from bridge.mapping.ports import SerialPort
from bridge.monitors.serial_lines import modem_bits
from bridge.monitors.serial_opening import Opened, open_port
from tests.lab.inside import serial_gadget
from tests.lab.inside.daemon import Daemon
from tests.lab.inside.machine import PROJECT
from tests.lab.inside.recorder import Recorder
from tests.lab.inside.serial_gadget import NODE, Cable
from tests.lab.inside.workplace import Workplace

Seen = dict[str, object]
RULES = PROJECT / "hw_fixtures/serial-scanner/rules.toml"
SCANNED = (b"4006381333931", b"Lot-7/B")
DECLARED = {
    "as the driver does it": SerialPort(name="p", port=str(NODE)),
    "dtr off": SerialPort(name="p", port=str(NODE), dtr=False),
    "rts off": SerialPort(name="p", port=str(NODE), rts=False, hupcl=True),
    "both off": SerialPort(name="p", port=str(NODE), dtr=False, rts=False, hupcl=False),
    "both on": SerialPort(name="p", port=str(NODE), dtr=True, rts=True, baudrate=12345),
}


def serial_scanner_recorded(place: Workplace) -> Seen:
    """A scanner is plugged in, reads two codes, is pulled out, and plugged in again: once for a daemon, which opens the
    port for itself, and once for a recorder.
    """
    place.add_rules(RULES.read_text())
    place.add_task("raised", *place.triggers(), concurrency="queue")
    triggers = place.triggers()
    with Daemon(place) as daemon:
        at_first = daemon.monitor("serial")
        replies = _scan(
            is_opened=lambda count: daemon.wait_for_raises(triggers["scanner.ready"], count),
            is_awake=lambda: daemon.wait_for_raises(triggers["scanner.awake"], 1),
            is_read=lambda: daemon.wait_for_raises(triggers["lot.scanned"], 1),
            is_asleep=lambda: None,  # no rule asks for it
            is_lost=lambda count: daemon.wait_for_raises(triggers["scanner.lost"], count),
        )
    with Recorder(place, "--source=serial", f"--rules={RULES}") as recorder:
        _scan(
            is_opened=lambda count: recorder.wait_for(state="opened"),
            is_awake=lambda: recorder.wait_for(signal="CD", value=1),
            is_read=lambda: recorder.wait_for(line=SCANNED[-1].decode()),
            is_asleep=lambda: recorder.wait_for(signal="CD", value=0),
            is_lost=lambda count: recorder.wait_for(state="lost"),
        )
    return {
        "recording": place.recording.read_text(),
        "recorder's exit status": recorder.exit_status,
        "runs": place.runs(),
        "at first": at_first,
        "replies": replies,
    }


def _scan(
    *,
    is_opened: Callable[[int], object],
    is_awake: Callable[[], object],
    is_read: Callable[[], object],
    is_asleep: Callable[[], object],
    is_lost: Callable[[int], object],
) -> str:
    with serial_gadget.plugged_in():
        is_opened(1)
        with closing(Cable()) as cable:
            is_awake()
            for line in SCANNED:
                cable.send(line + b"\r\n")
            is_read()
            replies = cable.receive(len(SCANNED))
        is_asleep()
    is_lost(1)
    with serial_gadget.plugged_in():
        is_opened(2)
    is_lost(2)
    return replies.hex()


def serial_port_held(place: Workplace) -> Seen:
    """Another program has the port open when it is found, and ends by and by; the modem lines are as it left them."""
    place.add_rules(RULES.read_text())
    place.add_task("ready", "scanner.ready")
    with serial_gadget.plugged_in():
        program = ["/bin/sh", "-c", f"exec 3<>{NODE}; echo; read _"]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            with Daemon(place) as daemon:
                daemon.wait_until(lambda: bool(daemon.monitor("serial")["refused"]), what="the port is refused")
                refused = daemon.monitor("serial")["refused"]
                holder.communicate(b"\n")
                daemon.wait_for_runs(1)
                opened = daemon.monitor("serial")
    return {"refused": refused, "holder": holder.pid, "opened": opened}


def serial_port_lines(place: Workplace) -> Seen:
    """A port is opened as it is declared, each time otherwise: which lines it turns on, and would leave on."""
    with serial_gadget.plugged_in():
        return {name: _lines_of(declared) for name, declared in DECLARED.items()}


def _lines_of(declared: SerialPort) -> list[str]:
    opened = open_port(declared, str(NODE))
    assert isinstance(opened, Opened), opened
    bits = modem_bits(opened.descriptor) or 0
    cflag = termios.tcgetattr(opened.descriptor)[2]
    opened.close()
    lines = {"DTR": bits & termios.TIOCM_DTR, "RTS": bits & termios.TIOCM_RTS, "HUPCL": cflag & termios.HUPCL}
    return [name for name, is_on in lines.items() if is_on]


PORT_SCENARIOS = {
    scenario.__name__: scenario for scenario in (serial_scanner_recorded, serial_port_held, serial_port_lines)
}
