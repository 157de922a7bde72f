"""`hwbridge record`: what devices tell, written down as it comes. It needs no daemon, and raises nothing.

Exit codes: 0 when it is over or was stopped (Ctrl-C, TERM); 1 if nothing can be recorded or written any more; 77 if
there are devices, and none of them may be read; 78 for rules or a configuration that are wrong.
"""

import argparse
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec.structs import replace

from bridge import __version__
from bridge.cli.durations import duration
from bridge.cli.errors import show_error
from bridge.cli.places import path, places_of
from bridge.errors import BridgeError, DeviceError
from bridge.mapping.asking import interest_of
from bridge.mapping.interest import Interest
from bridge.model.text import count_of
from bridge.monitors.monitor import DescribingMonitor, Monitor
from bridge.service.clock import monotonic
from bridge.service.declarations import Settings, check_declarations, read_rules, read_settings, settings_of
from bridge.service.installed import (
    installed_monitors,
    live_source,
    monitors_of,
    open_installed,
    source_of,
    use_plugins,
)
from bridge.service.places import Directories
from bridge.service.recorder import Ends, Everything, Recorder, record
from bridge.service.recording_writer import RecordingWriter, create
from bridge.sources.serial import SERIAL

NOT_ALLOWED = 77
STDOUT = 1
log = logging.getLogger("bridge")
Asked = Callable[[str], Interest]
"""What is asked of each source, by its name."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `record`."""
    parser.add_argument(
        "file", metavar="FILE", type=path, nargs="?", default=Path("-"), help="write here; without it, or -, to stdout"
    )
    parser.add_argument(
        "--rules",
        metavar="DIR",
        type=path,
        action="append",
        help="record only what the rules here (a directory or a file) ask for; may be given again",
    )
    parser.add_argument(
        "--source", metavar="NAME", type=_source, action="append", help="record this source only; may be given again"
    )
    parser.add_argument("--config", metavar="PATH", type=path, help="read this instead of the usual hwbridge.toml")
    parser.add_argument("--for", metavar="DURATION", type=duration, dest="span", help="stop after that time: 10s")
    parser.add_argument(
        "--count", metavar="N", type=_count, help="stop after N events; those of the start do not count"
    )
    parser.add_argument("--quiet", metavar="DURATION", type=duration, help="stop when nothing came for that long")
    parser.add_argument("--blank-keys", action="store_true", help="write KEY_A for every key that makes text")


def run(arguments: argparse.Namespace) -> int:
    """Records until an end that was asked for, or a signal."""
    use_plugins()
    logging.basicConfig(handlers=[_ShownAsErrors()], level=logging.WARNING)
    asked = _everything if arguments.rules is None else _of_rules(arguments.rules)
    usual = places_of(argparse.Namespace(user=False, system=False)).config
    settings = read_settings(arguments.config or usual, given=arguments.config is not None)
    monitors = _open_monitors(_sources(arguments, asked), asked, settings)
    ends = Ends(span=arguments.span, count=arguments.count, quiet=arguments.quiet)
    with closing(Recorder(monitors, clock=monotonic, ends=ends, blank=arguments.blank_keys)) as recorder:
        first = recorder.begin(asked, _about(arguments))
        if not _listens(recorder):
            show_error("hwbridge: nothing can be recorded: no device may be read")
            return NOT_ALLOWED
        with _opened(arguments.file) as (descriptor, name), _stop_signals() as stop:
            file = RecordingWriter(descriptor, name, stop)
            file.write(first)
            if sys.stderr is not None and sys.stderr.isatty():
                show_error(f"hwbridge: recording {_in_short(recorder)} to {name}; Ctrl-C ends it")
            record(recorder, file.write, stop)
        if not recorder.monitors:
            raise BridgeError("nothing is left to record")
    return 0


class _ShownAsErrors(logging.Handler):
    """What monitors warn of is a line on stderr, as errors are."""

    def emit(self, record: logging.LogRecord) -> None:
        """Shows it."""
        show_error(f"hwbridge: {record.getMessage()}")


