"""Which device a declared port means, how its modem lines change, and warnings about ports that fit too many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.check.warnings import Written, warnings_of
from bridge.mapping.load.rules import load_rules
from bridge.sources import SOURCES
from bridge.sources.modem_lines import Look, changes_between
from bridge.sources.serial import SIGNALS
from bridge.sources.serial_ports import IDENTITY, LATEST_RETRY, in_order, retry_delay, told_apart_by
from bridge.toml.document import parse

PORTS = [
    {"ID_SERIAL_SHORT": "7", "ID_PATH": "b", "ID_USB_INTERFACE_NUM": "00", "DEVNAME": "right"},
    {"ID_SERIAL_SHORT": "7", "ID_PATH": "b", "ID_USB_INTERFACE_NUM": "01", "DEVNAME": "second"},
    {"ID_SERIAL_SHORT": "7", "ID_PATH": "a", "ID_USB_INTERFACE_NUM": "00", "DEVNAME": "left"},
    {"ID_SERIAL_SHORT": "9", "ID_PATH": "d", "ID_USB_INTERFACE_NUM": "00", "DEVNAME": "other"},
]
looks = st.builds(
    Look, st.integers(0, 0x1FF), st.none() | st.fixed_dictionaries({name: st.integers(0, 3) for name in SIGNALS})
)


def warnings(match: str) -> list[str]:
    return warnings_of_port(f"match = {match}")


def warnings_of_port(line: str) -> list[str]:
    document = parse("ports.toml", f'[[serial]]\nname = "scanner"\n{line}\n'.encode())
    table, problems = load_rules([document], ())
    assert problems == []
    written = Written(rules=table, tasks=(), rule_files=[document], task_files=[], watched=SOURCES)
    return [str(problem) for problem in warnings_of(written)]


@pytest.mark.parametrize(
    "match",
    [
        '{ ID_VENDOR_ID = "0403", ID_MODEL_ID = "6001" }',
        '{ subsystem = "tty", ID_BUS = "usb" }',
        '{ "@attr.idVendor" = "0403", "@attr.idProduct" = "6001" }',
        '{ ID_VENDOR = "FTDI", ID_MODEL = "FT232R*" }',
        '{ "@ID_USB_DRIVER" = "ftdi_sio" }',
    ],
)
def test_a_port_that_is_known_only_by_its_kind_is_doubted(match: str) -> None:
    (warning,) = warnings(match)

    assert warning.startswith('ports.toml:3: [serial "scanner"] match: fits every device of its kind')
    assert warning.endswith("ID_SERIAL_SHORT or ID_PATH tells them apart")


@pytest.mark.parametrize(
    "match",
    [
        '{ ID_SERIAL_SHORT = "A50285BI" }',
        '{ ID_VENDOR_ID = "0403", ID_PATH = "*-usb-0:2:1.0" }',
        '{ ID_VENDOR_ID = "0403", "@attr.serial" = "A50285BI" }',
        '{ devnode = "/dev/ttyS0" }',
    ],
)
def test_a_port_that_is_known_by_a_number_or_a_place_is_not(match: str) -> None:
    assert warnings(match) == []


def test_a_frame_that_repeats_what_is_repeated_is_doubted() -> None:
    (warning,) = warnings_of_port("port = '/dev/scanner'\nframe = { regex = '\\x02([0-9]+)*\\x03' }")

    assert warning.startswith('ports.toml:4: [serial "scanner"] frame.regex: ([0-9]+)* repeats what is repeated')
    assert warnings_of_port("port = '/dev/scanner'\nframe = { regex = '\\x02([0-9]+;)*\\x03' }") == []


def test_a_port_with_a_path_is_not_doubted() -> None:
    document = parse("ports.toml", b'[[serial]]\nname = "scanner"\nport = "/dev/scanner"\n')
    table, _ = load_rules([document], ())

    assert warnings_of(Written(rules=table, tasks=(), rule_files=[document], task_files=[], watched=SOURCES)) == []


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ({}, "left"),
        ({"ID_SERIAL_SHORT": "7", "ID_PATH": "b", "ID_USB_INTERFACE_NUM": "00"}, "right"),
        ({"ID_SERIAL_SHORT": "8", "ID_PATH": "b", "ID_USB_INTERFACE_NUM": "00"}, "right"),
        ({"ID_SERIAL_SHORT": "7", "ID_PATH": "c", "ID_USB_INTERFACE_NUM": "01"}, "second"),
        ({"ID_SERIAL_SHORT": "9", "ID_PATH": "a"}, "other"),
    ],
)
def test_the_serial_number_counts_more_than_the_place_and_that_more_than_the_interface(
    before: dict[str, str], first: str
) -> None:
    assert in_order(PORTS, before)[0]["DEVNAME"] == first


@given(found=st.permutations(PORTS), before=st.dictionaries(st.sampled_from(IDENTITY), st.sampled_from("79abcd")))
def test_the_order_does_not_depend_on_how_devices_are_listed(
    found: list[dict[str, str]], before: dict[str, str]
) -> None:
    assert in_order(found, before) == in_order(PORTS, before)


def test_devices_that_are_alike_in_everything_are_told_apart_by_nothing() -> None:
    assert told_apart_by([{"ID_PATH": "a"}, {"ID_PATH": "a"}]) is None
    assert told_apart_by([{"ID_PATH": "a"}, {}]) is None
    assert told_apart_by([{"ID_USB_INTERFACE_NUM": "00"}, {"ID_USB_INTERFACE_NUM": "01"}]) == "ID_USB_INTERFACE_NUM"


def test_a_port_is_tried_again_ever_later_up_to_half_a_minute() -> None:
    delays = [retry_delay(failures) for failures in range(1, 50)]

    assert delays == sorted(delays)
    assert delays[0] == 500_000
    assert delays[-1] == LATEST_RETRY == 30_000_000


@given(before=looks, now=looks)
def test_after_all_changes_every_modem_line_is_as_it_was_seen_last(before: Look, now: Look) -> None:
    values = {signal: before.value(signal) for signal in SIGNALS}
    for signal, value in changes_between(before, now):
        assert values[signal] != value
        values[signal] = value

    assert values == {signal: now.value(signal) for signal in SIGNALS}


@given(look=looks)
def test_where_nothing_changed_and_nothing_was_counted_nothing_is_told(look: Look) -> None:
    assert list(changes_between(look, look)) == []
    assert list(changes_between(look, Look(look.bits))) == []
