"""Whether there is internet: the routes, NetworkManager's word and the answer to a probe, weighed. It asks nobody.

Without a word from anybody the routes decide: a default route through an interface that is of use, from an address of
its own. A name server is no part of it, for not everything is reached by name; it is a level of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bridge.sources.network_state import Internet, Tables

NONE, PORTAL, LIMITED, FULL = "none", "portal", "limited", "full"
"""NetworkManager's words for how far one gets: nowhere, to a page to log in, not to the internet, everywhere."""
ONLINE = "NetworkManager is online"
"""What the page begins with that NetworkManager looks at, and everybody who offers one for it."""
STATUS_HEADER = "X-NetworkManager-Status"

_CONNECTIVITY = {1: NONE, 2: PORTAL, 3: LIMITED, 4: FULL}  # NMConnectivityState; 0 is unknown
_METERED = {1: True, 2: False, 3: True, 4: False}  # NMMetered: yes, no, guessed yes, guessed no; 0 is unknown
_CONNECTING = 40  # NMState; below it NetworkManager has no connection, and no word on those of others


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What NetworkManager says; None is that it does not know."""

    connectivity: str | None = None
    metered: bool | None = None


def word_of(properties: Mapping[str, object]) -> Word:
    """What the properties of NetworkManager say. Of a network that it does not manage, they say nothing.

    >>> word_of({"State": 70, "Connectivity": 2, "Metered": 3})
    Word(connectivity='portal', metered=True)
    >>> word_of({"State": 20, "Connectivity": 1, "Metered": 0})
    Word(connectivity=None, metered=None)
    """
    state = _number(properties, "State")
    if state is not None and state < _CONNECTING:
        return Word()
    return Word(
        connectivity=_CONNECTIVITY.get(_number(properties, "Connectivity") or 0),
        metered=_METERED.get(_number(properties, "Metered") or 0),
    )


def _number(properties: Mapping[str, object], name: str) -> int | None:
    value = properties.get(name)
    return value if isinstance(value, int) else None


def internet_of(tables: Tables, *, word: Word, answer: str | None, metered: Sequence[str]) -> Internet:
    """Whether there is internet. `answer` is that of a probe, `metered` are globs for interfaces that cost.

    Where a way is, the probe's answer decides, else NetworkManager's word, else that there is one. Where every default
    route is cut off there is none, whoever says so; without any in the main table NetworkManager may know of others.
    """
    ways = tables.ways()
    connectivity = answer or word.connectivity
    if not ways and (tables.routes or word.connectivity != FULL):
        return Internet(is_there=False, connectivity=None if connectivity == FULL else connectivity)
    names = {tables.name_of(way.index) for way in tables.best_ways()}
    costs = bool(word.metered) or any(fnmatchcase(name, glob) for name in names for glob in metered)
    return Internet(is_there=connectivity in (None, FULL), connectivity=connectivity, metered=costs)


def answer_of(status: int, header: str | None, body: bytes) -> str:
    """What the answer to a probe says: `full`; `portal`, where somebody else answered; `limited`, where it is an error.

    >>> answer_of(204, None, b""), answer_of(200, None, b"<html>Log in"), answer_of(500, None, b"")
    ('full', 'portal', 'limited')
    """
    if status == 204 or (200 <= status < 300 and (header == "online" or body.startswith(ONLINE.encode()))):
        return FULL
    return PORTAL if status < 400 or status == 511 else LIMITED  # 511: network authentication required (RFC 6585)
