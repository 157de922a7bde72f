"""The USB devices of the lab: headset, keyboard, scanner, as they describe themselves. Nothing is plugged in here."""

from tests.lab.inside import hid
from tests.lab.inside.usb_gadget import Description

BUTTONS, KEYS = "hid.buttons", "hid.keys"

HEADSET = Description(
    product="Lab Headset",
    serial="LAB0002",
    functions={
        "uac1.sound": {"p_chmask": "1"},  # one microphone; two speakers, which is the kernel's value
        BUTTONS: hid.function(hid.CONSUMER_CONTROL, 1),
    },
    drivers=frozenset({"snd-usb-audio", "usbhid", "hid-generic"}),
)
KEYBOARD = Description(
    product="Lab Keyboard",
    serial="LAB0003",
    functions={KEYS: hid.function(hid.KEYBOARD, 8, boot=True), BUTTONS: hid.function(hid.CONSUMER_CONTROL, 1)},
    drivers=frozenset({"usbhid", "hid-generic"}),
)
SCANNER = Description(
    product="Lab Scanner",
    serial="LAB0004",
    functions={KEYS: hid.function(hid.KEYBOARD, 8, boot=True)},
    drivers=frozenset({"usbhid", "hid-generic"}),
)
