"""Where the daemon's log goes: to the journal with its fields if stderr is the journal, else to stderr in plain lines.

It decides nothing about what is logged, and it makes every message one line.
"""

import logging
from collections.abc import Mapping
from typing import TextIO

from bridge.model.text import printable
from bridge.service.systemd.journal import JournalHandler, is_journal


class _LineFormatter(logging.Formatter):
    """A message stays on its line and moves no cursor, whatever a device calls itself or a handler prints."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The message, with what cannot be printed escaped."""
        return printable(super().formatMessage(record))


def log_handler(stderr: TextIO, environment: Mapping[str, str]) -> logging.Handler:
    """What writes the log, by where `stderr` leads. In the journal the program's name is a field of its own."""
    if is_journal(stderr, environment):
        handler: logging.Handler = JournalHandler(stderr)
        handler.setFormatter(_LineFormatter("%(message)s"))
    else:
        handler = logging.StreamHandler(stderr)
        handler.setFormatter(_LineFormatter("hwbridge: %(message)s"))
    return handler
