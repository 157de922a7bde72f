"""The names of input codes: the committed table against the kernel's headers, and what the names mean."""

import re
import runpy
from pathlib import Path

import pytest

from bridge.errors import UnknownCodeError
from bridge.model import code_table
from bridge.model.codes import (
    LEVEL_TYPES,
    code_name,
    code_number,
    names_of,
    resolve_code,
    type_name,
    type_number,
)

PACKAGING = Path(__file__).parents[2] / "packaging"
MAKE_CODE_TABLE = runpy.run_path(str(PACKAGING / "make-code-table.py"))
NEWER = PACKAGING / "input-event-codes-since-6.1.h"
HEADERS = [NEWER, *Path("/usr/include/linux").glob("input-event-codes.h")]  # the second where it is installed
EV_KEY, EV_ABS, EV_SW = type_number("EV_KEY"), type_number("EV_ABS"), type_number("EV_SW")


def committed_as_header() -> str:
    pairs = re.findall(r"(\w+) (\w+)", " ".join([code_table.TYPES, *code_table.CODES.values(), code_table.ALIASES]))
    return "\n".join(f"#define {name} {value}" for name, value in pairs)


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_the_table_and_a_header_agree_on_every_name_that_both_have(header: Path) -> None:
    numbers, aliases = MAKE_CODE_TABLE["defines"]([header.read_text(encoding="utf-8")])
    type_of = MAKE_CODE_TABLE["type_of"]
    known = {name for type_ in map(type_number, code_table.TYPES.split()[::2]) for name in names_of(type_)}
    known |= set(code_table.ALIASES.split())
    codes = {name: number for name, number in numbers.items() if not name.startswith("EV_")}
    both = codes.keys() & known

    assert len(both) > 5
    assert {name: int(codes[name], 0) for name in both} == {
        name: code_number(type_number(type_of(name)), name) for name in both
    }
    assert {name: resolve_code(name) for name in aliases.keys() & known} == {
        name: resolve_code(aliases[name]) for name in aliases.keys() & known
    }


def test_every_name_of_the_newer_codes_is_in_the_table() -> None:
    numbers, _ = MAKE_CODE_TABLE["defines"]([NEWER.read_text(encoding="utf-8")])

    assert [resolve_code(name)[1] for name in numbers] == list(numbers)


def test_the_committed_table_is_what_the_generator_writes() -> None:
    committed = Path(code_table.__file__).read_text(encoding="utf-8")

    assert MAKE_CODE_TABLE["table"]([committed_as_header()]) == committed


def test_the_generator_takes_the_later_of_two_names_of_one_number_as_canonical() -> None:
    header = "#define EV_KEY 0x01\n#define BTN_MOUSE\t0x110\n#define BTN_LEFT\t0x110\t/* the first */\n"
    written = MAKE_CODE_TABLE["table"]([header])

    assert '"EV_KEY": """\nBTN_LEFT 0x110\n"""' in written
    assert 'ALIASES = """\nBTN_MOUSE BTN_LEFT\n"""' in written


def test_the_generator_refuses_headers_that_disagree() -> None:
    with pytest.raises(SystemExit, match="KEY_ESC is 1 in one place and 2 in another"):
        MAKE_CODE_TABLE["defines"](["#define KEY_ESC 1", "#define KEY_ESC 2"])


def test_every_code_has_one_name_and_goes_there_and_back() -> None:
    types = [type_number(name) for name in code_table.TYPES.split()[::2]]
    codes = [(type_, name) for type_ in types for name in names_of(type_)]

    assert len(codes) > 700
    assert [code_name(type_, code_number(type_, name)) for type_, name in codes] == [name for _, name in codes]
    assert [resolve_code(name) for _, name in codes] == codes
    assert [type_number(type_name(type_)) for type_ in types] == types


