"""What the events of each source are about, which of them stay true, and Windows' names and numbers."""

import pytest

from bridge.model.conditions import SYSTEM_CONDITIONS, SystemConditionType
from bridge.model.events import Field
from bridge.model.system_triggers import SYSTEM_TRIGGERS, SystemTriggerType
from bridge.model.windows_names import windows_name
from bridge.sources import SOURCES
from bridge.sources.device import DEVICE, identity_of
from bridge.sources.network import KINDS, NETWORK
from bridge.sources.serial import SERIAL, SIGNALS
from bridge.sources.system import NAMES, OF_LINUX, SYSTEM


def test_the_sources_are_those_of_the_contract_in_its_order() -> None:
    assert list(SOURCES) == ["udev", "evdev", "serial", "network", "device", "system"]


def test_the_state_of_a_port_its_signals_and_what_comes_in_are_subjects_of_their_own() -> None:
    told: list[dict[str, Field]] = [
        {"state": "opened"},
        {"line": "x"},
        *({"signal": signal, "value": 1} for signal in SIGNALS),
    ]
    subjects = [SERIAL.subject({"port": "scanner", **each}) for each in told]

    assert len(set(subjects)) == len(told)
    assert {owner for owner, _ in subjects} == {"scanner"}


def test_a_port_that_is_lost_takes_its_signals_with_it_and_stays_lost() -> None:
    lost: dict[str, Field] = {"port": "scanner", "state": "lost"}
    signal: dict[str, Field] = {"port": "scanner", "signal": "CTS", "value": 1}

    assert SERIAL.leaves(lost)
    assert SERIAL.subject(lost)[1] in SERIAL.lasting
    assert SERIAL.subject(signal)[1] not in SERIAL.lasting
    assert not any(SERIAL.leaves(each) for each in ({**lost, "state": "opened"}, signal, {"port": "p", "line": "lost"}))


def test_lines_and_frames_are_moments_of_one_subject() -> None:
    line: dict[str, Field] = {"port": "scanner", "line": "x"}
    frame: dict[str, Field] = {"port": "scanner", "frame": "78"}

    assert SERIAL.is_moment(line)
    assert SERIAL.is_moment(frame)
    assert SERIAL.subject(line) == SERIAL.subject(frame)


def test_the_digits_of_a_frame_are_small_letters() -> None:
    assert SERIAL.checked({"port": "scanner", "frame": "0AfF"})["frame"] == "0aff"
    assert SERIAL.is_hexadecimal("frame")


def test_a_line_and_a_frame_may_be_empty() -> None:
    assert SERIAL.checked({"port": "scanner", "line": ""}) == {"port": "scanner", "line": ""}
    assert SERIAL.checked({"port": "scanner", "frame": ""}) == {"port": "scanner", "frame": ""}


def test_every_kind_of_every_interface_is_a_subject() -> None:
    subjects = {
        NETWORK.subject({"interface": interface, "kind": kind, "value": 1})
        for interface in ("eth0", "wlan0")
        for kind in KINDS
    }

    assert len(subjects) == 2 * len(KINDS)


@pytest.mark.parametrize("kind", ["resolver", "internet"])
def test_the_resolver_and_the_internet_may_be_those_of_the_whole_machine(kind: str) -> None:
    assert NETWORK.subject(NETWORK.checked({"kind": kind, "value": 1})) == ("", kind)


def test_a_device_that_left_takes_everything_with_it() -> None:
    left: dict[str, Field] = {"id": "usb-0403:6001-A50285BI", "state": "left"}

    assert DEVICE.leaves(left)
    assert not DEVICE.leaves({**left, "state": "arrived"})
    assert not DEVICE.lasting


@pytest.mark.parametrize(
    ("fields", "identity"),
    [
        ({"subsystem": "usb", "vendor": "04D8", "product": "000A"}, "usb-04d8:000a"),
        ({"ID_BUS": "usb", "ID_VENDOR_ID": "0403", "ID_MODEL_ID": "6001", "ID_SERIAL_SHORT": "A5"}, "usb-0403:6001-A5"),
        ({"subsystem": "usb", "serial": "A5", "devpath": "/devices/x"}, "usb-A5"),
        (
            {"subsystem": "pci", "vendor": "8086", "product": "100e", "devpath": "/devices/x"},
            "pci-8086:100e@/devices/x",
        ),
        ({"devpath": "/devices/platform/x"}, "/devices/platform/x"),
    ],
)
def test_a_device_without_an_id_is_known_by_its_serial_number_or_its_place(
    fields: dict[str, Field], identity: str
) -> None:
    assert identity_of(fields) == identity
    assert DEVICE.subject(DEVICE.checked({"state": "left", **fields})) == (identity, "")


def test_a_device_keeps_the_id_that_it_is_given() -> None:
    assert DEVICE.checked({"state": "left", "id": "mine", "serial": "A5"})["id"] == "mine"


def test_windows_numbers_are_its_own() -> None:
    assert [windows_name(SystemConditionType(number)) for number in (1, 4, 8)] == [
        "UserPresent",
        "InternetNotAvailable",
        "BackgroundWorkCostNotHigh",
    ]
    assert [windows_name(SystemTriggerType(number)) for number in (1, 4, 6, 11, 12, 14, 15)] == [
        "SmsReceived",
        "NetworkStateChange",
        "InternetAvailable",
        "TimeZoneChange",
        "OnlineIdConnectedStateChange",
        "PowerStateChange",
        "DefaultSignInAccountChange",
    ]
    assert (len(SystemConditionType), len(SystemTriggerType)) == (8, 15)


def test_the_names_of_system_are_those_of_conditions_and_triggers_and_of_linux() -> None:
    assert set(NAMES) == {*SYSTEM_CONDITIONS, *SYSTEM_TRIGGERS, *OF_LINUX}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_system_is_a_level_exactly_if_it_is_a_condition(name: str) -> None:
    assert SYSTEM.is_moment({"name": name}) is (name not in SYSTEM_CONDITIONS)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_system_is_taken(name: str) -> None:
    fields: dict[str, Field] = {"name": name, "value": 1} if name in SYSTEM_CONDITIONS else {"name": name}

    assert SYSTEM.checked(fields) == fields


def test_all_of_system_is_of_one_machine() -> None:
    assert {SYSTEM.subject({"name": name}) for name in NAMES} == {("", name) for name in NAMES}
