"""Keys that spell text: what a layout says, and which lines come of keys."""

from collections.abc import Iterable, Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.load import ports
from bridge.model.codes import code_number, names_of, type_number
from bridge.sources.layouts import LAYOUTS, SHIFT, control_character, numbered_character
from bridge.sources.serial import SERIAL
from bridge.sources.typist import PAUSE, Cut, Typist

EV_KEY = type_number("EV_KEY")
US = LAYOUTS["us"]
TYPED = {typed: (key, keys) for key in US for typed, keys in zip(US[key], ((), ("LEFTSHIFT",)), strict=True)}
"""One way to type each character."""
SIGNS = sorted(typed for typed in TYPED if typed.isprintable())


def key(name: str) -> int:
    return code_number(EV_KEY, f"KEY_{name}")


def typist(*, end: str = "ENTER", longest: int = 4096) -> Typist:
    return Typist(US, end=key(end), longest=longest)


def hear(who: Typist, *steps: str, clock: Iterator[int] | None = None) -> list[str | Cut]:
    """`A+` goes down, `A-` up, `A=` repeats, `A` is tapped."""
    told = []
    times = clock or count()
    for step in steps:
        values = {"+": [1], "-": [0], "=": [2]}.get(step[-1], [1, 0])
        name = step if len(values) == 2 else step[:-1]
        told += [who.hear(next(times), key(name), value) for value in values]
    return [each for each in told if each is not None]


def strokes(line: Iterable[str]) -> list[str]:
    """How a scanner types this."""
    names = {number: name.removeprefix("KEY_") for name in names_of(EV_KEY) for number in [code_number(EV_KEY, name)]}
    steps = []
    for character in line:
        number, held = TYPED[character]
        steps += [*(f"{each}+" for each in held), names[number], *(f"{each}-" for each in held)]
    return steps


@given(st.lists(st.sampled_from(SIGNS)))
def test_every_line_of_signs_that_a_scanner_types_is_read(line: list[str]) -> None:
    assert hear(typist(), *strokes(line), "ENTER") == ["".join(line)]


def test_the_us_layout_has_every_sign_of_ascii() -> None:
    assert {chr(number) for number in range(0x20, 0x7F)} == set(SIGNS)


def test_files_may_name_just_the_layouts_that_there_are() -> None:
    assert tuple(LAYOUTS) == ports.LAYOUTS


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (["A", "LEFTSHIFT+", "A", "LEFTSHIFT-", "A"], "aAa"),
        (["LEFTSHIFT+", "RIGHTSHIFT+", "A", "LEFTSHIFT-", "A", "RIGHTSHIFT-", "A"], "AAa"),
        (["CAPSLOCK", "A", "1", "LEFTSHIFT+", "A", "1", "LEFTSHIFT-", "CAPSLOCK", "A"], "A1a!a"),
        (["KP4", "KP2", "KPDOT", "KP0"], "42.0"),
        (["A+", "A=", "A=", "A-", "A"], "aa"),
        (["A+", "B+", "A-", "B-"], "ab"),
        (["F5", "UP", "VOLUMEUP", "A"], "a"),
        (["LEFTMETA+", "R", "LEFTMETA-", "A"], "a"),
        (["LEFTALT+", "F", "LEFTALT-", "A"], "a"),
        (["TAB", "A", "SPACE"], "\ta "),
        ([], ""),
    ],
)
def test_keys_type_what_a_us_keyboard_types(steps: list[str], line: str) -> None:
    assert hear(typist(), *steps, "ENTER") == [line]


@pytest.mark.parametrize(
    ("steps", "character"),
    [
        (["LEFTCTRL+", "RIGHTBRACE", "LEFTCTRL-"], "\x1d"),
        (["RIGHTCTRL+", "LEFTSHIFT+", "6", "LEFTSHIFT-", "RIGHTCTRL-"], "\x1e"),
        (["LEFTALT+", "KP0", "KP0", "KP2", "KP9", "LEFTALT-"], "\x1d"),
        (["LEFTALT+", "KP0", "KP2", "KP3", "KP3", "LEFTALT-"], "é"),
        (["ESC"], "\x1b"),
    ],
)
def test_separators_and_foreign_letters_come_as_scanners_type_them(steps: list[str], character: str) -> None:
    assert hear(typist(), "1", *steps, "2", "ENTER") == [f"1{character}2"]