@pytest.mark.parametrize(
    ("alias", "canonical"),
    [
        ("KEY_SCREENLOCK", "KEY_COFFEE"),
        ("KEY_HANGUEL", "KEY_HANGEUL"),
        ("BTN_A", "BTN_SOUTH"),
        ("BTN_GAMEPAD", "BTN_SOUTH"),
        ("BTN_MISC", "BTN_0"),
        ("BTN_MOUSE", "BTN_LEFT"),
        ("BTN_JOYSTICK", "BTN_TRIGGER"),
        ("BTN_DIGI", "BTN_TOOL_PEN"),
        ("BTN_WHEEL", "BTN_GEAR_DOWN"),
        ("BTN_TRIGGER_HAPPY", "BTN_TRIGGER_HAPPY1"),
    ],
)
def test_an_alias_resolves_to_the_canonical_name(alias: str, canonical: str) -> None:
    assert resolve_code(alias) == (EV_KEY, canonical)
    assert code_name(EV_KEY, code_number(EV_KEY, alias)) == canonical
    assert alias not in names_of(EV_KEY)


def test_the_prefix_of_a_name_says_its_type() -> None:
    names = "SYN_DROPPED KEY_A REL_X ABS_X MSC_SCAN SW_LID LED_CAPSL SND_BELL REP_DELAY FF_RUMBLE FF_STATUS_PLAYING"

    assert [type_name(type_) for name in names.split() if (type_ := resolve_code(name)[0]) is not None] == [
        *("EV_SYN", "EV_KEY", "EV_REL", "EV_ABS", "EV_MSC", "EV_SW"),
        *("EV_LED", "EV_SND", "EV_REP", "EV_FF", "EV_FF_STATUS"),
    ]


def test_limits_counts_and_ranges_are_no_codes_but_the_brightness_keys_are() -> None:
    for name in (
        "KEY_MAX",
        "KEY_CNT",
        "SW_MAX",
        "REP_MAX",
        "KEY_MIN_INTERESTING",
        "FF_EFFECT_MIN",
        "FF_STATUS_MAX",
    ):
        with pytest.raises(UnknownCodeError):
            resolve_code(name)
    for name in ("EV_MAX", "EV_CNT", "EV_VERSION"):
        with pytest.raises(UnknownCodeError):
            type_number(name)

    assert resolve_code("KEY_BRIGHTNESS_MAX") == (EV_KEY, "KEY_BRIGHTNESS_MAX")
    assert code_name(EV_SW, 0x10) == "SW_MACHINE_COVER"


def test_what_has_no_name_is_written_as_its_number() -> None:
    assert (code_name(EV_KEY, 0x2FF), code_name(0x1E, 5), type_name(0x1E)) == ("0x2ff", "0x5", "0x1e")
    assert (code_number(EV_KEY, "0x2ff"), code_number(EV_KEY, "0X02FF"), type_number("0x1e")) == (
        0x2FF,
        0x2FF,
        0x1E,
    )
    assert resolve_code("0x02FF") == (None, "0x2ff")
    assert names_of(0x1E) == ()


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UnknownCodeError, match=r"'SW_HEADPHONE_INSRT'; did you mean SW_HEADPHONE_INSERT\?"):
        resolve_code("SW_HEADPHONE_INSRT")
    with pytest.raises(UnknownCodeError, match=r"'key_enter'; did you mean KEY_ENTER\?"):
        code_number(EV_KEY, "key_enter")
    with pytest.raises(UnknownCodeError, match=r"type 'EV_SWITCH'; did you mean EV_SW\?"):
        type_number("EV_SWITCH")


@pytest.mark.parametrize("text", ["", "767", "0x", "0x10000", "0x2ff ", "-0x1", "0x2_f", "SW_LID\n", "EV_SW"])
def test_other_text_is_no_code(text: str) -> None:
    with pytest.raises(UnknownCodeError):
        resolve_code(text)


def test_a_code_of_another_type_is_refused_with_both_types() -> None:
    with pytest.raises(UnknownCodeError, match="SW_LID is a code of EV_SW, not of EV_KEY"):
        code_number(EV_KEY, "SW_LID")


def test_keys_switches_axes_leds_and_sounds_have_a_level_and_all_else_are_moments() -> None:
    assert {type_name(type_) for type_ in LEVEL_TYPES} == {"EV_KEY", "EV_SW", "EV_ABS", "EV_LED", "EV_SND"}
