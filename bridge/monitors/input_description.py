"""An input device described for the header of a recording: who it is, what it can send, how it is. No device is asked.

It leaves out what tells nothing to a rule or a person who reads the recording: its place in sysfs, its numbers.
"""

from collections.abc import Iterable, Mapping

from bridge.model.codes import code_name, type_name, type_number
from bridge.model.events import Event, Field
from bridge.monitors.evdev_node import Axis
from bridge.monitors.input_devices import FoundInput
from bridge.monitors.monitor import Description
from bridge.sources.device_fields import readable

_EV_ABS = type_number("EV_ABS")
_OF_INTEREST = """
ID_BUS ID_INTEGRATION ID_MODEL ID_MODEL_ID ID_PATH ID_REVISION ID_SERIAL ID_SERIAL_SHORT ID_TYPE
ID_USB_DRIVER ID_USB_INTERFACE_NUM ID_VENDOR ID_VENDOR_ID
ID_INPUT ID_INPUT_ACCELEROMETER ID_INPUT_JOYSTICK ID_INPUT_KEY ID_INPUT_KEYBOARD ID_INPUT_MOUSE
ID_INPUT_POINTINGSTICK ID_INPUT_SWITCH ID_INPUT_TABLET ID_INPUT_TABLET_PAD ID_INPUT_TOUCHPAD
ID_INPUT_TOUCHSCREEN ID_INPUT_TRACKBALL
"""
PROPERTIES = frozenset(f"@{name}" for name in _OF_INTEREST.split())
"""The udev properties of an input device, or of its nearest parent that has them, that a rule may ask for."""


def describe_input(
    found: FoundInput, *, properties: Mapping[str, str], axes: Mapping[int, Axis], state: Iterable[Event]
) -> Description:
    """The device as an object of JSON; `state` are events that say the present value of codes.

    `capabilities` names the codes of each type, `axes` has what the kernel says of each EV_ABS code but its value,
    and `state` the values: a code that is not there is 0, or has no state, or is not watched.
    """
    return {
        "source": "evdev",
        **found.identity.fields(),
        "properties": {name: readable(properties[name]) for name in sorted(properties)},
        "capabilities": {
            type_name(event_type): [code_name(event_type, number) for number in sorted(numbers)]
            for event_type, numbers in found.capabilities.items()
            if numbers
        },
        "axes": {code_name(_EV_ABS, number): _limits(axis) for number, axis in axes.items()},
        "state": _values(state),
    }


def _limits(axis: Axis) -> dict[str, int]:
    limits = axis._asdict()
    del limits["value"]
    return limits


def _values(state: Iterable[Event]) -> dict[str, Field]:
    return {str(event.fields["code"]): event.fields["value"] for event in state if event.fields["value"]}