@pytest.mark.parametrize(
    ("steps", "written"),
    [
        (["LEFTCTRL+", "2", "LEFTCTRL-"], "\\x00"),
        (["LEFTCTRL+", "J", "LEFTCTRL-"], "\\x0a"),
        (["LEFTCTRL+", "M", "LEFTCTRL-"], "\\x0d"),
    ],
)
def test_what_a_line_cannot_hold_is_written_as_its_number(steps: list[str], written: str) -> None:
    (line,) = hear(typist(), "1", *steps, "2", "ENTER")

    assert line == f"1{written}2"
    assert SERIAL.checked({"port": "scanner", "line": line})


def test_with_another_end_enter_is_typed() -> None:
    assert hear(typist(end="TAB"), "A", "ENTER", "B", "TAB") == ["a\\x0db"]


def test_the_keypads_enter_is_enter() -> None:
    assert hear(typist(), "A", "KPENTER", "B", "ENTER") == ["a", "b"]


def test_a_line_that_is_too_long_is_told_once_and_dropped_up_to_its_end() -> None:
    assert hear(typist(longest=3), *"ABCDEF", "ENTER", *"ABC", "ENTER") == [Cut.TOO_LONG, "abc"]


def test_after_a_loss_what_is_typed_up_to_the_lines_end_is_no_line() -> None:
    who = typist()
    before = hear(who, *"BEGUN")
    who.lose(10)

    assert before + hear(who, *"TAIL", "ENTER", *"NEXT", "ENTER", clock=count(10)) == ["next"]


def test_after_a_loss_and_a_pause_a_line_is_trusted() -> None:
    who = typist()
    who.lose(10)

    assert hear(who, *"GOOD", "ENTER", clock=count(10 + PAUSE)) == ["good"]


def test_a_loss_lets_go_of_the_number_that_alt_was_held_for() -> None:
    who = typist()
    hear(who, "LEFTALT+", "KP6")
    who.lose(0)

    assert hear(who, "KP5", "LEFTALT-", "ENTER", "A", "ENTER", clock=count(PAUSE)) == ["\x05", "a"]


def test_a_look_at_the_keys_that_shows_nothing_new_changes_nothing() -> None:
    who = typist()
    hear(who, "LEFTSHIFT+", "A")

    assert who.find(9, {*SHIFT & {key("LEFTSHIFT")}, key("VOLUMEUP")})
    assert hear(who, "B", "ENTER") == ["AB"]


def test_a_look_at_the_keys_that_shows_others_drops_the_line() -> None:
    who = typist()
    hear(who, "A")

    assert not who.find(9, {key("LEFTSHIFT")})
    assert hear(who, "B", "ENTER", "C", "ENTER", clock=count(10)) == ["C"]


@given(st.lists(st.tuples(st.sampled_from(sorted(typist().keys)), st.integers(0, 2)), max_size=60))
def test_whatever_keys_do_a_line_is_one_that_a_serial_port_can_have(keys: list[tuple[int, int]]) -> None:
    who = typist()
    for at, (number, value) in enumerate(keys):
        line = who.hear(at, number, value)
        if isinstance(line, str):
            assert SERIAL.checked({"port": "scanner", "line": line})


@given(st.characters())
def test_ctrl_makes_control_characters_and_no_others(character: str) -> None:
    made = control_character(character)

    assert made is None or ord(made) < 0x20 or ord(made) == 0x7F


@given(st.text("0123456789", max_size=12))
def test_a_number_is_one_character_or_none(digits: str) -> None:
    made = numbered_character(digits)

    assert made is None or len(made.encode().decode()) == 1