def _everything(source: str) -> Interest:
    return Interest(source, (Everything(),))


def _of_rules(given: list[Path]) -> Asked:
    documents = read_rules(Directories(rules=tuple(given), tasks=(), rules_given=True))
    table = check_declarations(documents, ()).rules
    return lambda source: _not_taking(interest_of(source, table))


def _not_taking(interest: Interest) -> Interest:
    """Without `grab`: who records takes no device from anybody, not from a daemon either."""
    return replace(interest, inputs=tuple(replace(each, grab=False) for each in interest.inputs))


def _sources(arguments: argparse.Namespace, asked: Asked) -> list[str]:
    """The sources to be recorded: those named, or all of which something can be told."""
    named: list[str] = arguments.source or []
    serial = asked(SERIAL.name)
    has_no_port = serial.asks() and not serial.ports
    if has_no_port and (set(named) == {SERIAL.name} or (SERIAL.name in named and arguments.rules is None)):
        raise BridgeError(
            "no serial port is opened that is not declared: give --rules, with files that hold [[serial]]"
        )
    return named or [name for name in _live() if arguments.rules is not None or name != SERIAL.name]


def _live() -> list[str]:
    return list(dict.fromkeys(map(source_of, installed_monitors())))


def _open_monitors(names: list[str], asked: Asked, settings: Settings) -> dict[str, Monitor]:
    """The monitors of these sources, but of those that nothing asks for; who cannot be opened is named."""
    monitors: dict[str, Monitor] = {}
    is_asked = False
    for name in [monitor for source in dict.fromkeys(names) for monitor in monitors_of(source)]:
        try:
            live = live_source(name)
            if live.is_asked(asked(source_of(name))):
                is_asked = True
                opened = open_installed(name, clock=monotonic, settings=settings_of(name, live, settings))
                monitors[name] = opened
        except DeviceError as error:
            log.error("%s: %s", name, error)
    if not is_asked:
        raise BridgeError(f"nothing to record: no rule asks for events of {', '.join(names)}")
    return monitors


def _listens(recorder: Recorder) -> bool:
    """Whether anything can come. Raises `BridgeError` where no monitor works; each has been named."""
    if not recorder.monitors:
        raise BridgeError("nothing can be recorded")
    reports = [monitor.report() for monitor in recorder.monitors.values()]
    return any(report.devices or not report.refused for report in reports)


def _about(arguments: argparse.Namespace) -> dict[str, object]:
    """What the header says of how the recording was made; no name of a machine or a person."""
    system = os.uname()
    return {
        "hwbridge": __version__,
        "kernel": system.release,
        "machine": system.machine,
        "recorded": "everything" if arguments.rules is None else "what rules ask for",
        "blank-keys": arguments.blank_keys,
    }


def _in_short(recorder: Recorder) -> str:
    """What is recorded: each source, and how many devices of it are known."""
    counts = dict.fromkeys(map(source_of, recorder.monitors), 0)
    for name, monitor in recorder.monitors.items():
        if isinstance(monitor, DescribingMonitor):
            counts[source_of(name)] += len(monitor.describe())
    shown = [f"{name} ({count_of(count, 'device')})" if count else name for name, count in counts.items()]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


@contextmanager
def _opened(file: Path) -> Iterator[tuple[int, str]]:
    """The descriptor to write to, and what it is called."""
    if file != Path("-"):
        descriptor = create(file)
        try:
            yield descriptor, str(file)
        finally:
            os.close(descriptor)
    elif sys.stdout is None:
        raise BridgeError("stdout is closed")
    else:
        yield STDOUT, "stdout"


@contextmanager
def _stop_signals() -> Iterator[int]:
    """A descriptor that is readable after Ctrl-C or TERM, which end nothing by themselves meanwhile."""
    stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: os.eventfd_write(stop, 1)) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        os.close(stop)


def _source(text: str) -> str:
    live = _live()
    if text in live:
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(sorted(live))}")


def _count(text: str) -> int:
    if re.fullmatch(r"[1-9][0-9]{0,17}", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of events")
    return int(text)
