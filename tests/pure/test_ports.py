"""The tables [[serial]] and [[input]] of rules files: what a port is to be, and every error in both tables."""

from textwrap import dedent

import pytest

from bridge.mapping.load.ports import load_input_options, load_serial_ports
from bridge.mapping.ports import (
    LONGEST_FRAME,
    DelimiterFrame,
    Frame,
    InputOptions,
    LengthFrame,
    LineFrame,
    Parity,
    RegexFrame,
    SerialPort,
)
from bridge.toml.document import parse
from bridge.toml.schema import Table, root_table


def load(*files: str) -> tuple[list[SerialPort], list[InputOptions], list[str]]:
    """The ports and options of some files, and what is wrong in them."""
    claimed: dict[str, Table] = {}
    ports: list[SerialPort] = []
    inputs: list[InputOptions] = []
    errors: list[str] = []
    for name, text in zip("abcd", files, strict=False):
        document = parse(f"{name}.toml", dedent(text).encode())
        problems = list(document.problems)
        root = root_table(document, problems)
        ports += load_serial_ports(root, claimed)
        inputs += load_input_options(root)
        root.finish()
        errors += [str(problem) for problem in sorted(problems)]
    return ports, inputs, errors


def serial(*lines: str) -> SerialPort:
    """The one port that has these lines, and what it needs beside them."""
    ports, _, errors = load("\n".join(["[[serial]]", *_needed(lines), *lines]))
    assert errors == []
    (port,) = ports
    return port


def serial_errors(*lines: str) -> list[str]:
    """What is said of a port whose lines from the second on are these, and which is right beside them."""
    _, _, errors = load("\n".join(["[[serial]]", *lines, *_needed(lines)]))
    return [error.removeprefix("a.toml:2: ").removeprefix('[serial "p"] ') for error in errors]


def _needed(lines: tuple[str, ...]) -> list[str]:
    given = {line.partition(" =")[0] for line in lines}
    usual = ['name = "p"', *([] if "match" in given else ['port = "/dev/ttyS0"'])]
    return [line for line in usual if line.partition(" =")[0] not in given]


def test_a_port_has_the_defaults_of_pyserial_and_lines_of_utf_8() -> None:
    port = serial()

    assert (port.name, port.port, port.match) == ("p", "/dev/ttyS0", ())
    assert (port.baudrate, port.bytesize, port.parity, port.stopbits) == (9600, 8, "N", 1)
    assert (port.xonxoff, port.rtscts, port.dtr, port.rts, port.hupcl) == (False, False, None, None, None)
    assert (port.frame, port.max_frame, port.encoding, port.reply) == (LineFrame(), 4096, "utf-8", None)


def test_a_port_is_not_shared_unless_its_file_says_so() -> None:
    assert serial().exclusive
    assert not serial("exclusive = false").exclusive


def test_every_setting_of_a_port_can_be_said() -> None:
    port = serial(
        "baudrate = 115200",
        "bytesize = 7",
        'parity = "even"',
        "stopbits = 2",
        "xonxoff = true",
        "rtscts = true",
        "dtr = false",
        "rts = true",
        "hupcl = false",
        'encoding = "latin-1"',
        "max_frame = 80",
    )

    assert (port.baudrate, port.bytesize, port.parity, port.stopbits) == (115200, 7, Parity.EVEN, 2)
    assert (port.xonxoff, port.rtscts, port.dtr, port.rts, port.hupcl) == (True, True, False, True, False)
    assert (port.encoding, port.max_frame) == ("latin-1", 80)


def test_a_port_may_be_found_by_its_properties() -> None:
    port = serial('match = { ID_SERIAL_SHORT = "A50285BI", ID_VENDOR_ID = "04D8", "@attr.serial" = "x*" }')
    by_name = dict(port.match)

    assert port.port is None
    assert by_name["ID_SERIAL_SHORT"]("A50285BI")
    assert by_name["ID_VENDOR_ID"]("04d8")
    assert by_name["@attr.serial"]("xyz")


