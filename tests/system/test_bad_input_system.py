"""What users and attackers give: recordings, configuration and calls that are not right. One clear line each."""

import json
import socket
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, GUID, Argument, Daemon, User, hwbridge, needs_root

from bridge.errors import CallFailedError

HEADER = '{"hwbridge-recording": 1}\n'
ADD = '{"at": 1, "source": "udev", "action": "add"}\n'


def event(**fields: object) -> str:
    """A line about a switch, with these fields in place of its own; `None` leaves one out."""
    record = {"at": 1, "source": "evdev", "type": "EV_SW", "code": "SW_LID", "value": 1} | fields
    return json.dumps({name: value for name, value in record.items() if value is not None}) + "\n"


RECORDINGS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "1: is empty: a recording begins with"),
    "blank": ("\n", "1: is not JSON"),
    "binary": (bytes(range(256)), "1: is not JSON"),
    "NUL": (HEADER + ADD + "\0", "3: is not JSON"),
    "UTF-16": (HEADER.encode("utf-16"), "1: is not JSON"),
    "not UTF-8": (HEADER.encode() + b'{"at": 1, "source": "udev", "action": "\xff"}\n', "2: is not JSON"),
    "NUL in a text": (HEADER + event(name="a\0b"), r"2: name holds NUL; a monitor writes it as \x00"),
    "half a pair": (HEADER + event(name="\ud800"), "2: "),
    "cut": (HEADER + ADD + ADD[:20], "3: is not JSON"),
    "cut header": (HEADER[:10], "1: is not JSON"),
    "no header": (ADD, '1: is not the header of a recording, {"hwbridge-recording": 1}'),
    "another format": ("# libinput record\n", "1: is a recording of libinput, which is not read yet"),
    "a newer evemu": (
        "# EVEMU 1.4\nN: Lid\n",
        "1: is a recording of evemu in version 1.4; this hwbridge reads 1.0 to 1.3",
    ),
    "evemu out of order": (
        "E: 2.000000 0001 001e 1\nE: 1.000000 0001 001e 0\n",
        "2: is earlier than the line before it",
    ),
    "evemu cut": ("E: 2.000000 0001 001e 1\nE: 2.500000 0001 00", "2: is 'E: 2.500000 0001 00', which is no event"),
    "evemu with NUL": ("E: 2.000000 0001 001e 1\n\0\n", "2: holds NUL"),
    "an array": ("[1]\n", "1: is not a JSON object"),
    "newer": ('{"hwbridge-recording": 2}\n', "1: is a recording of version 2; this hwbridge reads version 1"),
    "version true": ('{"hwbridge-recording": true}\n', "1: is a recording of version True"),
    "header again": (HEADER + HEADER, "2: is a second header: a file holds one recording"),
    "blank line": (HEADER + "\n" + ADD, "2: is blank"),
    "two on a line": (HEADER + ADD.strip() + ADD, "2: is not JSON"),
    "no source": (HEADER + event(source=None), "2: source is None, not one of udev, evdev"),
    "unknown source": (HEADER + event(source="usb"), "2: source is 'usb', not one of udev, evdev"),
    "field of another source": (HEADER + event(source="serial"), "2: 'type' is no field of serial"),
    "a key twice": (HEADER + event().replace("{", '{"at": 0, '), "2: says 'at' twice"),
    "unknown field": (HEADER + event(valeu=1), "2: 'valeu' is no field of evdev"),
    "unknown code": (HEADER + event(code="SW_LIDD"), "2: "),
    "unknown type": (HEADER + event(type="EV_SWITCH"), "2: "),
    "code of another type": (HEADER + event(type="EV_KEY"), "2: SW_LID is no code of EV_KEY"),
    "no code": (HEADER + event(code=None), "2: an event of evdev has a code and a value"),
    "no action": (HEADER + '{"at": 1, "source": "udev"}\n', "2: has no action"),
    "value a text": (HEADER + event(value="1"), "2: value is '1', not an integer"),
    "value a fraction": (HEADER + event(value=1.5), "2: value is 1.5"),
    "value a table": (HEADER + event(value={"a": 1}), "2: value is {'a': 1}"),
    "value too large": (HEADER + event().replace("1}", "9" * 5000 + "}"), "2: is not JSON"),
    "origin": (HEADER + event(origin="now"), "2: origin is 'now', not one of live, start, resync"),
    "no time": (HEADER + event(at=None), "2: has no at, the seconds since the recording began"),
    "time a text": (HEADER + event(at="1"), "2: at is '1', not a number of seconds"),
    "before the start": (HEADER + event(at=-1), "2: at is -1, not a time within a recording"),
    "beyond all time": (HEADER + event(at=1e300), "2: at is 1e+300, not a time within a recording"),
    "no number": (HEADER + event(at=float("nan")), "2: is not JSON"),
    "out of order": (HEADER + event(at=2) + event(at=1), "3: is earlier than the line before it"),
    "gone and more": (HEADER + event(gone="/dev/input/event1"), "2: a line that says what is gone has"),
    "deep": (HEADER + '{"a":' * 100_000, "2: is not JSON"),
    "a long line": (HEADER + event(name="n" * 2_000_000), "2: has 1048577 bytes; a line of a recording has at most"),
    "a long value": (HEADER + event(at="x" * 1_000_000), "2: at is 'xxxx"),
    "colours": (HEADER + event(source="\x1b[31m\n"), r"2: source is '\x1b[31m\n'"),
}


