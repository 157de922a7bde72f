"""What no monitor could send is refused by its source, in words that say what is wrong."""

import json

import pytest

from bridge.errors import RecordingError
from bridge.model.events import Field
from bridge.recording.jsonl import read_recording


def refusal(source: str, **fields: Field) -> str:
    record = {"at": 1, "source": source, **fields}
    with pytest.raises(RecordingError) as caught:
        list(read_recording("a.jsonl", [b'{"hwbridge-recording": 1}', json.dumps(record).encode()]))
    return str(caught.value).removeprefix("a.jsonl:2: ")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"line": "x"}, "has no port"),
        ({"port": "", "line": "x"}, "port is empty"),
        ({"port": 5, "line": "x"}, "port is a number, not a text"),
        ({"port": "a\nb", "line": "x"}, "port is 'a\\nb', which no port can be called"),
        (
            {"port": "p"},
            "an event of serial tells one of state, line, frame, signal; this one has none of them",
        ),
        (
            {"port": "p", "value": 1},
            "an event of serial tells one of state, line, frame, signal; this one has none of them",
        ),
        (
            {"port": "p", "line": "x", "frame": "78"},
            "an event of serial tells one of state, line, frame, signal; this one has line and frame",
        ),
        (
            {"port": "p", "state": "opened", "signal": "CTS", "value": 1},
            "an event of serial tells one of state, line, frame, signal; this one has state and signal",
        ),
        ({"port": "p", "state": "open"}, "state is 'open', not one of opened, lost"),
        ({"port": "p", "state": 1}, "state is a number, not a text"),
        ({"port": "p", "signal": "DTR", "value": 1}, "signal is 'DTR', not one of CTS, DSR, RI, CD"),
        ({"port": "p", "signal": "CTS"}, "has no value"),
        ({"port": "p", "signal": "CTS", "value": 2}, "value is 2, not an integer from 0 to 1"),
        ({"port": "p", "signal": "CTS", "value": "1"}, "value is '1', not an integer"),
        ({"port": "p", "line": "x", "value": 1}, "value belongs to a signal"),
        ({"port": "p", "line": 17}, "line is a number, not a text"),
        ({"port": "p", "line": "one\ntwo"}, "line holds a line's end"),
        ({"port": "p", "line": "one\r"}, "line holds a line's end"),
        ({"port": "p", "frame": "abc"}, "frame is 'abc', not two hexadecimal digits for each byte"),
        ({"port": "p", "frame": "0x03"}, "frame is '0x03', not two hexadecimal digits for each byte"),
        (
            {"port": "p", "line": "x", "ID_SERIAL": "y"},
            "'ID_SERIAL' is no field of serial; there are device, frame, line, port, signal, state, value",
        ),
    ],
)
def test_serial_refuses(fields: dict[str, Field], message: str) -> None:
    assert refusal("serial", **fields) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"interface": "eth0", "value": 1}, "has no kind"),
        (
            {"interface": "eth0", "kind": "carrier", "value": 1},
            "kind is 'carrier', not one of link, address, route, resolver, internet",
        ),
        ({"kind": "link", "value": 1}, "has no interface"),
        ({"kind": "link", "interface": "", "value": 1}, "interface is empty"),
        (
            {"kind": "internet", "interface": "eth0", "value": 1},
            "internet has no interface: it is of the whole machine",
        ),
        ({"interface": "eth0", "kind": "link"}, "has no value"),
        ({"interface": "eth0", "kind": "link", "value": ""}, "value is empty"),
        ({"interface": "eth0", "kind": "link", "value": -1}, "value is -1, not an integer from 0 to 1"),
        ({"kind": "internet", "value": 1, "metered": 2}, "metered is 2, not an integer from 0 to 1"),
        (
            {"interface": "eth0", "kind": "link", "value": 1, "addresses": "192.0.2.7"},
            "addresses is no detail of link; that has mac, operstate, carrier, speed, mtu",
        ),
        ({"interface": "eth0", "kind": "link", "value": 1, "mac": 5}, "mac is a number, not a text"),
        (
            {"interface": "eth0", "kind": "link", "value": 1, "ttl": 5},
            (
                "'ttl' is no field of network; there are address, addresses, carrier, connectivity, domains, family,"
                " gateway, gateways, interface, kind, mac, metered, metric, mtu, nameservers, operstate, speed, value"
            ),
        ),
    ],
)
def test_network_refuses(fields: dict[str, Field], message: str) -> None:
    assert refusal("network", **fields) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "x"}, "has no state"),
        ({"id": "x", "state": "add"}, "state is 'add', not one of arrived, left"),
        ({"id": "", "state": "left"}, "id is empty"),
        (
            {"state": "left", "subsystem": "usb"},
            "does not say which device it is of: give its id, vendor, product, serial or devpath",
        ),
        ({"id": "x", "state": "left", "vendor": "403"}, "vendor is '403', not four hexadecimal digits"),
        ({"id": "x", "state": "left", "nodes": 1}, "nodes is a number, not a text"),
        (
            {"id": "x", "state": "left", "DEVNAME": "/dev/x"},
            (
                "'DEVNAME' is no field of device; there are devpath, id, name, nodes, product, serial, state,"
                " subsystem, vendor"
            ),
        ),
    ],
)
def test_device_refuses(fields: dict[str, Field], message: str) -> None:
    assert refusal("device", **fields) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"value": 1}, "has no name"),
        ({"name": "InternetAvailable"}, "has no value"),
        ({"name": "InternetAvailable", "value": 2}, "value is 2, not an integer from 0 to 1"),
        ({"name": "TimeZoneChange", "value": 2}, "value is 2, not an integer from 0 to 1"),
        ({"name": "Resume", "value": -1}, f"value is -1, not an integer from 0 to {2**53}"),
        ({"name": "ClockStep", "value": 2**63}, "value is a number of more than 64 bits, not an integer from"),
        ({"name": "BackgroundWorkCostChange", "value": 3}, "value is 3, not an integer from 0 to 2"),
        ({"name": "TimeZoneChange", "offset": 86_401}, "offset is 86401, not an integer from -86400 to 86400"),
        ({"name": "TimeZoneChange", "zone": 5}, "zone is a number, not a text"),
        ({"name": "PowerStateChange", "capacity": 101}, "capacity is 101, not an integer from 0 to 100"),
        ({"name": "PowerStateChange", "zone": "x"}, "zone is no detail of PowerStateChange; that has mains, capacity,"),
        ({"name": "Suspend", "zone": "x"}, "zone is no detail of Suspend; that has none"),
    ],
)
def test_system_refuses(fields: dict[str, Field], message: str) -> None:
    assert refusal("system", **fields).startswith(message)


@pytest.mark.parametrize("name", ["Invalid", "internetavailable", "TIME_ZONE_CHANGE", "OnMains"])
def test_system_refuses_a_name_that_neither_windows_nor_linux_has(name: str) -> None:
    assert refusal("system", name=name, value=1).startswith(f"name is {name!r}, not one of UserPresent, ")


def test_numbers_too_long_to_print_are_refused_like_others() -> None:
    assert refusal("network", kind="internet", value=2**70).startswith("value is a number of more than 64 bits")