@pytest.mark.parametrize("parity", Parity)
def test_parity_is_said_by_its_word_or_its_letter(parity: Parity) -> None:
    assert serial(f'parity = "{parity.name.lower()}"').parity is parity
    assert serial(f'parity = "{parity}"').parity is parity


@pytest.mark.parametrize(
    ("said", "frame"),
    [
        ('"line"', LineFrame()),
        ('{ delimiter = "0x03" }', DelimiterFrame(b"\x03")),
        ('{ delimiter = "0X0D0a" }', DelimiterFrame(b"\r\n")),
        ('{ delimiter = ";" }', DelimiterFrame(b";")),
        ("{ length = 8 }", LengthFrame(8)),
        (r"{ regex = '\x02[^\x03]*\x03' }", RegexFrame.parse(r"\x02[^\x03]*\x03")),
    ],
)
def test_frames_are_told_apart_as_the_file_says(said: str, frame: Frame) -> None:
    assert serial(f"frame = {said}").frame == frame


def test_a_reply_and_a_delimiter_are_text_in_the_ports_encoding_or_bytes_in_hexadecimal() -> None:
    port = serial('reply = "é"', 'frame = { delimiter = "é" }', 'encoding = "latin-1"')

    assert (port.reply, port.frame) == (b"\xe9", DelimiterFrame(b"\xe9"))
    assert serial('reply = "0x06"').reply == b"\x06"
    assert serial('reply = "0x307836"').reply == b"0x6"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('name = ""', "a name is not empty or blank, and all of it can be printed"),
        ('port = "ttyS0"', 'port: expected an absolute path, found string "ttyS0"'),
        ("port = 5", "port: expected a string, found integer 5"),
        ("match = {}", "match: an empty match would hold for every event; name at least one field"),
        ('match = { ID_SERIAL_SHORT = "x", action = "add" }', "match.action: tells events apart, and not devices"),
        ('match = { serail = "x" }', "match.serail: unknown field of udev"),
        ("baudrate = 0", "baudrate: expected an integer, at least 1, at most 2147483647, found integer 0"),
        ("baudrate = true", "baudrate: expected an integer, at least 1, at most 2147483647, found boolean true"),
        ("bytesize = 9", "bytesize: expected an integer, at least 5, at most 8, found integer 9"),
        (
            'parity = "evn"',
            'parity: expected one of none, even, odd, mark, space, or the first letter of one, found string "evn"',
        ),
        ("stopbits = 3", "stopbits: expected 1, 1.5 or 2, found integer 3"),
        ("stopbits = true", "stopbits: expected 1, 1.5 or 2, found boolean true"),
        ('dtr = "low"', 'dtr: expected true or false, found string "low"'),
        ('encoding = "utf-16"', 'encoding: "utf-16" is no encoding of text in which line ends are single bytes'),
        ('encoding = "hex"', 'encoding: "hex" is no encoding of text in which line ends are single bytes'),
        ('encoding = "utf9"', 'encoding: "utf9" is no encoding of text in which line ends are single bytes'),
        ('reply = ""', "reply: is empty"),
        ('reply = "0x6"', 'reply: string "0x6": behind 0x stand hexadecimal digits, two for each byte'),
        ('reply = "0x"', 'reply: string "0x": behind 0x stand hexadecimal digits, two for each byte'),
        ('reply = "0X06 0x07"', 'reply: string "0X06 0x07": behind 0x stand hexadecimal digits, two for each byte'),
        ('frame = { delimiter = "0x3" }', 'delimiter: string "0x3": behind 0x stand hexadecimal digits, two for each'),
        ('frame = "lines"', 'frame: expected "line", or a table of delimiter, length or regex, found string "lines"'),
        ("frame = 8", 'frame: expected "line", or a table of delimiter, length or regex, found integer 8'),
        ("frame = {}", "frame: needs one of delimiter, length, regex"),
        ('frame = { delimiter = "" }', "frame.delimiter: is empty"),
        ("frame = { length = 0 }", f"frame.length: expected an integer, at least 1, at most {LONGEST_FRAME}"),
        ("frame = { length = 4097 }", "frame: frames of 4097 bytes are longer than max_frame, 4096"),
        ("frame = { regex = '(' }", "frame.regex: regex '(' cannot be read: missing )"),
        ("frame = { regex = '.*' }", "frame.regex: regex '.*' finds a frame where there is nothing"),
        ("frame = { regex = '[[a]' }", "frame.regex: regex '[[a]' cannot be read: Possible nested set at position 1"),
        ("frame = { regex = 'é' }", "frame.regex: regex 'é' is about bytes; write those beyond ASCII as \\xNN"),
        ("frame = { lenght = 8, length = 8 }", "frame.lenght: unknown key; did you mean length?"),
        ("max_frame = 0", f"max_frame: expected an integer, at least 1, at most {LONGEST_FRAME}, found integer 0"),
        ("baudrat = 9600", "baudrat: unknown key; did you mean baudrate?"),
    ],
)
def test_an_error_of_a_port_is_told_with_its_key(line: str, error: str) -> None:
    (told,) = serial_errors(line)

    assert error in told