@pytest.fixture
def rules(tmp_path: Path) -> tuple[Argument, ...]:
    """Options for no rules and no tasks."""
    (tmp_path / "none").mkdir()
    return ("--rules", tmp_path / "none", "--tasks", tmp_path / "none")


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_bad_recording_is_refused_with_its_line(tmp_path: Path, rules: tuple[Argument, ...], name: str) -> None:
    content, error = RECORDINGS[name]
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    done = hwbridge("replay", path, *rules)

    assert done.code == 65
    assert done.error.startswith(f"hwbridge: {path}:{error}")
    assert len(done.error) < 10_000


def test_nothing_of_a_recording_happens_if_any_of_it_is_bad(jack_recording: Path) -> None:
    jack_recording.write_bytes(jack_recording.read_bytes()[:-20])
    before = set(jack_recording.parent.iterdir())
    files = ("--rules", "rules.toml", "--tasks", "tasks.toml")

    for verb in (("replay", "jack.jsonl"), ("run", "--play", "jack.jsonl", "--socket", "socket")):
        done = hwbridge(*verb, *files, cwd=jack_recording.parent)

        assert done.code == 65
        assert done.error.startswith("hwbridge: jack.jsonl:4: is not JSON")
    assert set(jack_recording.parent.iterdir()) == before


def test_what_is_no_file_is_no_recording(tmp_path: Path, rules: tuple[Argument, ...]) -> None:
    for path, error in (
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "missing", "cannot be read: No such file or directory"),
        (Path("/dev/null"), "is empty"),
        (Path("/dev/zero"), "has 1048577 bytes"),
        (Path("/proc/self/mem"), "cannot be read: Input/output error"),
    ):
        done = hwbridge("replay", path, *rules)

        assert done.code == 65
        assert done.error.startswith(f"hwbridge: {path}:1: {error}")


def test_a_name_that_is_no_text_is_shown_escaped(rules: tuple[Argument, ...]) -> None:
    for verb in (("replay", b"/\xff\x1b\n"), ("run", "--play", b"/\xff\x1b\n")):
        done = hwbridge(*verb, *rules)

        assert done.code == 65
        assert done.error == r"hwbridge: /\udcff\x1b\n:1: cannot be read: No such file or directory"


@needs_root
def test_a_recording_that_this_user_may_not_read_is_named(public: Path) -> None:
    (public / "private.jsonl").touch(mode=0o600)

    done = hwbridge("replay", public / "private.jsonl", "--rules", public, "--tasks", public, user=User())

    assert done.code == 65
    assert done.error == f"hwbridge: {public}/private.jsonl:1: cannot be read: Permission denied"


@needs_root
def test_a_daemon_that_may_not_read_its_rules_does_not_start(public: Path) -> None:
    (public / "rules").mkdir(mode=0o700)

    done = hwbridge("run", "--rules", public / "rules", "--tasks", public, "--socket", public / "s", user=User())

    assert done.code == 78
    assert done.error == f"{public}/rules:1: cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        ("[udef]\ngroup = 1", ["1: udef: unknown key; did you mean udev?"]),
        ('[udev]\ngroup = "all"', ['2: [udev] group: expected one of auto, udev, kernel, found string "all"']),
        ("[udev]\ngruop = 1\nbuffer = 2", ["2: [udev] gruop: unknown key", "3: [udev] buffer: unknown key"]),
        ("udev = 1", ["1: udev: expected a table, found integer 1"]),
        ("[udev", ["1: "]),
    ],
)
def test_bad_configuration_is_refused_with_every_error(
    tmp_path: Path, rules: tuple[Argument, ...], content: str, errors: list[str]
) -> None:
    config = tmp_path / "hwbridge.toml"
    config.write_text(content)

    done = hwbridge("run", "--config", config, *rules, "--socket", tmp_path / "socket")

    assert (done.code, done.out) == (78, "")
    lines = done.err.splitlines()
    assert len(lines) == len(errors)
    assert all(line.startswith(f"{config}:{error}") for line, error in zip(lines, errors, strict=True))


