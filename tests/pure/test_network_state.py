"""From what the kernel has to levels of the network, and what another look changes of them."""

from dataclasses import replace

import pytest

from bridge.model.events import Origin
from bridge.sources.internet import Word, internet_of, word_of
from bridge.sources.network import NETWORK
from bridge.sources.network_changes import Told
from bridge.sources.network_state import (
    IPV4,
    IPV6,
    Address,
    Internet,
    Link,
    NetworkState,
    Resolver,
    Route,
    Tables,
    levels_of,
)
from bridge.sources.resolver import asks_resolved, resolver_of

LO = Link(index=1, name="lo", runs=True, operstate="unknown", is_loopback=True, carrier=True, mtu=65536)
CABLE = Link(
    index=2, name="eth0", runs=True, operstate="up", carrier=True, mac="02:00:00:00:00:01", mtu=1500, speed=1000
)
RADIO = Link(index=3, name="wwan0", runs=True, operstate="unknown", carrier=True)
OUR, OUR_IPV6 = (
    Address(index=2, family=IPV4, address="192.0.2.7"),
    Address(index=2, family=IPV6, address="2001:db8::7"),
)
OUR_RADIO = Address(index=3, family=IPV4, address="198.51.100.7")
ROUTE = Route(index=2, family=IPV4, gateway="192.0.2.1")
BY_RADIO = Route(index=3, family=IPV4, metric=700)
ONLINE = Tables(links=(LO, CABLE), addresses=(OUR,), routes=(ROUTE,))
PULLED = replace(ONLINE, links=(LO, replace(CABLE, runs=False, operstate="down", carrier=False, speed=None)))
BOTH = Tables(links=(LO, CABLE, RADIO), addresses=(OUR, OUR_RADIO), routes=(ROUTE, BY_RADIO))
KINDS = ("link", "address", "route", "internet", "resolver")


def judged(tables: Tables, word: Word | None = None, answer: str | None = None, *metered: str) -> Internet:
    return internet_of(tables, word=word or Word(), answer=answer, metered=metered)


def test_every_level_is_one_that_a_recording_may_have() -> None:
    state = NetworkState(
        tables=Tables(
            links=(LO, CABLE, RADIO),
            addresses=(OUR, OUR_IPV6, OUR_RADIO),
            routes=(ROUTE, replace(ROUTE, metric=9, gateway="192.0.2.2"), BY_RADIO),
        ),
        resolver=Resolver(nameservers=("192.0.2.53", "2001:db8::53"), domains=("lab.example",)),
        internet=Internet(is_there=True, connectivity="full", metered=False),
    )

    levels = levels_of(state)

    assert all(NETWORK.checked(dict(fields)) == fields for fields in levels.values())
    assert all(NETWORK.subject(fields) == subject for subject, fields in levels.items())
    assert [dict(fields) for fields in levels.values()] == [
        {
            "interface": "eth0",
            "kind": "link",
            "value": 1,
            "mac": "02:00:00:00:00:01",
            "operstate": "up",
            "carrier": 1,
            "speed": 1000,
            "mtu": 1500,
        },
        {
            "interface": "eth0",
            "kind": "address",
            "value": 1,
            "address": "192.0.2.7",
            "addresses": "192.0.2.7 2001:db8::7",
            "family": "inet inet6",
        },
        {
            "interface": "eth0",
            "kind": "route",
            "value": 1,
            "gateway": "192.0.2.1",
            "gateways": "192.0.2.1 192.0.2.2",
            "family": "inet",
            "metric": 0,
        },
        {"interface": "wwan0", "kind": "link", "value": 1, "operstate": "unknown", "carrier": 1},
        {
            "interface": "wwan0",
            "kind": "address",
            "value": 1,
            "address": "198.51.100.7",
            "addresses": "198.51.100.7",
            "family": "inet",
        },
        {"interface": "wwan0", "kind": "route", "value": 1, "family": "inet", "metric": 700},
        {"kind": "resolver", "value": 1, "nameservers": "192.0.2.53 2001:db8::53", "domains": "lab.example"},
        {"kind": "internet", "value": 1, "connectivity": "full", "metered": 0},
    ]


def test_what_was_not_asked_for_is_no_level() -> None:
    assert levels_of(NetworkState()) == {}
    assert NetworkState().kinds() == frozenset()
    assert NetworkState(tables=Tables()).kinds() == {"link", "address", "route"}


@pytest.mark.parametrize(
    ("tables", "is_there"),
    [
        (ONLINE, True),
        (BOTH, True),
        (PULLED, False),
        (replace(ONLINE, addresses=()), False),
        (replace(ONLINE, addresses=(OUR_IPV6,)), False),
        (replace(ONLINE, routes=()), False),
        (replace(ONLINE, links=(LO,)), False),
        (replace(ONLINE, addresses=(replace(OUR, index=1),)), True),
        (replace(ONLINE, addresses=(OUR_RADIO,)), False),
        (Tables(links=(LO,), addresses=(replace(OUR, index=1),), routes=(replace(ROUTE, index=1),)), False),
        (Tables(), False),
    ],
)
def test_there_is_a_way_where_a_route_an_address_and_a_link_belong_together(tables: Tables, is_there: bool) -> None:
    assert judged(tables).is_there is is_there


@pytest.mark.parametrize(
    ("tables", "word", "answer", "is_there"),
    [
        (ONLINE, "full", None, True),
        (ONLINE, "portal", None, False),
        (ONLINE, "none", None, False),
        (ONLINE, "portal", "full", True),
        (ONLINE, "full", "portal", False),
        (ONLINE, None, "limited", False),
        (PULLED, "full", None, False),
        (Tables(), "full", None, True),
        (Tables(), "limited", None, False),
    ],
)
def test_whose_word_counts(tables: Tables, word: str | None, answer: str | None, is_there: bool) -> None:
    assert judged(tables, Word(connectivity=word), answer).is_there is is_there


