"""Keys that spell lines of a serial port: what the monitor of input devices tells of them, and what it does not."""

from collections.abc import Mapping

import pytest
from made_inputs import HEADPHONE, KEY_A, KEY_B, NODE, NOW, MadeMachine, MadeUevent, asking
from msgspec.structs import replace

from bridge.mapping.interest import Interest
from bridge.mapping.match import parse_test
from bridge.mapping.ports import InputOptions, KeyedText, SerialPort
from bridge.mapping.rules import Rule
from bridge.model.events import DeviceGone, Event, Origin
from bridge.model.guid import Guid
from bridge.model.templates import Template
from bridge.monitors.evdev import EvdevMonitor
from bridge.monitors.evdev_decode import Code, pack
from bridge.sources.serial import SERIAL

ENTER: Code = (1, 28)
KEYS = [KEY_A, KEY_B, ENTER]
SECOND = "/dev/input/event4"


def typing(*matches: Mapping[str, object], interest: Interest | None = None, **text: str) -> Interest:
    """What asks for lines, by these matches of serial rules, of every device called Scanner."""
    guid = Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
    rules = tuple(
        Rule(
            name=f"rule {number}",
            source=SERIAL,
            match=tuple((name, parse_test(value)) for name, value in match.items()),
            trigger=guid,
            key=Template.parse("{port}"),
        )
        for number, match in enumerate(matches or ({"port": "lab"},))
    )
    options = InputOptions(match=(("name", parse_test("Scanner")),), text=KeyedText(**{"port": "lab", **text}))
    return replace(interest or asking(), inputs=(options,), typed=Interest("serial", rules))


def tap(machine: MadeMachine, *codes: Code, node: str = NODE, at: int = NOW) -> None:
    for code in codes:
        machine.nodes[node].send(code, 1, at=at)
        machine.nodes[node].send(code, 0, at=at)


def told(found: object) -> list[tuple[object, ...]]:
    assert isinstance(found, list)
    events = [event for event in found if isinstance(event, Event) and event.source == "serial"]
    return [
        (event.fields["port"], event.fields.get("state", event.fields.get("line")), event.origin) for event in events
    ]


def lines(found: object) -> list[object]:
    return [word for _, word, _ in told(found)]


