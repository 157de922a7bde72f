"""Scenarios in which `hwbridge record` writes down a device, and the daemon beside it raises by the shipped rules.

Each tells the recording and what was raised; none says what is right. The recordings of hw_fixtures are made by these.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.inside import serial_gadget
from tests.lab.inside.daemon import Daemon
from tests.lab.inside.hid import ConsumerControl, Keyboard
from tests.lab.inside.jack import HDA_JACK, Jack
from tests.lab.inside.recorder import Recorder
from tests.lab.inside.usb_devices import BUTTONS, HEADSET, KEYBOARD, KEYS
from tests.lab.inside.usb_gadget import Description, UsbGadget
from tests.lab.inside.workplace import SHIPPED_RULES, Workplace

Seen = dict[str, object]
TYPED = "the quick brown fox"
REPEATS = 3
"""So often at least the kernel repeats a key before it is let go of."""

RECORDED = "{0F8C2B57-9D63-4B1E-A4F7-6C3A5E91D280}"
"""The trigger of rules that are there only to say what is recorded."""
HEADSET_RECORDED = f"""
[[rule]]
name = "recorded: what udev tells of it"
source = "udev"
match = {{ subsystem = ["usb", "sound", "hid", "input"] }}
raise = "{RECORDED}"

[[rule]]
name = "recorded: its buttons"
source = "evdev"
match = {{ name = "{HEADSET.name}" }}
raise = "{RECORDED}"
"""
SERIAL_RECORDED = f"""
[[rule]]
name = "recorded: the adapter and its interfaces"
source = "udev"
match = {{ subsystem = ["usb", "tty"] }}
raise = "{RECORDED}"
"""
KEYBOARD_RECORDED = f"""
[[rule]]
name = "recorded: media keys and a chord"
source = "evdev"
match = {{ name = "{KEYBOARD.name}", code = [
    "KEY_MUTE", "KEY_VOLUMEUP", "KEY_VOLUMEDOWN", "KEY_PLAYPAUSE", "KEY_LEFTCTRL", "KEY_LEFTALT", "KEY_F",
] }}
raise = "{RECORDED}"
"""


def jack_recorded(place: Workplace) -> Seen:
    """Headphones go in and come out again; the jack has the name that a laptop's has."""
    with Jack(**HDA_JACK) as jack, _beside_the_daemon(place, "10-audio-jack", "") as (daemon, recorder):
        daemon.wait_for_device(jack.node)
        jack.plug()
        recorder.wait_for(code="SW_HEADPHONE_INSERT", value=1)
        jack.unplug()
        recorder.wait_for(code="SW_HEADPHONE_INSERT", value=0)
        daemon.wait_for_raises(place.triggers()["audio-jack.disconnected"], 1)
    return _told(place, recorder)


def headset_recorded(place: Workplace) -> Seen:
    """A headset is plugged in, each of its buttons is pressed, and it is pulled out."""
    with (
        UsbGadget(HEADSET) as headset,
        _beside_the_daemon(place, "20-usb-headset", HEADSET_RECORDED) as (daemon, recorder),
    ):
        headset.plug()
        _wait_for_devices(daemon, recorder, HEADSET, 1)
        buttons = ConsumerControl(headset.node(BUTTONS))
        for button, code in (
            ("mute", "KEY_MUTE"),
            ("volume up", "KEY_VOLUMEUP"),
            ("volume down", "KEY_VOLUMEDOWN"),
            ("play/pause", "KEY_PLAYPAUSE"),
        ):
            _press(recorder, buttons, button, code)
        daemon.wait_for_raises(place.triggers()["media-key.play-pause"], 1)  # a node that goes takes its events along
        headset.pull()
        recorder.wait_for(action="remove", devtype="usb_device")
        daemon.wait_for_raises(place.triggers()["usb-headset.disconnected"], 1)
    return _told(place, recorder)


