"""The table [[input]]: what input devices are to do; and which rules ask for serial ports that nobody declares."""

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError
from bridge.mapping.load.ports import load_input_options
from bridge.mapping.match import parse_test
from bridge.mapping.ports import InputOptions, KeyedText, LengthFrame, RegexFrame, SerialPort, undeclared_ports
from bridge.mapping.rules import Rule
from bridge.model.guid import Guid
from bridge.model.templates import Template
from bridge.sources import SOURCES
from bridge.toml.document import parse
from bridge.toml.schema import root_table

SCANNER = SerialPort(name="scanner", port="/dev/ttyS0")


def options(text: str) -> list[InputOptions]:
    document = parse("a.toml", dedent(text).encode())
    problems = list(document.problems)
    loaded = load_input_options(root_table(document, problems))
    assert problems == []
    return loaded


def typing(port: str | None) -> InputOptions:
    """A scanner that types into this port."""
    return InputOptions(match=(("name", parse_test("ACME*")),), text=KeyedText(port=port))


def rule(source: str = "serial", **match: object) -> Rule:
    tests = tuple((name, parse_test(test)) for name, test in match.items())
    guid = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
    return Rule(name="r", source=SOURCES[source], match=tests, trigger=guid, key=Template.parse(""))


def test_an_input_device_is_shared_and_spells_no_text_unless_its_file_says_so() -> None:
    (loaded,) = options('[[input]]\nmatch = { name = "ACME Scanner", vendor = "04D8" }')

    assert (loaded.grab, loaded.text) == (False, None)
    assert [test("04d8") for name, test in loaded.match if name == "vendor"] == [True]


def test_an_input_device_may_be_grabbed_and_spell_lines() -> None:
    (loaded,) = options(
        """\
        [[input]]
        match = { name = "ACME Scanner" }
        grab = true
        text = { layout = "us", end = "KEY_KPENTER", port = "scanner" }
        """
    )

    assert (loaded.grab, loaded.text) == (True, KeyedText(port="scanner", layout="us", end="KEY_KPENTER"))


def test_lines_end_with_enter_on_an_american_keyboard_unless_the_file_says_so() -> None:
    (loaded,) = options('[[input]]\nmatch = { name = "x" }\ntext = {}')

    assert loaded.text == KeyedText(port=None, layout="us", end="KEY_ENTER")


def test_the_key_at_the_end_of_a_line_has_its_canonical_name() -> None:
    (loaded,) = options('[[input]]\nmatch = { name = "x" }\ntext = { end = "KEY_SCREENLOCK" }')

    assert loaded.text is not None
    assert loaded.text.end == "KEY_COFFEE"


@pytest.mark.parametrize("test", ["scanner", "scan*", ["till", "scanner"], {"not": "till"}, True])
def test_a_rule_may_ask_for_a_port_that_is_declared(test: object) -> None:
    assert undeclared_ports([rule(port=test, line=True)], [SCANNER]) == []


@pytest.mark.parametrize("test", ["scaner", "till*", ["till", "modem"], {"not": "scanner"}])
def test_a_rule_that_asks_for_no_declared_port_is_found_with_its_test(test: object) -> None:
    asking = rule(port=test, line=True)

    assert undeclared_ports([asking], [SCANNER]) == [(asking, parse_test(test))]


def test_a_port_is_declared_by_an_input_device_that_types_into_it_too() -> None:
    assert undeclared_ports([rule(port="till")], [SCANNER], [typing("till")]) == []


def test_nothing_is_said_where_an_input_device_lends_its_name_to_a_port() -> None:
    assert undeclared_ports([rule(port="ACME Scanner")], [], [typing(None)]) == []


def test_rules_that_leave_the_port_open_and_those_of_other_sources_ask_for_none() -> None:
    assert undeclared_ports([rule(line=True), rule("udev", action="add")], []) == []


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"port": "/dev/ttyS0", "match": (("ID_PATH", parse_test("x")),)},
        {"port": "/dev/ttyS0", "frame": LengthFrame(81), "max_frame": 80},
    ],
    ids=["nowhere", "twice", "frames longer than allowed"],
)
def test_a_port_that_makes_no_sense_cannot_be_built(values: dict[str, object]) -> None:
    with pytest.raises(BridgeError):
        SerialPort(name="p", **values)


@given(st.text(st.sampled_from(r"ab\x02[^]*+?(){}|.é\d$"), max_size=12))
def test_an_expression_for_frames_is_refused_or_finds_frames_that_are_not_empty(text: str) -> None:
    try:
        frame = RegexFrame.parse(text)
    except BridgeError as error:
        assert str(error).startswith("regex ")  # noqa: PT017 -- what is refused is said, whichever way it ends
    else:
        assert frame.pattern.search(b"") is None
