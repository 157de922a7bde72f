"""The monitor of the source `network` on a real network: a namespace of each test's own, with a cable to pull."""

import subprocess
from pathlib import Path

from made_network import (
    ADDRESS,
    FAR,
    GATEWAY,
    NEAR,
    asking,
    connect,
    everything,
    ip,
    listening,
    network_monitor,
    plug_cable,
    values,
)
from namespace import in_namespace

from bridge.model.events import Origin

EVERYTHING = everything("network")
OF_THE_CABLE = asking("network", f'{{ interface = "{NEAR}" }}')
DOWN = [(NEAR, "link", 0), (NEAR, "address", 0), (NEAR, "route", 0)]


@in_namespace
def test_what_is_there_at_the_start_is_told_as_found() -> None:
    plug_cable()
    connect()
    with listening(network_monitor(), asking("network", '{ kind = ["link", "address", "route", "internet"] }')) as it:
        assert {event.origin for event in it.told} == {Origin.START}
        assert values(it.told) == [
            (NEAR, "link", 1),
            (NEAR, "address", 1),
            (NEAR, "route", 1),
            (FAR, "link", 1),
            (FAR, "address", 0),
            (FAR, "route", 0),
            ("internet", 1),
        ]
        assert dict(it.told[1].fields) == {
            "interface": NEAR,
            "kind": "address",
            "value": 1,
            "address": ADDRESS,
            "addresses": ADDRESS,
            "family": "inet",
        }
        assert dict(it.told[2].fields) == {
            "interface": NEAR,
            "kind": "route",
            "value": 1,
            "gateway": GATEWAY,
            "gateways": GATEWAY,
            "family": "inet",
            "metric": 0,
        }


@in_namespace
def test_a_link_tells_what_sysfs_says_of_it() -> None:
    plug_cable()
    with listening(network_monitor(), OF_THE_CABLE) as it:
        link = it.told[0].fields
        sysfs = {
            name: (Path("/sys/class/net") / NEAR / name).read_text().strip() for name in ("address", "mtu", "speed")
        }

        assert (link["mac"], str(link["mtu"]), str(link["speed"])) == (sysfs["address"], sysfs["mtu"], sysfs["speed"])
        assert (link["operstate"], link["carrier"]) == ("up", 1)


@in_namespace
def test_an_address_and_a_default_route_are_told_as_they_come_and_go() -> None:
    plug_cable()
    with listening(network_monitor(), OF_THE_CABLE) as it:
        it.forget()
        ip(f"address add {ADDRESS}/24 dev {NEAR}")
        it.until_told(kind="address", value=1, addresses=ADDRESS)
        ip(f"route add default via {GATEWAY} metric 7")
        it.until_told(kind="route", value=1, gateway=GATEWAY, metric=7)
        ip(f"route del default via {GATEWAY} metric 7")
        it.until_told(kind="route", value=0)
        ip(f"address del {ADDRESS}/24 dev {NEAR}")
        it.until_told(kind="address", value=0)

        assert values(it.told) == [
            (NEAR, "address", 1),
            (NEAR, "route", 1),
            (NEAR, "route", 0),
            (NEAR, "address", 0),
        ]
        assert {event.origin for event in it.told} == {Origin.LIVE}


@in_namespace
def test_a_cable_that_is_pulled_takes_link_and_route_though_the_kernel_keeps_the_route() -> None:
    plug_cable()
    connect()
    with listening(network_monitor(), OF_THE_CABLE) as it:
        it.forget()
        ip(f"link set {FAR} down")
        it.until_told(kind="route", value=0)
        kept = subprocess.run(["ip", "route", "show", "default"], capture_output=True, text=True, check=True).stdout
        assert "linkdown" in kept
        assert values(it.told) == [(NEAR, "link", 0), (NEAR, "route", 0)]
        assert it.told[0].fields["carrier"] == 0

        it.forget()
        ip(f"link set {FAR} up")
        it.until_told(kind="route", value=1)
        assert values(it.told) == [(NEAR, "link", 1), (NEAR, "route", 1)]


@in_namespace
def test_an_interface_that_is_removed_has_nothing_any_more() -> None:
    plug_cable()
    connect()
    with listening(network_monitor(), OF_THE_CABLE) as it:
        it.forget()
        ip(f"link del {FAR}")
        it.until_told(kind="link", value=0, operstate="notpresent")

        assert values(it.told) == DOWN
        assert it.monitor.snapshot() == []


@in_namespace
def test_an_interface_that_comes_is_told_as_live() -> None:
    with listening(network_monitor(), OF_THE_CABLE) as it:
        plug_cable()
        connect()
        it.until_told(kind="route", value=1)

        assert {event.origin for event in it.told} == {Origin.LIVE}


@in_namespace
def test_a_new_name_is_a_new_interface() -> None:
    plug_cable()
    connect()
    with listening(network_monitor(), asking("network", '{ interface = ["lab0", "cable"] }')) as it:
        it.forget()
        ip(f"link set {NEAR} down", f"link set {NEAR} name cable", "link set cable up")
        it.until_told(interface="cable", kind="link", value=1)

        assert values(it.told) == [("cable", "link", 1), ("cable", "address", 1), ("cable", "route", 0), *DOWN]


