"""What was typed, made unreadable: every key that makes text becomes KEY_A. It hides no rhythm, and nothing but keys.

Modifiers, media keys, power and sleep, keys that move or delete, and buttons stay what they are. Lines that keys
spelled have a letter for each character; those of a port that is one are not typed.
"""

from collections.abc import Mapping, Sequence

import msgspec

from bridge.model.events import DeviceGone, Event, Origin

BLANK = "KEY_A"
BLANK_SCAN_CODE = 30
"""That of KEY_A on a keyboard of the PC (atkbd); it stands for the scan codes of all keys."""

BLANK_LETTER = "a"
_INPUT_NODES = "/dev/input/"
_TEXT = """
KEY_1 KEY_2 KEY_3 KEY_4 KEY_5 KEY_6 KEY_7 KEY_8 KEY_9 KEY_0 KEY_MINUS KEY_EQUAL
KEY_TAB KEY_Q KEY_W KEY_E KEY_R KEY_T KEY_Y KEY_U KEY_I KEY_O KEY_P KEY_LEFTBRACE KEY_RIGHTBRACE KEY_ENTER
KEY_A KEY_S KEY_D KEY_F KEY_G KEY_H KEY_J KEY_K KEY_L KEY_SEMICOLON KEY_APOSTROPHE KEY_GRAVE KEY_BACKSLASH
KEY_102ND KEY_Z KEY_X KEY_C KEY_V KEY_B KEY_N KEY_M KEY_COMMA KEY_DOT KEY_SLASH KEY_SPACE KEY_LINEFEED
KEY_RO KEY_YEN KEY_QUESTION KEY_DOLLAR KEY_EURO
KEY_KP0 KEY_KP1 KEY_KP2 KEY_KP3 KEY_KP4 KEY_KP5 KEY_KP6 KEY_KP7 KEY_KP8 KEY_KP9
KEY_KPDOT KEY_KPCOMMA KEY_KPJPCOMMA KEY_KPPLUS KEY_KPMINUS KEY_KPPLUSMINUS KEY_KPASTERISK KEY_KPSLASH
KEY_KPEQUAL KEY_KPENTER KEY_KPLEFTPAREN KEY_KPRIGHTPAREN
KEY_NUMERIC_0 KEY_NUMERIC_1 KEY_NUMERIC_2 KEY_NUMERIC_3 KEY_NUMERIC_4 KEY_NUMERIC_5 KEY_NUMERIC_6
KEY_NUMERIC_7 KEY_NUMERIC_8 KEY_NUMERIC_9 KEY_NUMERIC_11 KEY_NUMERIC_12
KEY_NUMERIC_STAR KEY_NUMERIC_POUND KEY_NUMERIC_A KEY_NUMERIC_B KEY_NUMERIC_C KEY_NUMERIC_D
KEY_BRL_DOT1 KEY_BRL_DOT2 KEY_BRL_DOT3 KEY_BRL_DOT4 KEY_BRL_DOT5 KEY_BRL_DOT6 KEY_BRL_DOT7 KEY_BRL_DOT8
KEY_BRL_DOT9 KEY_BRL_DOT10
"""
TEXT_KEYS = frozenset(_TEXT.split())
_TELLING = frozenset({"MSC_SCAN", "MSC_RAW"})
"""Codes whose values say which key it was (event-codes.rst, EV_MSC)."""


def makes_text(code: object) -> bool:
    """Whether a code of EV_KEY may be text; one without a name is taken for it.

    >>> [makes_text(code) for code in ("KEY_Q", "KEY_KP7", "0x2ff", "KEY_LEFTSHIFT", "KEY_VOLUMEUP", "BTN_LEFT")]
    [True, True, True, False, False, False]
    """
    return code in TEXT_KEYS or str(code).startswith("0x")


def blank_events(events: Sequence[Event | DeviceGone]) -> list[Event | DeviceGone]:
    """The same events, in which no key that makes text can be told from another.

    Of the keys that are found at the start of a device one event is left, pressed if one of them is: which of many
    it is would say it.

    >>> typed = {"device": "/dev/input/event3", "type": "EV_KEY", "code": "KEY_Q", "value": 1}
    >>> blank_events([Event("evdev", 0, typed)])[0].fields["code"]
    'KEY_A'
    """
    blanked: list[Event | DeviceGone] = []
    found: dict[object, int] = {}
    for event in events:
        if isinstance(event, DeviceGone):
            found.pop(event.owner, None)
            blanked.append(event)
            continue
        new = _blank(event)
        if new is event or event.origin is not Origin.START:
            blanked.append(new)
            continue
        device = event.fields.get("device")
        place = found.setdefault(device, len(blanked))
        if place == len(blanked):
            blanked.append(new)
        elif event.fields["value"]:
            blanked[place] = new
    return blanked


def blank_description(device: Mapping[str, object]) -> dict[str, object]:
    """The same description of a device, but that its state has one key for all that make text.

    >>> blank_description({"name": "Keyboard", "state": {"KEY_Q": 1, "KEY_W": 1, "LED_CAPSL": 1}})
    {'name': 'Keyboard', 'state': {'KEY_A': 1, 'LED_CAPSL': 1}}
    """
    state = device.get("state")
    if not isinstance(state, Mapping):
        return dict(device)
    return {**device, "state": {BLANK if makes_text(code) else code: value for code, value in state.items()}}


def _blank(event: Event) -> Event:
    """The event itself where it tells nothing."""
    match event.fields:  # no other source has such a type, nor lines
        case {"type": "EV_KEY", "code": code} if makes_text(code):
            return msgspec.structs.replace(event, fields={**event.fields, "code": BLANK})
        case {"type": "EV_MSC", "code": code} if code in _TELLING:
            return msgspec.structs.replace(event, fields={**event.fields, "value": BLANK_SCAN_CODE})
        case {"line": str(line), "device": str(device)} if device.startswith(_INPUT_NODES):
            return msgspec.structs.replace(event, fields={**event.fields, "line": BLANK_LETTER * len(line)})
    return event