def test_the_configuration_in_the_users_place_is_read_and_need_not_be_there(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "none")}
    without = hwbridge("run", "--user", environment=environment)
    (tmp_path / ".config/hwbridge").mkdir(parents=True)
    (tmp_path / ".config/hwbridge/hwbridge.toml").write_text("a = 1")
    bad = hwbridge("run", "--user", environment=environment)

    assert "cannot make the socket's directory" in without.error
    assert bad.code == 78
    assert bad.error.startswith(f"{tmp_path}/.config/hwbridge/hwbridge.toml:1: a: unknown key")


def test_a_configuration_that_was_named_must_be_there(tmp_path: Path, rules: tuple[Argument, ...]) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        done = hwbridge("run", "--config", path, *rules, "--socket", tmp_path / "socket")

        assert done.code == 78
        assert done.error.startswith(f"{path}:1: ")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("rune",),
        ("--socket", "x", "status"),
        ("run", "x"),
        ("run", "--play"),
        ("run", "--play", ""),
        ("run", "--state", ""),
        ("run", "--config", ""),
        ("run", "--user", "--system"),
        ("run", b"\xff"),
        ("\x1b[31m\n",),
        ("--", "status"),
    ],
    ids=ascii,
)
def test_wrong_usage_is_one_line(arguments: tuple[Argument, ...]) -> None:
    done = hwbridge(*arguments)

    assert done.code == 2
    assert done.error.startswith("hwbridge")
    assert done.error.endswith(" --help")


@pytest.mark.parametrize("verb", ["convert", "timeline", "suggest", "doctor"])
def test_a_verb_of_a_later_version_is_refused_by_name(verb: str) -> None:
    done = hwbridge(verb, "x", "--json")

    assert done.code == 2
    assert done.error == f"hwbridge: {verb} is not there yet in this version of hwbridge; see hwbridge --help"


def test_a_call_of_a_megabyte_ends_its_connection_and_no_other(daemon: Daemon) -> None:
    call = json.dumps({"method": "org.hwbridge.Raise", "parameters": {"trigger": GUID, "key": "k" * 1_000_000}})

    with daemon:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(DEADLINE_SECONDS)
            peer.connect(str(daemon.socket))
            try:
                peer.sendall(call.encode() + b"\0")
                answer = peer.recv(1)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""

        assert answer == b""
        assert daemon.raise_trigger() == "NoSubscribers"


def test_a_name_as_long_as_a_call_may_be_is_unknown_at_once(daemon: Daemon) -> None:
    with daemon:
        for name in ("n" * 200_000, "\x1b[31m", "\0", "{}"):
            with pytest.raises(CallFailedError, match=r"^UnknownTrigger: "):
                daemon.raise_trigger(name)


def test_details_that_json_can_say_and_a_program_cannot_be_given_are_refused(daemon: Daemon) -> None:
    with daemon:
        for wrong in ({"details": {"a": "b\0"}}, {"details": {"a": "\0"}}, {"key": "a\0b"}, {"details": {"": "x"}}):
            with pytest.raises(CallFailedError, match=r"^InvalidDetails: "):
                daemon.raise_trigger(**wrong)


def test_the_state_directory_cannot_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    (tmp_path / "rules.toml").write_text(
        f'[[rule]]\nname = "a"\nsource = "udev"\nmatch = {{ action = "add" }}\nraise = "{GUID}"\nstart_state = "boot"\n'
    )
    options = ("--rules", tmp_path / "rules.toml", "--tasks", tmp_path / "rules.toml", "--socket", tmp_path / "s")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "hwbridge.toml").touch()
    more = ("--state", tmp_path / "state", "--config", tmp_path / "hwbridge.toml")

    done = hwbridge("run", *options[:3], tmp_path / "tasks", *options[4:], *more)

    assert done.code == 1
    assert done.error.startswith(f"hwbridge: {tmp_path}/state: the state directory cannot be used: ")
    assert not (tmp_path / "s").exists()
