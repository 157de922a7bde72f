"""Scenarios of input devices that are grabbed, and of those whose keys spell lines. None says what is right."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.lab.inside.daemon import Daemon
from tests.lab.inside.hid import Keyboard as ScannerKeys
from tests.lab.inside.keyboard import NAME, Keyboard, Reader
from tests.lab.inside.machine import PROJECT
from tests.lab.inside.recorder import Recorder
from tests.lab.inside.usb_devices import KEYS, SCANNER
from tests.lab.inside.usb_gadget import UsbGadget
from tests.lab.inside.workplace import Run, Workplace

Seen = dict[str, object]
SCANNER_RULES = PROJECT / "hw_fixtures/hid-scanner/rules.toml"
SCANNED = {"4006381333931": "goods.scanned", "Lot-7/B": "lot.scanned"}
"""Each line, and the trigger that it raises. The kernel keeps just one such line for a reader that is slow."""
FLOOD = 200
"""So many keys overrun the queue of a keyboard's reader: the kernel keeps 64 events for it."""

RULES = f"""
[triggers]
"line.typed" = "{{6F4D2C91-8B07-4E35-A1D9-50C7E3B28F64}}"
"key.pressed" = "{{B1E98C30-47D2-4F6A-9C85-2A6F01D7B3E8}}"

[[input]]
match = {{ name = "{NAME}" }}
%s

[[rule]]
name = "line-typed"
source = "serial"
match = {{ port = "lab", line = true }}
raise = "line.typed"
details = {{ line = "{{line}}" }}
key = "{{line}}"

[[rule]]
name = "key-pressed"
source = "evdev"
match = {{ name = "{NAME}", code = "KEY_A", value = 1 }}
raise = "key.pressed"
details = {{ line = "a key" }}
"""
TEXT = 'text = { port = "lab" }'


def keyboard_grabbed(place: Workplace) -> Seen:
    """A key is held when a daemon starts that wants the keyboard for itself, and let go; then the daemon is killed."""
    place.add_rules(RULES % "grab = true")
    place.add_task("pressed", "key.pressed", concurrency="queue")
    with Keyboard() as keyboard, closing(Reader(keyboard.node)) as reader:
        keyboard.press("B")
        with Daemon(place) as daemon:
            daemon.wait_until(lambda: _is_shown(daemon, "to be grabbed"), what="the daemon waits for the key")
            keyboard.tap("A")
            daemon.wait_for_runs(1)
            while_held = reader.heard()
            keyboard.let_go("B")
            daemon.wait_until(lambda: _is_shown(daemon, "grabbed"), what="the daemon has the keyboard")
            at_the_end_of_the_key = reader.heard()
            keyboard.tap("A")
            runs = daemon.wait_for_runs(2)
            while_grabbed = reader.heard()
            daemon.kill()
        keyboard.tap("A")
        return {
            "while the key is held": while_held,
            "when it is let go": at_the_end_of_the_key,
            "while it is grabbed": while_grabbed,
            "after the daemon's death": reader.heard(),
            "runs": len(runs),
        }


def keyboard_that_another_has(place: Workplace) -> Seen:
    """Somebody else has grabbed the keyboard, and gives it back by and by."""
    place.add_rules(RULES % "grab = true")
    place.add_task("pressed", "key.pressed", concurrency="queue")
    with Keyboard() as keyboard, closing(Reader(keyboard.node)) as reader:
        reader.grab()
        with Daemon(place) as daemon:
            daemon.wait_for_device(keyboard.node)
            refused = daemon.monitor("evdev")["refused"]
            reader.let_go()
            keyboard.tap("B")
            daemon.wait_until(lambda: _is_shown(daemon, "grabbed"), what="the daemon has the keyboard")
            reader.heard()
            keyboard.tap("A")
            daemon.wait_for_runs(1)
            return {
                "refused at first": refused,
                "refused at last": daemon.monitor("evdev")["refused"],
                "while it is grabbed": reader.heard(),
                "node": keyboard.node,
            }


def keys_lost_in_a_line(place: Workplace) -> Seen:
    """The daemon is frozen in the midst of a line, until the kernel has dropped keys; more lines follow at once."""
    place.add_rules(RULES % TEXT)
    place.add_task("typed", "line.typed", concurrency="queue")
    with Keyboard() as keyboard, Daemon(place) as daemon:
        daemon.wait_for_device(keyboard.node)
        keyboard.write_line("first")
        daemon.wait_for_runs(1)
        keyboard.tap(*"BEGUN")
        daemon.freeze()
        keyboard.tap(*"X" * FLOOD)
        daemon.thaw()
        daemon.wait_until(lambda: daemon.monitor("evdev")["lost"] == 1, what="the daemon knows that keys were lost")
        keyboard.write_line("tail")
        keyboard.write_line("next")
        return {"lines": _lines(daemon.wait_for_runs(2)), "lost": daemon.monitor("evdev")["lost"]}


def scanner_recorded(place: Workplace) -> Seen:
    """A scanner that is a USB keyboard is plugged in, reads two codes, and is pulled out.

    The daemon does not grab it, as its fixture's rules say: the recorder, which grabs nothing, would hear nothing.
    """
    place.add_rules(SCANNER_RULES.read_text().replace("grab = true", "grab = false"))
    place.add_task("raised", *place.triggers(), concurrency="queue")
    with UsbGadget(SCANNER) as gadget, _recorded(place, SCANNER_RULES) as (daemon, recorder):
        gadget.plug()
        daemon.wait_for_devices(SCANNER.name, 1)
        recorder.wait_for(state="opened")
        (node,) = daemon.devices()
        keys = ScannerKeys(gadget.node(KEYS))
        for line, trigger in SCANNED.items():
            for character in line:
                keys.hold(*_keys_of(character))
                keys.hold()
            keys.hold("enter")
            keys.hold()
            recorder.wait_for(line=line)
            daemon.wait_for_raises(place.triggers()[trigger], 1)
        gadget.pull()
        recorder.wait_for(state="lost")
        daemon.wait_for_raises(place.triggers()["scanner.lost"], 1)
    return {
        "recording": place.recording.read_text(),
        "recorder's exit status": recorder.exit_status,
        "runs": place.runs(),
        "node": node,
    }


@contextmanager
def _recorded(place: Workplace, rules: Path) -> Iterator[tuple[Daemon, Recorder]]:
    with Daemon(place) as daemon, Recorder(place, f"--rules={rules}") as recorder:
        yield daemon, recorder


def _keys_of(character: str) -> tuple[str, ...]:
    return ("left shift", character.lower()) if character.isupper() else (character,)


def _is_shown(daemon: Daemon, words: str) -> bool:
    return any(device.endswith(f", {words}") for device in daemon.monitor("evdev")["devices"])


def _lines(runs: list[Run]) -> list[object]:
    details = [run["details"] for run in runs]
    return [each["line"] for each in details if isinstance(each, dict)]


TYPED_SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (keyboard_grabbed, keyboard_that_another_has, keys_lost_in_a_line, scanner_recorded)
}
