"""Calls and their answers, between messages and values. Nothing here knows an interface.

Source of the semantics: varlink.org, "Protocol": a call has `method`, `parameters`, `oneway`, `more` and `upgrade`, an
answer has `parameters` and, if the call failed, `error`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from bridge.errors import CallFailedError, ProtocolError
from bridge.varlink.framing import encode_message

_MEANT: Mapping[str, tuple[type, str]] = {
    "method": (str, "a string"),
    "parameters": (dict, "an object"),
    "oneway": (bool, "a bool"),
    "more": (bool, "a bool"),
    "upgrade": (bool, "a bool"),
}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `oneway`: no answer is wanted; `more`: several would do; `upgrade`: another protocol follows."""

    method: str
    parameters: Mapping[str, Any]
    oneway: bool = False
    more: bool = False
    upgrade: bool = False


def read_call(message: Mapping[str, Any]) -> Call:
    """The call that this message is. `parameters` may be null or left out.

    Raises `ProtocolError` for anything that is not a call, unknown keys too.

    >>> read_call({"method": "org.hwbridge.Status"})
    Call(method='org.hwbridge.Status', parameters={}, oneway=False, more=False, upgrade=False)
    >>> read_call({"method": "org.hwbridge.Status", "mroe": True})
    Traceback (most recent call last):
    bridge.errors.ProtocolError: a call has the unknown key 'mroe'
    """
    if "method" not in message:
        raise ProtocolError("a call has no method")
    given = dict(message)
    if given.get("parameters", {}) is None:
        del given["parameters"]
    for key, value in given.items():
        if key not in _MEANT:
            raise ProtocolError(f"a call has the unknown key {key!r}")
        kind, meant = _MEANT[key]
        if not isinstance(value, kind):
            raise ProtocolError(f"the {key} of a call is not {meant}")
    return Call(**({"parameters": {}} | given))


def encode_answer(parameters: Mapping[str, Any]) -> bytes:
    """The answer to a call that did what was asked, as it goes over the wire."""
    return encode_message({"parameters": parameters})


def encode_continued(parameters: Mapping[str, Any]) -> bytes:
    r"""An answer to a call with `more` that is not the last one, as it goes over the wire.

    >>> encode_continued({"action": "registered"})
    b'{"parameters":{"action":"registered"},"continues":true}\x00'
    """
    return encode_message({"parameters": parameters, "continues": True})


def encode_failure(failure: CallFailedError) -> bytes:
    r"""The answer to a call that failed, as it goes over the wire.

    >>> encode_failure(CallFailedError("org.hwbridge.UnknownTrigger", {"trigger": "door.opened"}))
    b'{"error":"org.hwbridge.UnknownTrigger","parameters":{"trigger":"door.opened"}}\x00'
    """
    return encode_message({"error": failure.error, "parameters": failure.parameters})
