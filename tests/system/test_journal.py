"""The log as entries of the journal: fields, many lines, too long ones, and a journald that does not read."""

import array
import io
import logging
import os
import socket
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TextIO

import pytest

from bridge.dispatch.decisions import Dropped, Quarantined
from bridge.model.tasks import DropReason
from bridge.service.log_lines import log_decision
from bridge.service.log_output import log_handler
from bridge.service.systemd.journal import JournalHandler, encode_entry, is_journal, priority_of


class Journald:
    """What reads the journal's socket, as journald does; `stderr` is the stream that leads to it as well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(60)
        stream, self.stream = socket.socketpair()
        self.stream.settimeout(60)
        self.stderr: TextIO = stream.makefile("w")
        stream.close()
        self.sealed = False

    def entry(self) -> dict[str, str]:
        """The next entry."""
        message, rights, _, _ = self._socket.recvmsg(1 << 20, socket.CMSG_LEN(4))
        if rights:
            message = self._of_file(array.array("i", rights[0][2])[0])
        return _decoded(message)

    def _of_file(self, descriptor: int) -> bytes:
        with open(descriptor, "rb") as file:
            with pytest.raises(PermissionError):
                os.pwrite(descriptor, b"x", 0)
            self.sealed = True
            file.seek(0)
            return file.read()

    def fill(self) -> int:
        """Sends entries until the queue takes no more; returns how many."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sent = 0
            try:
                while True:
                    sender.sendto(b"MESSAGE=filling\n", str(self.path))
                    sent += 1
            except BlockingIOError:
                return sent

    def fill_stderr(self) -> int:
        """Writes to the other stream until it takes no more; returns how many bytes."""
        with socket.socket(fileno=os.dup(self.stderr.fileno())) as stream:
            written = 0
            try:
                while True:
                    written += stream.send(bytes(1024), socket.MSG_DONTWAIT)
            except BlockingIOError:
                return written

    def close(self) -> None:
        self.stderr.close()
        self.stream.close()
        self._socket.close()


def _decoded(message: bytes) -> dict[str, str]:
    """An entry of the native protocol, read by its description."""
    fields, stream = {}, io.BytesIO(message)
    while line := stream.readline():
        name, equals, value = line.rstrip(b"\n").partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", stream.read(8))
            value = stream.read(length)
            assert stream.read(1) == b"\n"
        fields[name.decode()] = value.decode()
    return fields


@pytest.fixture
def journald() -> Iterator[Journald]:
    with tempfile.TemporaryDirectory() as folder:
        journald = Journald(Path(folder) / "s")
        yield journald
        journald.close()


@pytest.fixture
def log(journald: Journald) -> Iterator[logging.Logger]:
    """The daemon's log, which goes to this journald and nowhere else."""
    logger = logging.getLogger("bridge")
    handler = JournalHandler(journald.stderr, journald.path)
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)
    handler.close()
    logger.level, logger.propagate = before


def test_a_line_is_an_entry_with_the_fields_of_its_call(journald: Journald, log: logging.Logger) -> None:
    log.warning("dropped %s", "lamp", extra={"HWBRIDGE_TASK": "lamp", "other": "is not ours"})
    entry = journald.entry()

    assert entry.pop("CODE_FILE") == __file__
    assert int(entry.pop("CODE_LINE")) > 0
    assert entry == {
        "MESSAGE": "dropped lamp",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "hwbridge",
        "CODE_FUNC": "test_a_line_is_an_entry_with_the_fields_of_its_call",
        "HWBRIDGE_TASK": "lamp",
    }


def test_what_is_decided_about_a_task_can_be_found_by_it(journald: Journald, log: logging.Logger) -> None:
    log_decision(Dropped(at=0, task="lamp", key="a disk", reason=DropReason.QueueFull))
    log_decision(Quarantined(at=0, task="lamp", why="ten failed"))
    dropped, quarantined = journald.entry(), journald.entry()

    assert dropped["MESSAGE"] == f"dropped lamp key a disk: {DropReason.QueueFull}"
    assert (dropped["HWBRIDGE_TASK"], dropped["HWBRIDGE_KEY"]) == ("lamp", "a disk")
    assert dropped["HWBRIDGE_REASON"] == str(DropReason.QueueFull)
    assert "HWBRIDGE_KEY" not in quarantined
    assert quarantined["HWBRIDGE_REASON"] == "ten failed"