def test_a_port_is_found_in_one_way_only() -> None:
    assert load('[[serial]]\nname = "p"')[2] == ['a.toml:1: [serial "p"] needs one of port, match']
    assert load('[[serial]]\nname = "p"\nport = "/dev/x"\nmatch = { ID_PATH = "y" }')[2] == [
        'a.toml:4: [serial "p"] match: cannot stand beside port: at most one of port, match'
    ]


def test_a_text_that_the_ports_encoding_cannot_say_is_an_error() -> None:
    assert serial_errors('reply = "€"', 'encoding = "ascii"') == ['reply: string "€" cannot be written in ascii']


def test_the_name_of_a_port_is_unique_over_all_files() -> None:
    port = '[[serial]]\nname = "scanner"\nport = "/dev/ttyS0"\n'

    assert load(port, f"# another\n{port}")[2] == [
        'b.toml:3: [serial "scanner"] name: another serial port has the name "scanner": a.toml:2'
    ]


def test_all_errors_of_both_tables_come_at_once() -> None:
    text = """\
        [[serial]]
        name = 5
        match = { action = "add", drive = 1 }
        frame = { delimiter = "", length = 0, x = 1 }
        reply = 7

        [[input]]
        grab = 1
        text = { layout = "uk", end = "KEY_ENTR", prot = "x" }

        [[input]]
        match = { code = "KEY_A", name = [] }
        """

    assert [error.partition(": ")[2] for error in load(text)[2]] == [
        "[serial 1] name: expected a string, found integer 5",
        "[serial 1] match.action: tells events apart, and not devices",
        "[serial 1] match.drive: unknown field of udev; did you mean driver?",
        "[serial 1] frame.delimiter: is empty",
        "[serial 1] frame.length: cannot stand beside delimiter: at most one of delimiter, length, regex",
        "[serial 1] frame.length: expected an integer, at least 1, at most 65536, found integer 0",
        "[serial 1] frame.x: unknown key; known here: delimiter, length, regex",
        "[serial 1] reply: expected a string, found integer 7",
        "[input 1] match: missing",
        "[input 1] grab: expected true or false, found integer 1",
        "[input 1] text.end: Linux has no input event code 'KEY_ENTR'; did you mean KEY_ENTER?",
        '[input 1] text.layout: expected one of us, found string "uk"',
        "[input 1] text.prot: unknown key; did you mean port?",
        "[input 2] match.code: tells events apart, and not devices",
        "[input 2] match.name: an empty list matches nothing",
    ]
