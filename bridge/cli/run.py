"""`hwbridge run`: the daemon in the foreground, its log on stderr. To put it in the background is the system's work."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import bridge.service.no_tls  # noqa: F401  # before anything that imports asyncio
from bridge.cli.places import (
    add_daemon_options,
    add_file_options,
    directories_of,
    given_socket,
    path,
    places_of,
)
from bridge.service.daemon import Configuration, run_daemon
from bridge.service.declarations import read_settings_to_run
from bridge.service.installed import use_plugins
from bridge.service.log_output import log_handler

if TYPE_CHECKING:
    from bridge.service.recordings import RecordingFile


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    add_file_options(parser)
    add_daemon_options(parser)
    parser.add_argument("--config", metavar="PATH", type=path, help="read this instead of the usual hwbridge.toml")
    parser.add_argument("--state", metavar="DIR", type=path, help="keep here what must outlive a restart")
    parser.add_argument(
        "--play", metavar="FILE", type=path, action="append", default=[], help="play a recording as one more monitor"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="log every event, raise and end of a run too; events can hold typed keys"
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the daemon until TERM or Ctrl-C."""
    use_plugins()
    places = places_of(arguments)
    socket = given_socket(arguments)
    log = log_handler(sys.stderr, os.environ)
    logging.basicConfig(handlers=[log], level=logging.DEBUG if arguments.verbose else logging.INFO)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    with ExitStack() as opened:
        configuration = Configuration(
            directories=directories_of(arguments, places),
            settings=read_settings_to_run(arguments.config or places.config, given=arguments.config is not None),
            state=arguments.state or places.state,
            socket=socket or places.socket,
            socket_is_default=socket is None,
            recordings=_opened(arguments.play, opened),
        )
        run_daemon(configuration)
    return 0


def _opened(files: Sequence[Path], opened: ExitStack) -> "Sequence[RecordingFile]":
    if not files:
        return ()
    from bridge.service.recordings import open_recording  # late: 5 ms, and few daemons play anything

    return [opened.enter_context(open_recording(file)) for file in files]