def test_keys_are_lines_of_the_port_and_no_events_of_their_own(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Scanner", KEYS)
    opened = monitor.watch(typing())
    tap(machine, KEY_A, KEY_B, ENTER, at=7)

    fields = {"port": "lab", "device": NODE}
    assert opened == [Event("serial", NOW, {**fields, "state": "opened"}, Origin.START)]
    assert monitor.read() == [Event("serial", 7, {**fields, "line": "ab"})]
    assert monitor.report().devices == ('/dev/input/event3 "Scanner", types for the port lab',)


def test_only_keys_wake_the_daemon(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Scanner", [*KEYS, HEADPHONE, (1, 113)])

    monitor.watch(typing())

    assert machine.nodes[NODE].masked == [frozenset(KEYS)]


def test_keys_that_a_rule_asks_for_are_events_too(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing(interest=asking({"code": "KEY_A", "value": 1})))
    tap(machine, KEY_A, KEY_B, ENTER)

    found = monitor.read()

    assert [event.fields.get("code") or event.fields["line"] for event in found if isinstance(event, Event)] == [
        "KEY_A",
        "KEY_A",
        "ab",
    ]


def test_a_port_without_a_name_has_the_devices(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Scanner", KEYS)
    options = InputOptions(match=(("name", parse_test("Scanner")),), text=KeyedText())

    found = monitor.watch(replace(typing({"port": "Scan*"}), inputs=(options,)))

    assert told(found) == [("Scanner", "opened", Origin.START)]


@pytest.mark.parametrize("match", [{"port": "other"}, {"port": "lab", "device": "/dev/ttyUSB0"}])
def test_what_nobody_asks_for_is_not_listened_to(
    machine: MadeMachine, monitor: EvdevMonitor, match: Mapping[str, object]
) -> None:
    machine.plug(3, "Scanner", KEYS)

    monitor.watch(typing(match))

    assert machine.opened == []


def test_a_scanners_other_device_that_has_no_such_end_is_no_port(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Scanner", [KEY_A])
    machine.plug(4, "Scanner", KEYS)

    monitor.watch(typing())

    assert machine.opened == [SECOND]


def test_lines_say_of_an_ancestor_what_rules_ask(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.ancestry[machine.plug(3, "Scanner", KEYS)] = {"@ID_SERIAL_SHORT": "17", "@ID_BUS": "usb"}
    monitor.watch(typing({"port": "lab", "@ID_SERIAL_SHORT": "17"}))
    tap(machine, ENTER)

    (line,) = monitor.read()

    assert isinstance(line, Event)
    assert line.fields == {"port": "lab", "device": NODE, "@ID_SERIAL_SHORT": "17", "line": ""}


def test_a_port_is_lost_when_its_device_goes_and_opened_when_it_is_back(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    devpath = machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing())
    machine.unplug(devpath)
    gone = [*monitor.read()]
    back = machine.plug(4, "Scanner", KEYS)
    machine.uevents[0].tell(MadeUevent("remove", devpath), MadeUevent("add", back))

    assert isinstance(gone[0], DeviceGone)
    assert told(gone) == [("lab", "lost", Origin.LIVE)]
    assert told(monitor.read()) == [("lab", "opened", Origin.LIVE)]
    assert told([*monitor.snapshot()]) == [("lab", "opened", Origin.START)]


def test_a_port_that_no_device_spells_is_lost_from_the_start(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    found = monitor.watch(typing())
    again = monitor.watch(typing())
    machine.uevents[0].tell(MadeUevent("add", machine.plug(3, "Scanner", KEYS)))

    assert (told([*found]), again) == ([("lab", "lost", Origin.START)], [])
    assert told([*monitor.read()]) == [("lab", "opened", Origin.LIVE)]


def test_of_a_port_that_is_a_serial_one_too_nothing_is_said_before_a_device_is_there(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    interest = typing()
    assert interest.typed is not None

    ports = (SerialPort(name="lab", port="/dev/ttyUSB0"),)
    found = monitor.watch(replace(interest, typed=replace(interest.typed, ports=ports)))

    assert (found, monitor.snapshot()) == ([], [])


def test_a_line_that_was_begun_before_the_device_went_is_forgotten(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    devpath = machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing())
    tap(machine, KEY_A)
    machine.unplug(devpath)
    monitor.read()
    back = machine.plug(3, "Scanner", KEYS)
    machine.uevents[0].tell(MadeUevent("remove", devpath), MadeUevent("add", back))
    monitor.read()
    tap(machine, KEY_B, ENTER)

    assert lines(monitor.read()) == ["b"]


def test_a_port_of_two_scanners_is_open_until_the_last_goes(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    first, second = machine.plug(3, "Scanner", KEYS), machine.plug(4, "Scanner", KEYS)
    opened = told(monitor.watch(typing()))
    machine.unplug(first)
    one_left = told(monitor.read())
    machine.unplug(second)

    assert (opened, one_left) == ([("lab", "opened", Origin.START)], [])
    assert told(monitor.read()) == [("lab", "lost", Origin.LIVE)]


def test_scanners_type_their_lines_apart(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Scanner", KEYS)
    machine.plug(4, "Scanner", KEYS)
    monitor.watch(typing())
    tap(machine, KEY_A, at=1)
    tap(machine, KEY_B, node=SECOND, at=2)
    tap(machine, ENTER, at=3)
    tap(machine, ENTER, node=SECOND, at=4)

    assert lines(monitor.read()) == ["a", "b"]


@pytest.mark.parametrize("later", [asking(), asking({"code": "KEY_A"})])
def test_a_port_that_is_no_more_after_a_reload_is_lost(
    machine: MadeMachine, monitor: EvdevMonitor, later: Interest
) -> None:
    machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing())

    assert told([*monitor.watch(later)]) == [("lab", "lost", Origin.LIVE)]
    assert monitor.snapshot() == [event for event in monitor.snapshot() if event.source == "evdev"]


def test_a_port_by_another_name_after_a_reload_is_lost_and_opened(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing())

    assert told([*monitor.watch(typing({"port": True}, port="desk"))]) == [
        ("lab", "lost", Origin.LIVE),
        ("desk", "opened", Origin.START),
    ]


def test_a_reload_that_changes_nothing_does_not_disturb_a_line(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing())
    tap(machine, KEY_A)
    between = monitor.watch(typing())
    tap(machine, KEY_B, ENTER)

    assert (between, lines(monitor.read())) == ([], ["ab"])


def test_a_line_from_which_keys_were_lost_is_dropped_with_one_word_and_the_next_is_told(
    machine: MadeMachine, monitor: EvdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing())
    tap(machine, KEY_A)
    machine.nodes[NODE].drop()
    lost = monitor.read()
    tap(machine, KEY_B, ENTER, at=NOW + 1)
    tap(machine, KEY_A, ENTER, at=NOW + 2)

    assert (lost, lines(monitor.read())) == ([], ["a"])
    assert monitor.report().lost == 1
    (line,) = caplog.messages
    assert line.endswith("a line that is being typed is dropped")


def test_a_key_that_is_found_down_after_a_loss_is_held(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    shift: Code = (1, 42)
    machine.plug(3, "Scanner", [*KEYS, shift])
    monitor.watch(typing())
    machine.nodes[NODE].values[shift] = 1
    machine.nodes[NODE].drop()
    monitor.read()
    tap(machine, ENTER, KEY_A, ENTER, at=NOW + 1)

    assert lines(monitor.read()) == ["A"]


def test_sleep_in_the_midst_of_a_line_is_seen_by_the_keys(
    machine: MadeMachine, monitor: EvdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing())
    tap(machine, KEY_A)
    monitor.read()
    machine.nodes[NODE].values[KEY_B] = 1
    found = monitor.resync()
    machine.nodes[NODE].send(KEY_B, 0)
    tap(machine, ENTER, KEY_A, ENTER, at=NOW + 1)

    assert (found, lines(monitor.read()), monitor.report().lost, len(caplog.messages)) == ([], ["a"], 1, 1)


def test_a_key_that_is_down_when_the_device_is_opened_may_be_of_a_line_half_typed(
    machine: MadeMachine, monitor: EvdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    machine.values[NODE] = {KEY_A: 1}
    machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing())
    machine.nodes[NODE].send(KEY_A, 0)
    tap(machine, KEY_B, ENTER, KEY_A, ENTER)

    assert (lines(monitor.read()), monitor.report().lost, caplog.messages) == (["a"], 0, [])


def test_a_line_that_is_too_long_is_one_word_in_the_log_that_tells_nothing_of_it(
    machine: MadeMachine, monitor: EvdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    machine.plug(3, "Scanner", KEYS)
    monitor.watch(typing())
    node, found = machine.nodes[NODE], []
    for _ in range(5000):
        node.send_bytes(pack(NOW, KEY_A, 1) + pack(NOW, KEY_A, 0))
        found += monitor.read()
    tap(machine, ENTER, KEY_B, ENTER)

    assert lines([*found, *monitor.read()]) == ["b"]
    assert monitor.report().lost == 1
    assert caplog.messages == ['device /dev/input/event3 "Scanner": a line of more than 4096 characters is dropped']


def test_a_device_that_is_found_after_sleep_has_a_port_that_is_repaired(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    machine.deaf = True
    monitor.watch(typing())
    machine.plug(3, "Scanner", KEYS)

    assert told(monitor.resync()) == [("lab", "opened", Origin.RESYNC)]
