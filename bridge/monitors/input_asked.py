"""What is asked of one input device: which codes to tell, whether to take it for ourselves, what its keys spell.

It is worked out from what rules ask and files say of devices; no device is looked at here, and none is opened.
"""

from collections.abc import Mapping

import msgspec

from bridge.mapping.interest import Interest
from bridge.mapping.ports import InputOptions, KeyedText
from bridge.model.codes import code_name, code_number, type_number
from bridge.model.events import Fields
from bridge.monitors.evdev_decode import Code
from bridge.sources.device_fields import readable
from bridge.sources.evdev import IDENTITY, fields_of_code
from bridge.sources.layouts import LAYOUTS
from bridge.sources.typist import Typist

EV_KEY = type_number("EV_KEY")
_NOTHING = InputOptions(match=())
Capabilities = Mapping[int, frozenset[int]]
"""The codes that a device can send, by type."""


class SpelledPort(msgspec.Struct, frozen=True, kw_only=True):
    """A serial port whose lines the keys of a device spell; `fields` are those of all its events."""

    text: KeyedText
    fields: Fields

    @property
    def name(self) -> str:
        """What rules call the port."""
        return str(self.fields["port"])

    def typist(self) -> Typist:
        """Somebody who has typed nothing yet."""
        return typist_of(self.text)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a device: `keys` are all that it has, which is who holds it up when it is to be grabbed."""

    wanted: frozenset[Code] = frozenset()
    grab: bool = False
    spells: SpelledPort | None = None
    keys: frozenset[Code] = frozenset()

    def asks(self) -> bool:
        """Whether the device has to be open. It is not for the grab alone: nobody is to lose a keyboard for nothing."""
        return bool(self.wanted) or self.spells is not None

    @property
    def heard(self) -> frozenset[Code]:
        """The codes that have to come in, once the device is as it shall be."""
        if self.spells is None:
            return self.wanted
        return self.wanted | {(EV_KEY, key) for key in self.spells.typist().keys} & self.keys


def asked_of(
    interest: Interest,
    identity: Fields,
    inherited: Mapping[str, str],
    capabilities: Capabilities,
    *,
    pinned: frozenset[str] | None,
) -> Asked:
    """What is asked of a device; `inherited` has those of `inherited_names` that it has.

    `pinned` is what `interest` says that it pins of `code`. Of several options that fit, the first holds.
    """
    known = {*IDENTITY, *inherited_names(interest)}
    options = next((each for each in interest.inputs if _fits(each, {**identity, **inherited})), _NOTHING)
    return Asked(
        wanted=_wanted_codes(interest, identity, capabilities, known, pinned),
        grab=options.grab,
        spells=_spelled(interest, options, identity, inherited, capabilities),
        keys=frozenset((EV_KEY, number) for number in capabilities.get(EV_KEY, ())),
    )


def declared_ports(interest: Interest) -> frozenset[str]:
    """The ports that files name for what is typed, and rules ask for; not those that a file declares as serial, too."""
    typed = interest.typed
    if typed is None:
        return frozenset()
    named = {each.text.port for each in interest.inputs if each.text is not None and each.text.port is not None}
    return frozenset(name for name in named if typed.may_ask("port", name)) - {port.name for port in typed.ports}


def inherited_names(interest: Interest) -> frozenset[str]:
    """The fields `@NAME` that have to be known of a device: for its events, its lines, and the options that fit it."""
    of_options = {name for each in interest.inputs for name, _ in each.match if name.startswith("@")}
    return interest.inherited | of_options | (interest.typed.inherited if interest.typed is not None else frozenset())


def typist_of(text: KeyedText) -> Typist:
    """Somebody who types as a file says of a device."""
    return Typist(LAYOUTS[text.layout], end=code_number(EV_KEY, text.end))


def _fits(options: InputOptions, fields: Fields) -> bool:
    return all(test(fields.get(name)) for name, test in options.match)


def _wanted_codes(
    interest: Interest, identity: Fields, capabilities: Capabilities, known: set[str], pinned: frozenset[str] | None
) -> frozenset[Code]:
    asking = interest.narrowed(identity, known)
    if not asking.askers:
        return frozenset()
    known = known | {"type", "code"}
    return frozenset(
        (event_type, number)
        for event_type, numbers in capabilities.items()
        for number in numbers
        if pinned is None or code_name(event_type, number) in pinned
        if asking.possible(fields_of_code(identity, event_type, number), known)
    )


def _spelled(
    interest: Interest,
    options: InputOptions,
    identity: Fields,
    inherited: Mapping[str, str],
    capabilities: Capabilities,
) -> SpelledPort | None:
    """The port, where somebody asks for it and the device has the key that ends a line.

    Many a scanner is two devices by one name, of which the other one has a few buttons.
    """
    text, typed = options.text, interest.typed
    if text is None or typed is None or not typist_of(text).is_typed_on(capabilities.get(EV_KEY, ())):
        return None
    device = str(identity["device"])
    of_lines = {name: readable(value) for name, value in inherited.items() if name in typed.inherited and value}
    fields = {"port": text.port or _shown(str(identity.get("name", ""))) or device, "device": device, **of_lines}
    if not typed.possible(fields, {"port", "device", *typed.inherited}):
        return None
    return SpelledPort(text=text, fields=fields)


def _shown(name: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in name)