@in_namespace
def test_an_address_of_ipv6_counts_when_it_is_known_to_be_nobody_elses() -> None:
    plug_cable()
    with listening(network_monitor(), OF_THE_CABLE) as it:
        ip(f"address add fe80::7/64 dev {NEAR} nodad", f"address add 2001:db8::7/64 dev {NEAR}")
        shown = ["ip", "-6", "address", "show", "dev", NEAR, "tentative"]
        assert "2001:db8::7" in subprocess.run(shown, capture_output=True, text=True, check=True).stdout
        it.until_told(kind="address", value=1)

        assert it.told[-1].fields["addresses"] == "2001:db8::7"
        assert subprocess.run(shown, capture_output=True, text=True, check=True).stdout == ""


@in_namespace
def test_a_default_route_of_ipv6_is_one_too() -> None:
    plug_cable()
    with listening(network_monitor(), everything("network")) as it:
        ip(f"address add 2001:db8::7/64 dev {NEAR} nodad", f"route add ::/0 via fe80::1 dev {NEAR}")
        route = it.until_told(interface=NEAR, kind="route", value=1).fields
        it.until_told(kind="internet", value=1)

        assert (route["gateway"], route["family"], route["metric"]) == ("fe80::1", "inet6", 1024)


@in_namespace
def test_every_hop_of_a_route_counts_and_those_of_other_tables_do_not() -> None:
    plug_cable()
    ip("link add lab2 type veth peer name lab3", "link set lab3 up", "link set lab2 up")
    ip(f"address add {ADDRESS}/24 dev {NEAR}", "address add 198.51.100.7/24 dev lab2")
    ip(f"route add default via {GATEWAY} table 7", "route add unreachable default metric 4000 table main")
    with listening(network_monitor(), asking("network", '{ kind = "route" }')) as it:
        assert {event.fields["value"] for event in it.told} == {0}
        ip(f"route add default nexthop via {GATEWAY} dev {NEAR} nexthop via 198.51.100.1 dev lab2")

        assert it.until_told(interface=NEAR, value=1).fields["gateways"] == GATEWAY
        assert it.until_told(interface="lab2", value=1).fields["gateways"] == "198.51.100.1"


@in_namespace
def test_a_route_that_goes_with_its_next_hop_is_told_to_go() -> None:
    plug_cable()
    ip(f"address add {ADDRESS}/24 dev {NEAR}")
    with listening(network_monitor(), OF_THE_CABLE) as it:
        ip(f"nexthop add id 7 via {GATEWAY} dev {NEAR}", "route add default nhid 7")
        it.until_told(kind="route", value=1, gateway=GATEWAY)
        it.forget()
        ip("nexthop del id 7")
        it.until_told(kind="route", value=0)


@in_namespace
def test_there_is_internet_where_a_route_an_address_and_a_carrier_are() -> None:
    plug_cable()
    internet = asking("network", '{ kind = "internet" }')
    with listening(network_monitor(), internet) as it:
        assert values(it.told) == [("internet", 0)]
        connect()
        it.until_told(kind="internet", value=1)
        ip(f"link set {FAR} down")
        it.until_told(kind="internet", value=0)
        ip(f"link set {FAR} up")
        it.until_told(kind="internet", value=1)
        ip(f"route del default via {GATEWAY}")
        it.until_told(kind="internet", value=0)

        assert values(it.told) == [("internet", value) for value in (0, 1, 0, 1, 0)]


@in_namespace
def test_addresses_may_be_those_of_lo() -> None:
    plug_cable()
    ip("link set lo up", f"address add {ADDRESS}/32 dev lo")
    with listening(network_monitor(), asking("network", '{ kind = "internet" }')) as it:
        ip(f"route add default via {GATEWAY} dev {NEAR} onlink")
        it.until_told(kind="internet", value=1)


@in_namespace
def test_an_interface_is_metered_if_a_glob_says_so_and_the_best_way_leads_through_it() -> None:
    plug_cable()
    connect()
    with listening(network_monitor(metered=("wwan*", "lab*")), asking("network", '{ kind = "internet" }')) as it:
        assert dict(it.told[0].fields) == {"kind": "internet", "value": 1, "metered": 1}
        ip("link add free type veth peer name free1", "link set free1 up", "link set free up")
        ip("address add 198.51.100.7/24 dev free", "route add default via 198.51.100.1 metric 9")
        it.settle()
        assert len(it.told) == 1
        ip(f"route del default via {GATEWAY}", f"route add default via {GATEWAY} metric 10")
        it.until_told(kind="internet", value=1, metered=0)


@in_namespace
def test_sysfs_of_another_namespace_is_not_believed() -> None:
    subprocess.run(["umount", "/sys"], check=True)  # what is below is that of the namespace we came from
    plug_cable()
    with listening(network_monitor(), EVERYTHING) as it:
        told = {str(event.fields["interface"]) for event in it.told if "interface" in event.fields}

        assert told == {NEAR, FAR}
        assert not any("speed" in event.fields for event in it.told)


@in_namespace
def test_the_report_names_interfaces_and_closing_leaves_nothing_open() -> None:
    plug_cable()
    before = sorted(path.readlink() for path in Path("/proc/self/fd").iterdir() if path.exists())
    with listening(network_monitor(), EVERYTHING) as it:
        report = it.monitor.report()
        assert (report.devices, report.refused, report.lost) == ((NEAR, FAR), (), 0)

    assert sorted(path.readlink() for path in Path("/proc/self/fd").iterdir() if path.exists()) == before