@pytest.mark.parametrize("value", ["", "=", "a=b", "one\ntwo\n", "\n", "ü\0", "a" * 100_000])
def test_a_value_comes_as_it_is(value: str, journald: Journald, log: logging.Logger) -> None:
    log.info("%s", value, extra={"HWBRIDGE_KEY": value})
    entry = journald.entry()

    assert entry["MESSAGE"] == value
    assert entry["HWBRIDGE_KEY"] == value


def test_a_line_that_is_too_long_for_a_datagram_comes_as_a_file_that_nobody_can_change(
    journald: Journald, log: logging.Logger
) -> None:
    log.info("x" * 3_000_000)

    assert journald.entry()["MESSAGE"] == "x" * 3_000_000
    assert journald.sealed


def test_a_name_that_is_no_text_is_escaped(journald: Journald, log: logging.Logger) -> None:
    log.info("\udcff")

    assert journald.entry()["MESSAGE"] == "\\udcff"


def test_a_journald_that_does_not_read_gets_the_line_on_stderr_with_its_priority(
    journald: Journald, log: logging.Logger
) -> None:
    journald.fill()
    log.error("one\ntwo")
    log.debug("three")

    assert journald.stream.recv(1024) == b"<3>one\n<3>two\n<7>three\n"


def test_where_no_journald_is_lines_go_to_stderr_with_their_priority(tmp_path: Path, journald: Journald) -> None:
    handler = JournalHandler(journald.stderr, tmp_path / "nobody")
    handler.handle(logging.makeLogRecord({"msg": "ready", "levelno": logging.INFO}))
    handler.close()

    assert journald.stream.recv(1024) == b"<6>ready\n"


def test_what_nobody_takes_is_counted_and_told_and_nothing_waits_for_it(
    journald: Journald, log: logging.Logger
) -> None:
    filling = journald.fill()
    journald.fill_stderr()
    for number in range(1000):
        log.info("lost %d", number)
    for _ in range(filling):
        journald.entry()
    log.info("again")

    told = journald.entry()
    assert (told["MESSAGE"], told["PRIORITY"]) == ("lost before this line: 1000 lines, as journald did not read", "4")
    assert journald.entry()["MESSAGE"] == "again"


def test_a_call_with_wrong_arguments_is_told_and_ends_nothing(
    journald: Journald, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(JournalHandler(journald.stderr, journald.path)) as handler:
        for number in ("no", 2):
            handler.handle(logging.LogRecord("bridge", logging.INFO, "", 0, "%d tasks", (number,), None))

    assert "--- Logging error ---" in capsys.readouterr().err
    assert journald.entry()["MESSAGE"] == "2 tasks"


def test_priorities_are_those_of_syslog() -> None:
    levels = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)

    assert [priority_of(level) for level in levels] == [7, 6, 4, 3, 2]


def test_an_entry_is_its_fields_in_order() -> None:
    entry = encode_entry({"A": "1\n2", "B": "3"})

    assert entry == b"A\n\x03\0\0\0\0\0\0\0" + b"1\n2\nB=3\n"


def test_only_the_stream_that_systemd_named_is_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "named").open("w") as named, (tmp_path / "other").open("w") as other:
        found = os.fstat(named.fileno())
        environment = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}

        assert is_journal(named, environment)
        assert not is_journal(other, environment)
        assert not is_journal(named, {})
        assert not is_journal(named, {"JOURNAL_STREAM": "1"})
        assert not is_journal(io.StringIO(), environment)
    assert not is_journal(named, environment)


def test_elsewhere_the_log_is_plain_lines(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stderr:
        handler = log_handler(stderr, {})
        record = {"msg": "a\nb %s", "args": ("\x1b",), "levelno": logging.ERROR, "HWBRIDGE_TASK": "lamp"}
        handler.handle(logging.makeLogRecord(record))

    assert (tmp_path / "log").read_text() == "hwbridge: a\\nb \\x1b\n"


def test_in_the_journal_a_message_is_one_line_without_our_name(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stderr:
        found = os.fstat(stderr.fileno())
        handler = log_handler(stderr, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        handler.close()

        assert handler.format(logging.makeLogRecord({"msg": "a\nb"})) == "a\\nb"
