"""Rules about every source can be loaded, and raise as the levels of the source turn."""

from textwrap import dedent

import pytest

from bridge.mapping.load.rules import load_rules
from bridge.mapping.mapper import Mapper
from bridge.model.events import Event, Field
from bridge.model.triggers import Raised
from bridge.sources import SOURCES
from bridge.toml.document import parse

SECOND = 1_000_000
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"


def mapper(*rules: str) -> Mapper:
    """A mapper with these rules, named "0", "1" and so on."""
    usual = "\n".join(
        f'[[rule]]\nname = "{number}"\nraise = "{GUID}"\n{dedent(rule)}' for number, rule in enumerate(rules)
    )
    table, problems = load_rules([parse("a.toml", usual.encode())])
    assert problems == []
    mapper = Mapper()
    mapper.replace(table)
    return mapper


def raised_by(mapper: Mapper, source: str, *told: dict[str, Field]) -> list[tuple[int, str | None, str]]:
    """What is raised by events that come a second apart, as second, rule and key, and the hour after them."""
    mapped = []
    for second, fields in enumerate(told):
        mapped += mapper.advance(second * SECOND)
        mapped += mapper.receive(Event(source, second * SECOND, SOURCES[source].checked(fields)))
    mapped += mapper.advance(3600 * SECOND)
    return [(each.at // SECOND, each.rule, each.key) for each in mapped if isinstance(each, Raised)]


def test_a_port_that_is_lost_stays_lost_until_it_is_opened() -> None:
    lost_for_long = 'source = "serial"\nmatch = { state = "lost" }\nhold_for = "2s"'
    opened: dict[str, Field] = {"port": "scanner", "state": "opened"}
    lost: dict[str, Field] = {"port": "scanner", "state": "lost"}

    assert raised_by(mapper(lost_for_long), "serial", opened, lost) == [(3, "0", "scanner")]
    assert raised_by(mapper(lost_for_long), "serial", lost, opened) == []


def test_a_port_that_is_lost_has_no_signals_any_more() -> None:
    ready_for_long = 'source = "serial"\nmatch = { signal = "CTS", value = 1 }\nhold_for = "2s"'
    ready: dict[str, Field] = {"port": "modem", "signal": "CTS", "value": 1}
    lost: dict[str, Field] = {"port": "modem", "state": "lost"}
    other: dict[str, Field] = {"port": "scanner", "state": "lost"}

    assert raised_by(mapper(ready_for_long), "serial", ready, other) == [(2, "0", "modem")]
    assert raised_by(mapper(ready_for_long), "serial", ready, lost) == []


def test_what_comes_in_at_a_port_can_be_guarded_by_its_signals() -> None:
    guarded = 'source = "serial"\nmatch = { line = "*" }\nwhile = [{ signal = "CD", value = 1 }]'
    line: dict[str, Field] = {"port": "modem", "line": "RING"}
    carrier: dict[str, Field] = {"port": "modem", "signal": "CD", "value": 1}

    assert raised_by(mapper(guarded), "serial", line, carrier, line) == [(2, "0", "modem")]


def test_lines_and_frames_have_no_level_and_signals_and_states_have_one() -> None:
    rules = '[[rule]]\nname = "%d"\nsource = "serial"\nmatch = { %s }\nraise = "' + GUID + '"\nedge = true\n'
    tests = ('line = "x"', 'frame = "78*"', 'signal = "CTS"', 'state = "lost"', 'port = "scanner"')
    text = "".join(rules % (number, test) for number, test in enumerate(tests))
    _, problems = load_rules([parse("a.toml", text.encode())])

    assert [problem.where for problem in problems] == ['rule "0"', 'rule "1"']


def test_a_level_of_the_machine_guards_its_moments() -> None:
    guarded = 'source = "system"\nmatch = { name = "Resume" }\nwhile = [{ name = "SessionConnected", value = 1 }]'
    connected: dict[str, Field] = {"name": "SessionConnected", "value": 1}
    resume: dict[str, Field] = {"name": "Resume"}

    assert raised_by(mapper(guarded), "system", resume, connected, resume) == [(2, "0", "")]


def test_a_device_that_left_may_arrive_anew() -> None:
    arrived = 'source = "device"\nmatch = { state = "arrived", vendor = "04D8" }\nedge = true'
    there: dict[str, Field] = {"state": "arrived", "vendor": "04d8", "product": "000a", "serial": "7"}

    assert raised_by(mapper(arrived), "device", there, there, {**there, "state": "left"}, there) == [
        (0, "0", "04d8:000a-7"),
        (3, "0", "04d8:000a-7"),
    ]


def test_an_interface_is_up_when_its_link_is_whatever_else_it_has() -> None:
    up = 'source = "network"\nmatch = { kind = "link", value = 1 }\nedge = true'
    link: dict[str, Field] = {"interface": "eth0", "kind": "link", "value": 1}
    address: dict[str, Field] = {"interface": "eth0", "kind": "address", "value": 0}

    assert raised_by(mapper(up), "network", link, address, link, {**link, "value": 0}, link) == [
        (0, "0", "eth0"),
        (4, "0", "eth0"),
    ]


@pytest.mark.parametrize(
    ("source", "test"),
    [
        ("serial", 'state = "opend"'),
        ("serial", 'signal = "DTR"'),
        ("network", 'kind = "carrier"'),
        ("device", 'state = "add"'),
        ("system", 'name = "TimezoneChange"'),
    ],
)
def test_a_test_for_a_word_that_the_source_never_says_is_an_error(source: str, test: str) -> None:
    text = f'[[rule]]\nname = "r"\nsource = "{source}"\nmatch = {{ {test} }}\nraise = "{GUID}"\n'
    _, problems = load_rules([parse("a.toml", text.encode())])

    assert [(problem.line, problem.key) for problem in problems] == [(4, f"match.{test.partition(' ')[0]}")]
