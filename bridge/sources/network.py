"""The source `network`: what of the way into the network is there, step by step. Nothing here asks the kernel.

Each step is a level: of an interface its link, its addresses, its default route; of the whole machine the resolver
and the internet. `value` is 1 or 0, or a word that says more. An interface that goes has the value 0 in all of them,
and so nothing leaves here.
"""

from collections.abc import Mapping

from bridge.errors import InvalidValueError
from bridge.model.events import Field, Fields
from bridge.sources.recorded import check_texts, number_of, text_of, word_of
from bridge.sources.source import Source, Subject

DETAILS: Mapping[str, tuple[str, ...]] = {
    "link": ("mac", "operstate", "carrier", "speed", "mtu"),
    "address": ("address", "addresses", "family"),
    "route": ("gateway", "gateways", "family", "metric"),
    "resolver": ("nameservers", "domains"),
    "internet": ("connectivity", "metered"),
}
"""For each kind, in the order in which one needs the other, the details that it has.

`operstate` is the kernel's word (RFC 2863: `up`, `dormant`, `lowerlayerdown`), `connectivity` NetworkManager's
(`full`, `portal`, `limited`, `none`); what can be several is separated by spaces.
"""
KINDS = tuple(DETAILS)

OF_MACHINE = frozenset({"resolver", "internet"})
"""The kinds that no interface has."""
_INTEGERS = frozenset({"metered", "carrier", "speed", "mtu", "metric"})
_IDENTIFYING = frozenset({"interface", "kind"})


def _subject(fields: Fields) -> Subject:
    return str(fields.get("interface", "")), str(fields.get("kind", ""))


def _checked(fields: dict[str, Field]) -> dict[str, Field]:
    kind = word_of(fields, "kind", KINDS)
    if kind not in OF_MACHINE:
        text_of(fields, "interface")
    elif "interface" in fields:
        raise InvalidValueError(f"{kind} has no interface: it is of the whole machine")
    check_texts(fields, _INTEGERS | {"value"})
    if isinstance(fields.get("value", ""), str):
        text_of(fields, "value")
    for name in sorted({"value", "metered", "carrier"} & {name for name in fields if isinstance(fields[name], int)}):
        number_of(fields, name, 0, 1)
    for name in sorted(fields.keys() - _IDENTIFYING - {"value", *DETAILS[kind]}):
        raise InvalidValueError(f"{name} is no detail of {kind}; that has {', '.join(DETAILS[kind])}")
    return fields


NETWORK = Source(
    name="network",
    fields=frozenset({*_IDENTIFYING, "value"}.union(*DETAILS.values())),
    integers=frozenset(),
    words={"kind": KINDS},
    is_property=lambda name: False,
    is_hexadecimal=lambda name: name == "mac",
    default_key="{interface}",
    subject=_subject,
    is_moment=lambda fields: False,
    identifies=_IDENTIFYING.__contains__,
    names_owner=lambda name: name == "interface",
    checked=_checked,
    leaves=lambda fields: False,
    repeats=lambda fields: False,
)
