"""The table `[network]` of hwbridge.toml, which both monitors of the network read. Nothing is opened or asked here.

[network]
metered = ["wwan*", "ppp*"]             # interfaces that cost by what goes over them
probe = "http://check.example/online"   # asked whether there is internet; off without it, for it calls somewhere
probe_interval = "300s"                 # how often, while there is a default route
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bridge.errors import InvalidValueError
from bridge.model.durations import MICROSECONDS, format_duration, parse_duration
from bridge.toml.schema import Table
from bridge.toml.values import text, text_as

INTERVAL = 300 * MICROSECONDS["s"]
"""NetworkManager's."""
LEAST_INTERVAL = 10 * MICROSECONDS["s"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAddress:
    """Where a probe goes; `shown` is the URL."""

    host: str
    port: int
    path: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """The globs of interfaces that cost, where a probe goes if there is one, and the microseconds between probes."""

    metered: tuple[str, ...] = ()
    probe: ProbeAddress | None = None
    probe_interval: int = INTERVAL

    @staticmethod
    def of(settings: Mapping[str, Any]) -> "NetworkSettings":
        """From what `read_settings` gave."""
        return NetworkSettings(**settings)


def read_settings(table: Table) -> Mapping[str, Any]:
    """The fields of `NetworkSettings` by name."""
    settings = {
        "metered": table.read_all("metered", _glob),
        "probe": table.read("probe", text_as(probe_address)),
        "probe_interval": table.read("probe_interval", text_as(_interval), default=INTERVAL),
    }
    if "probe_interval" in table and "probe" not in table:
        table.problem("there is no probe that it could be the interval of", "probe_interval")
    table.finish()
    return settings


def probe_address(url: str) -> ProbeAddress:
    """The parts of a URL that can be probed: plain HTTP, which a page to log in can be put in the way of.

    >>> probe_address("http://check.example/online").host
    'check.example'
    >>> probe_address("https://check.example/")
    Traceback (most recent call last):
    bridge.errors.InvalidValueError: 'https://check.example/' is no URL to probe: meant is http://host/path, no https
    """
    wrong = InvalidValueError(f"{url!r} is no URL to probe: meant is http://host/path, no https")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise wrong from error
    is_sound = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme != "http" or not parts.hostname or parts.username is not None or parts.fragment or not is_sound:
        raise wrong
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ProbeAddress(host=parts.hostname, port=80 if port is None else port, path=path, shown=url)


def _interval(written: str) -> int:
    interval = parse_duration(written)
    if interval < LEAST_INTERVAL:
        raise InvalidValueError(f"{written!r} is too often, it is others who answer: {format_duration(LEAST_INTERVAL)}")
    return interval


def _glob(value: object) -> str:
    glob = text(value)
    if not glob.strip():
        raise InvalidValueError("an interface has a name: meant is one like wwan*")
    return glob
