"""What the network is like at one moment, and which levels of the source `network` that makes. It asks nobody.

An interface is of use while it is up and runs; an address while it reaches beyond the link; a default route, which the
kernel keeps when the cable is pulled, while its interface is of use. The loopback interface is no way to anywhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bridge.model.events import Field, Fields
from bridge.sources.network import KINDS
from bridge.sources.source import Subject

IPV4, IPV6 = "inet", "inet6"
"""Families, called as in ip(8)."""
GONE = "notpresent"
"""The kernel's word for the state of an interface that is not there."""
Levels = Mapping[Subject, Fields]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An interface. `runs` is the kernel's own view of it (RFC 2863): up, with a carrier, and not dormant.

    `carrier` is None while the interface is not up, as it means nothing then; `speed` is in Mbit/s.
    """

    index: int
    name: str
    runs: bool
    operstate: str
    is_loopback: bool = False
    carrier: bool | None = None
    mac: str = ""
    mtu: int | None = None
    speed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address of an interface that reaches beyond the link and is ready for use."""

    index: int
    family: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A default route of the main table, whether its interface is of use or not.

    Without a `gateway` all that it leads to is on the link.
    """

    index: int
    family: str
    metric: int = 0
    gateway: str = ""


OfInterface = TypeVar("OfInterface", Address, Route)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What the kernel has of links, addresses and default routes."""

    links: tuple[Link, ...] = ()
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()

    def ways(self) -> tuple[Route, ...]:
        """The default routes that lead somewhere: through an interface of use, from an address of its family.

        The address may be the loopback interface's, where machines have theirs to which several links lead.
        """
        runs = {link.index for link in self.links if link.runs and not link.is_loopback}
        loopback = {link.index for link in self.links if link.runs and link.is_loopback}
        sources = {(each.index, each.family) for each in self.addresses}
        shared = {family for index, family in sources if index in loopback}
        return tuple(
            route
            for route in self.routes
            if route.index in runs and ((route.index, route.family) in sources or route.family in shared)
        )

    def best_ways(self) -> tuple[Route, ...]:
        """Those of the ways that traffic takes: of each family the ones with the least metric."""
        ways = self.ways()
        least = {family: min(way.metric for way in ways if way.family == family) for family in {w.family for w in ways}}
        return tuple(way for way in ways if way.metric == least[way.family])

    def name_of(self, index: int) -> str:
        """The name of the interface with this index; empty where there is none."""
        return next((link.name for link in self.links if link.index == index), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Where names are asked for, and in which domains they are looked for."""

    nameservers: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Internet:
    """Whether there is a way to the internet, in whose word, and whether it costs by what goes over it."""

    is_there: bool
    connectivity: str | None = None
    metered: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """All of it; what is None was not asked for, or is not known yet."""

    tables: Tables | None = None
    resolver: Resolver | None = None
    internet: Internet | None = None

    def kinds(self) -> frozenset[str]:
        """The kinds of levels that are known."""
        known = () if self.tables is None else ("link", "address", "route")
        resolver = () if self.resolver is None else ("resolver",)
        return frozenset((*known, *resolver, *(() if self.internet is None else ("internet",))))


def levels_of(state: NetworkState) -> Levels:
    """The levels of everything that is known, interface by interface, the machine's own last.

    >>> cable = Link(index=2, name="eth0", runs=True, operstate="up", carrier=True)
    >>> for fields in levels_of(NetworkState(tables=Tables(links=(cable,)))).values(): print(fields)
    {'interface': 'eth0', 'kind': 'link', 'value': 1, 'operstate': 'up', 'carrier': 1}
    {'interface': 'eth0', 'kind': 'address', 'value': 0}
    {'interface': 'eth0', 'kind': 'route', 'value': 0}
    """
    levels: dict[Subject, Fields] = {}
    if state.tables is not None:
        addresses, routes = _by_index(state.tables.addresses), _by_index(state.tables.routes)
        for link in sorted(state.tables.links, key=lambda link: link.name):
            if not link.is_loopback:
                of_link = _of_interface(link, addresses.get(link.index, ()), routes.get(link.index, ()))
                levels |= {(link.name, kind): fields for kind, fields in of_link}
    if state.resolver is not None:
        levels["", "resolver"] = _of_resolver(state.resolver)
    if state.internet is not None:
        levels["", "internet"] = _of_internet(state.internet)
    return levels


def gone(fields: Fields) -> Fields:
    """The level of an interface that is not there any more: 0.

    >>> gone({"interface": "eth0", "kind": "link", "value": 1, "mtu": 1500})
    {'interface': 'eth0', 'kind': 'link', 'value': 0, 'operstate': 'notpresent'}
    """
    level = {"interface": fields["interface"], "kind": fields["kind"], "value": 0}
    return level | {"operstate": GONE} if fields["kind"] == "link" else level


def rank(subject: Subject) -> tuple[str, int]:
    """Where a subject stands among others: by interface, and of one interface in the order of need."""
    interface, kind = subject
    return (interface or "\U0010ffff", KINDS.index(kind))  # what is the machine's own depends on all of them


def _by_index(several: Iterable[OfInterface]) -> Mapping[int, Sequence[OfInterface]]:
    """The addresses or routes of each interface."""
    found: dict[int, list[OfInterface]] = {}
    for each in several:
        found.setdefault(each.index, []).append(each)
    return found


def _of_interface(link: Link, addresses: Sequence[Address], routes: Sequence[Route]) -> Iterator[tuple[str, Fields]]:
    yield "link", _level(link.name, "link", link.runs, **_about(link))
    texts = [each.address for each in addresses]
    about = {"address": texts[0], "addresses": " ".join(texts), "family": _families(addresses)} if texts else {}
    yield "address", _level(link.name, "address", bool(texts), **about)
    leads = routes if link.runs else ()
    yield "route", _level(link.name, "route", bool(leads), **_about_routes(leads))


def _about(link: Link) -> dict[str, Field]:
    told: dict[str, Field | None] = {
        "mac": link.mac or None,
        "operstate": link.operstate,
        "carrier": None if link.carrier is None else int(link.carrier),
        "speed": link.speed,
        "mtu": link.mtu,
    }
    return {name: value for name, value in told.items() if value is not None}


def _about_routes(routes: Sequence[Route]) -> dict[str, Field]:
    if not routes:
        return {}
    gateways = list(dict.fromkeys(each.gateway for each in routes if each.gateway))
    told: dict[str, Field] = {"gateway": gateways[0], "gateways": " ".join(gateways)} if gateways else {}
    return told | {"family": _families(routes), "metric": min(each.metric for each in routes)}


def _families(of: Sequence[Route | Address]) -> str:
    return " ".join(sorted({each.family for each in of}))


def _of_resolver(resolver: Resolver) -> Fields:
    several = {"nameservers": " ".join(resolver.nameservers), "domains": " ".join(resolver.domains)}
    told: dict[str, Field] = {name: value for name, value in several.items() if value}
    return {"kind": "resolver", "value": int(bool(resolver.nameservers)), **told}


def _of_internet(internet: Internet) -> Fields:
    level: dict[str, Field] = {"kind": "internet", "value": int(internet.is_there)}
    if internet.connectivity is not None:
        level["connectivity"] = internet.connectivity
    if internet.metered is not None:
        level["metered"] = int(internet.metered)
    return level


def _level(interface: str, kind: str, is_there: bool, **details: Field) -> Fields:
    return {"interface": interface, "kind": kind, "value": int(is_there), **details}