def serial_adapter_recorded(place: Workplace) -> Seen:
    """A serial adapter is plugged in and pulled out, twice."""
    with _beside_the_daemon(place, "30-usb-serial", SERIAL_RECORDED) as (daemon, recorder):
        for _ in range(2):
            with serial_gadget.plugged_in():
                recorder.wait_for(action="add", devnode=str(serial_gadget.NODE))
            recorder.wait_for(action="remove", devnode=str(serial_gadget.NODE))
            recorder.wait_for(action="remove", devtype="usb_device")
        daemon.wait_for_raises(place.triggers()["usb-serial.left"], 2)
    return _told(place, recorder)


def keyboard_recorded(place: Workplace) -> Seen:
    """A keyboard that is there: mute, volume up held until it repeats, play/pause, and Ctrl+Alt+F."""
    with UsbGadget(KEYBOARD) as gadget:
        gadget.plug()
        keys, buttons = Keyboard(gadget.node(KEYS)), ConsumerControl(gadget.node(BUTTONS))
        with _beside_the_daemon(place, "40-media-keys", KEYBOARD_RECORDED) as (daemon, recorder):
            _wait_for_devices(daemon, recorder, KEYBOARD, 2)
            _press(recorder, keys, "mute", "KEY_MUTE")
            keys.hold("volume up")
            for value in (1, *[2] * REPEATS):
                recorder.wait_for(code="KEY_VOLUMEUP", value=value)
            keys.hold()
            recorder.wait_for(code="KEY_VOLUMEUP", value=0)
            _press(recorder, buttons, "play/pause", "KEY_PLAYPAUSE")
            for held, code in (
                (("left ctrl",), "KEY_LEFTCTRL"),
                (("left ctrl", "left alt"), "KEY_LEFTALT"),
                (("left ctrl", "left alt", "f"), "KEY_F"),
            ):
                keys.hold(*held)
                recorder.wait_for(code=code, value=1)
            keys.hold()
            recorder.wait_for(code="KEY_F", value=0)
            daemon.wait_for_raises(place.triggers()["media-key.play-pause"], 1)
    return _told(place, recorder)


def typed_text_blanked(place: Workplace) -> Seen:
    """Somebody types, and presses mute, while every input device is recorded with `--blank-keys`."""
    with UsbGadget(KEYBOARD) as gadget:
        gadget.plug()
        keys = Keyboard(gadget.node(KEYS))
        with Recorder(place, "--source", "evdev", "--blank-keys") as recorder:
            recorder.wait_for_devices(KEYBOARD.name, 2)
            for letter in TYPED:
                for held, value in (({" ": "space"}.get(letter, letter),), 1), ((), 0):
                    keys.hold(*held)
                    recorder.wait_for(type="EV_KEY", value=value)
            _press(recorder, keys, "mute", "KEY_MUTE")
    return _told(place, recorder)


@contextmanager
def _beside_the_daemon(place: Workplace, shipped: str, recorded: str) -> Iterator[tuple[Daemon, Recorder]]:
    """The daemon has all shipped rules; what one file of them and the rules `recorded` ask for is recorded."""
    place.add_shipped_rules()
    place.add_task("raised", *place.triggers(), concurrency="queue")
    file = place.directory / "recorded.toml"
    file.write_text(recorded)
    rules = [SHIPPED_RULES / f"{shipped}.toml", file]
    with Daemon(place) as daemon, Recorder(place, *(f"--rules={path}" for path in rules)) as recorder:
        yield daemon, recorder


def _wait_for_devices(daemon: Daemon, recorder: Recorder, device: Description, count: int) -> None:
    daemon.wait_for_devices(device.name, count)
    recorder.wait_for_devices(device.name, count)


def _press(recorder: Recorder, pressed: Keyboard | ConsumerControl, button: str, code: str) -> None:
    for held, value in ((button,), 1), ((), 0):
        pressed.hold(*held)
        recorder.wait_for(code=code, value=value)


def _told(place: Workplace, recorder: Recorder) -> Seen:
    return {
        "recording": place.recording.read_text(),
        "recorder's exit status": recorder.exit_status,
        "runs": place.runs(),
    }


RECORDED_SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        jack_recorded,
        headset_recorded,
        serial_adapter_recorded,
        keyboard_recorded,
        typed_text_blanked,
    )
}