@pytest.mark.parametrize(
    ("tables", "word", "globs", "metered"),
    [
        (BOTH, None, ("wwan*",), False),
        (BOTH, None, ("eth0",), True),
        (replace(BOTH, routes=(BY_RADIO,)), None, ("wwan*", "ppp*"), True),
        (replace(BOTH, routes=(replace(ROUTE, metric=700), BY_RADIO)), None, ("wwan*",), True),
        (BOTH, True, (), True),
        (BOTH, False, ("eth*",), True),
        (BOTH, False, (), False),
        (Tables(links=(RADIO,), addresses=(OUR_RADIO,), routes=(BY_RADIO,)), None, ("WWAN*",), False),
    ],
)
def test_what_the_best_way_leads_through_is_metered_or_not(
    tables: Tables, word: bool | None, globs: tuple[str, ...], metered: bool
) -> None:
    assert judged(tables, Word(metered=word), None, *globs).metered is metered


def test_where_no_way_is_nothing_is_metered() -> None:
    assert judged(Tables(), None, None, "*") == Internet(is_there=False)


@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({}, Word()),
        ({"State": 70, "Connectivity": 4, "Metered": 4}, Word(connectivity="full", metered=False)),
        ({"State": 40, "Connectivity": 3, "Metered": 1}, Word(connectivity="limited", metered=True)),
        ({"State": 30, "Connectivity": 1, "Metered": 1}, Word()),
        ({"Connectivity": 1}, Word(connectivity="none")),
        ({"State": 70, "Connectivity": 0, "Metered": 0}, Word()),
        ({"State": 70, "Connectivity": 99, "Metered": "yes"}, Word()),
        ({"State": "up", "Connectivity": [4]}, Word()),
    ],
)
def test_networkmanagers_word_is_what_its_properties_say(properties: dict[str, object], word: Word) -> None:
    assert word_of(properties) == word


@pytest.mark.parametrize(
    ("text", "resolver"),
    [
        ("", Resolver()),
        ("nameserver\nsearch\nnonsense here\n", Resolver()),
        ("nameserver 192.0.2.53 # first\n;nameserver 192.0.2.54\n", Resolver(nameservers=("192.0.2.53",))),
        ("nameserver fe80::1%eth0\n", Resolver(nameservers=("fe80::1%eth0",))),
        ("nameserver dns.example\nnameserver 192.0.2.53x\n", Resolver()),
        ("domain a.example\nsearch b.example c.example\n", Resolver(domains=("b.example", "c.example"))),
        ("search b.example\ndomain a.example\n", Resolver(domains=("a.example",))),
        ("search .\n", Resolver()),
    ],
)
def test_a_resolvers_file_is_read_as_libc_reads_it(text: str, resolver: Resolver) -> None:
    assert resolver_of(text) == resolver


def test_resolved_is_asked_only_where_nobody_else_is() -> None:
    assert asks_resolved(Resolver(nameservers=("127.0.0.53",)))
    assert not asks_resolved(Resolver(nameservers=("127.0.0.53", "192.0.2.53")))
    assert not asks_resolved(Resolver())


def test_what_is_first_known_of_a_kind_was_found_and_what_comes_later_happened() -> None:
    told = Told()
    found = told.turn(levels_of(NetworkState(tables=ONLINE)), ("link", "address", "route"), Origin.LIVE)
    later = told.turn(levels_of(NetworkState(tables=BOTH)), ("link", "address", "route"), Origin.LIVE)
    unknown = told.turn({}, (), Origin.LIVE)
    known = told.turn(levels_of(NetworkState(internet=Internet(is_there=True))), ("internet",), Origin.LIVE)

    assert {change.origin for change in found} == {Origin.START}
    assert {(change.fields["interface"], change.origin) for change in later} == {("wwan0", Origin.LIVE)}
    assert unknown == []
    assert [change.origin for change in known] == [Origin.START]
    assert len(told.levels) == 7


def test_an_interface_that_is_gone_is_told_once_and_forgotten() -> None:
    told = Told()
    told.turn(levels_of(NetworkState(tables=BOTH)), KINDS, Origin.LIVE)

    gone = told.turn(levels_of(NetworkState(tables=ONLINE)), KINDS, Origin.RESYNC)

    assert [dict(change.fields) for change in gone] == [
        {"interface": "wwan0", "kind": "link", "value": 0, "operstate": "notpresent"},
        {"interface": "wwan0", "kind": "address", "value": 0},
        {"interface": "wwan0", "kind": "route", "value": 0},
    ]
    assert all(change.turns() and change.origin is Origin.RESYNC for change in gone)
    assert {interface for interface, _ in told.levels} == {"eth0"}
    assert told.turn(levels_of(NetworkState(tables=ONLINE)), KINDS, Origin.LIVE) == []


def test_what_nobody_asks_for_any_more_is_found_when_somebody_does_again() -> None:
    told = Told()
    told.turn(levels_of(NetworkState(tables=ONLINE)), KINDS, Origin.LIVE)
    told.keep(("link",))

    again = told.turn(levels_of(NetworkState(tables=ONLINE)), KINDS, Origin.LIVE)

    assert [(change.fields["kind"], change.origin) for change in again] == [
        ("address", Origin.START),
        ("route", Origin.START),
    ]
