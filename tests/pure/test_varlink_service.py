"""Calls and services: which messages are calls, and which calls may reach a method."""

from typing import Any

import pytest

from bridge.errors import CallFailedError, ProtocolError
from bridge.varlink.calls import Call, encode_answer, encode_failure, read_call
from bridge.varlink.framing import decode_message
from bridge.varlink.interface import read_interface
from bridge.varlink.parameters import find_mismatches
from bridge.varlink.service import (
    SERVICE_INTERFACE,
    ServiceDescription,
    check_call,
    get_info,
    get_interface_description,
    method_names,
)

DOOR = read_interface("interface org.example.door\nmethod Open(name: string, how: ?(wide: bool)) -> ()\n")
SERVICE = ServiceDescription(vendor="us", product="door", version="1", url="https://example.org", interfaces=(DOOR,))


def failure(method: str, parameters: dict[str, Any] | None = None, **flags: bool) -> tuple[str, dict[str, object]]:
    with pytest.raises(CallFailedError) as caught:
        check_call(SERVICE, Call(method=method, parameters=parameters or {}, **flags))
    return caught.value.error, caught.value.parameters


def test_a_call_has_its_parameters_and_flags() -> None:
    message = {"method": "a.b.C", "parameters": {"x": 1}, "oneway": True, "more": False, "upgrade": False}

    assert read_call(message) == Call(method="a.b.C", parameters={"x": 1}, oneway=True)
    assert read_call({"method": "a.b.C", "parameters": None}) == Call(method="a.b.C", parameters={})


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({}, "a call has no method"),
        ({"method": 5}, "the method of a call is not a string"),
        ({"method": "a.B", "parameters": []}, "the parameters of a call is not an object"),
        ({"method": "a.B", "more": 1}, "the more of a call is not a bool"),
        ({"method": "a.B", "oneway": None}, "the oneway of a call is not a bool"),
        ({"method": "a.B", "continues": True}, "a call has the unknown key 'continues'"),
    ],
)
def test_a_message_that_is_no_call_is_refused(message: dict[str, Any], reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        read_call(message)


def test_answers_and_failures_go_over_the_wire_as_varlink_says() -> None:
    failed = CallFailedError("org.example.door.Locked", {"name": "front"})

    assert decode_message(encode_answer({"done": True})[:-1]) == {"parameters": {"done": True}}
    assert decode_message(encode_failure(failed)[:-1]) == {
        "error": "org.example.door.Locked",
        "parameters": {"name": "front"},
    }


def test_a_call_as_declared_may_pass() -> None:
    check_call(SERVICE, Call(method="org.example.door.Open", parameters={"name": "front"}, more=True))
    check_call(SERVICE, Call(method="org.varlink.service.GetInfo", parameters={}))


def test_an_unknown_interface_or_method_is_named() -> None:
    assert failure("org.example.gate.Open") == (
        "org.varlink.service.InterfaceNotFound",
        {"interface": "org.example.gate"},
    )
    for method in ("org.example.door.Shut", "org.example.door.__init__", "org.example.door.", "Open", ""):
        assert failure(method) == ("org.varlink.service.MethodNotFound", {"method": method})


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": "front", "color": "red"}, "color"),
        ({"name": "front", "how": {"wide": 1}}, "how.wide"),
    ],
)
def test_a_wrong_parameter_is_named_by_its_path(parameters: dict[str, Any], path: str) -> None:
    assert failure("org.example.door.Open", parameters) == (
        "org.varlink.service.InvalidParameter",
        {"parameter": path},
    )


def test_an_upgrade_is_refused() -> None:
    assert failure("org.example.door.Open", {"name": "front"}, upgrade=True) == (
        "org.varlink.service.InvalidParameter",
        {"parameter": "upgrade"},
    )


def test_a_service_says_what_it_is_as_its_own_interface_declares() -> None:
    info = get_info(SERVICE)
    description = get_interface_description(SERVICE, "org.example.door")

    assert info["interfaces"] == ["org.varlink.service", "org.example.door"]
    assert description == {"description": DOOR.description}
    for method, answer in (("GetInfo", info), ("GetInterfaceDescription", description)):
        declared = SERVICE_INTERFACE.methods[method].answers
        assert list(find_mismatches(SERVICE_INTERFACE, declared, answer)) == []


def test_the_description_of_an_unknown_interface_is_refused_by_name() -> None:
    with pytest.raises(CallFailedError) as caught:
        get_interface_description(SERVICE, "org.example.gate")

    assert caught.value.error == "org.varlink.service.InterfaceNotFound"


def test_methods_have_their_interface_in_their_name() -> None:
    assert method_names(DOOR) == ["org.example.door.Open"]
