"""A plain `hwbridge raise`, done without anything that takes time to load. What is not plain it leaves alone.

Plain is what the daemon accepts: everything else, help and errors too, goes the way of all verbs (`raise_`), which
means the same; a call that was sent is never sent again. No json, argparse, re or socket.py: `_socket` and care.
"""

import os

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Sequence

TIMEOUT_SECONDS = 10
NO_SUBSCRIBERS = 4
MOST_CALL_BYTES = 256 * 1024
_WITH_VALUE = ("--data", "--key", "--socket")
_WITHOUT_VALUE = ("--user", "--system")
_HEXADECIMAL = frozenset("0123456789ABCDEFabcdef")
_ANSWER = (b'{"parameters":{"outcome":"Raised","subscribers":', b"}}\0")
_NO_SUBSCRIBERS = b'{"parameters":{"outcome":"NoSubscribers","subscribers":0}}\0'

Options = dict[str, list[str]]


def raise_at_once(words: "Sequence[str]") -> int | None:
    """Raises the trigger: the exit code, or None where nothing was done because it is not plain."""
    options = _options_of(words)
    call = _call(options) if options is not None else None
    if options is None or call is None:
        return None
    path, daemon = _connected(options)
    if daemon is None:
        return None
    try:
        daemon.sendall(call)
        answer = daemon.recv(65536)
    except OSError:  # it is told by whoever reads the rest, of which there is none
        answer = b""
        daemon.settimeout(0.001)
    said = _said(answer)
    if said is None:
        return _carried_on(path, daemon, answer)
    line, code = said
    try:
        print(line, flush=True)
    except OSError as error:
        from bridge.cli.command import not_printed

        return not_printed(error)
    return code


def _options_of(words: "Sequence[str]") -> Options | None:
    """The values of each option, and of "" the triggers; None where argparse has to judge."""
    options: Options = {"": [], **{name: [] for name in _WITH_VALUE + _WITHOUT_VALUE}}
    coming = iter(words)
    for word in coming:
        name, equals, value = word.partition("=")
        if name in _WITH_VALUE:
            if not equals:
                value = next(coming, "-")
                if value.startswith("-"):
                    return None
            options[name].append(value)
        elif word in _WITHOUT_VALUE:
            options[word].append("")
        elif word.startswith("-"):
            return None
        else:
            options[""].append(word)
    is_plain = len(options[""]) == 1 and not (options["--user"] and options["--system"])
    return options if is_plain and "" not in options["--socket"] else None


def _call(options: Options) -> bytes | None:
    """What is sent; None where something is wrong with it."""
    (trigger,) = options[""]
    if trigger.startswith(("{", "urn:uuid:")) and not _is_guid(trigger):
        return None
    details = {}
    for each in options["--data"]:
        name, equals, value = each.partition("=")
        if not equals or name in details:
            return None
        details[name] = value
    data = ",".join([f"{_quoted(name)}:{_quoted(value)}" for name, value in details.items()])
    key = options["--key"][-1] if options["--key"] else ""
    parameters = f'"trigger":{_quoted(trigger)},"details":{{{data}}},"key":{_quoted(key)}'
    try:
        call = f'{{"method":"org.hwbridge.Raise","parameters":{{{parameters}}}}}\0'.encode()
    except UnicodeEncodeError:
        return None
    return call if len(call) <= MOST_CALL_BYTES else None


def _is_guid(text: str) -> bool:
    digits = text[1:-1] if text[0] == "{" and text[-1] == "}" else text.removeprefix("urn:uuid:")
    parts = digits.split("-")
    return (
        [len(part) for part in parts] == [8, 4, 4, 4, 12]
        and all(digit in _HEXADECIMAL for part in parts for digit in part)
        and any(digit not in "0-" for digit in digits)
    )


def _quoted(text: str) -> str:
    """The text as JSON has it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join([_escaped(character) for character in text]) + '"'


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if character < " " or character in '"\\' else character


def _connected(options: Options) -> "tuple[str, socket | None]":
    """The daemon that is meant, where it is there and accepts at once."""
    import _socket

    from bridge.model.sockets import NOBODY_THERE, sockets_meant

    given = options["--socket"][-1] if options["--socket"] else None
    asked = {"user": bool(options["--user"]), "system": bool(options["--system"])}
    for path in sockets_meant(os.environ, os.getuid(), given, **asked):
        daemon = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        daemon.settimeout(TIMEOUT_SECONDS)
        try:
            daemon.connect(path)
        except NOBODY_THERE:
            continue
        except (OSError, ValueError):  # ValueError: a NUL in it
            break
        return path, daemon
    return "", None


def _said(answer: bytes) -> tuple[str, int] | None:
    """What is printed for an answer, and the exit code; None where it has to be looked at closely."""
    begin, end = _ANSWER
    if answer.startswith(begin) and answer.endswith(end):
        subscribers = answer[len(begin) : -len(end)]
        if subscribers.isdigit():
            return f"Raised {subscribers.decode()}", 0
    return ("NoSubscribers", NO_SUBSCRIBERS) if answer == _NO_SUBSCRIBERS else None


def _carried_on(path: str, daemon: "socket", received: bytes) -> int:
    """The exit code, by those who take their time; the call is sent."""
    from bridge.cli.command import finished
    from bridge.cli.raise_ import told
    from bridge.client.connection import Connection

    timeout = daemon.gettimeout() or TIMEOUT_SECONDS
    with Connection.taken_over(path, daemon.detach(), received, timeout_seconds=timeout) as connection:
        return finished(lambda: told(connection))
