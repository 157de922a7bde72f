"""The monitors of the network beside NetworkManager, on a bus of our own: its word counts where it has one."""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dbus_fast import Variant
from made_bus import MOCK, MadeBus, made_bus, why_not
from made_network import (
    FAR,
    GATEWAY,
    asking,
    connect,
    internet_monitor,
    ip,
    listening,
    network_monitor,
    plug_cable,
    values,
)
from namespace import in_namespace

from bridge.model.events import Origin
from bridge.monitors.bus_words import Call
from bridge.monitors.network_manager import PROPERTIES, SERVICE

NONE, PORTAL, LIMITED, FULL = 1, 2, 3, 4
DISCONNECTED, CONNECTED = 20, 70
INTERNET = asking("network", '{ kind = "internet" }')
OF_THE_MACHINE = asking("system", '{ name = ["InternetAvailable", "FreeNetworkAvailable"] }')


@pytest.fixture(autouse=True)
def _needs_a_bus() -> None:
    if reason := why_not():
        pytest.skip(reason)


@contextmanager
def system_bus() -> Iterator[MadeBus]:
    """A bus, which monitors take for the system's."""
    with tempfile.TemporaryDirectory() as folder, made_bus(Path(folder)) as bus:
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
        yield bus


def says(bus: MadeBus, **properties: int) -> None:
    bus.hand.update(PROPERTIES, {name: Variant("u", value) for name, value in properties.items()})


@in_namespace
def test_its_word_is_waited_for_and_counts_more_than_routes() -> None:
    plug_cable()
    connect()
    with system_bus() as bus:
        bus.mock("networkmanager", SERVICE)
        says(bus, Connectivity=PORTAL)
        with listening(network_monitor(), INTERNET) as it:
            assert it.told == []
            event = it.until_told(kind="internet", value=0, connectivity="portal")
            assert event.origin is Origin.START
            says(bus, Connectivity=FULL)
            assert it.until_told(kind="internet", value=1, connectivity="full").origin is Origin.LIVE
            says(bus, Connectivity=LIMITED)
            it.until_told(kind="internet", value=0, connectivity="limited")

            assert it.monitor.report().devices[-1] == "internet by NetworkManager"


@in_namespace
def test_it_may_know_a_way_that_the_main_table_does_not_have() -> None:
    plug_cable()
    with system_bus() as bus:
        bus.mock("networkmanager", SERVICE)
        with listening(network_monitor(), INTERNET) as it:
            it.until_told(kind="internet", value=1, connectivity="full")


@in_namespace
def test_a_cable_that_is_pulled_counts_though_it_has_not_noticed() -> None:
    plug_cable()
    connect()
    with system_bus() as bus:
        bus.mock("networkmanager", SERVICE)
        with listening(network_monitor(), INTERNET) as it:
            it.until_told(kind="internet", value=1)
            ip(f"link set {FAR} down")

            assert dict(it.until_told(kind="internet", value=0).fields) == {"kind": "internet", "value": 0}


@in_namespace
def test_of_a_network_that_it_does_not_manage_it_has_no_word() -> None:
    plug_cable()
    connect()
    with system_bus() as bus:
        bus.mock("networkmanager", SERVICE)
        says(bus, Connectivity=NONE, State=DISCONNECTED)
        with listening(network_monitor(), INTERNET) as it:
            it.until_told(kind="internet", value=1)
            says(bus, State=CONNECTED)
            it.until_told(kind="internet", value=0, connectivity="none")


@in_namespace
def test_when_it_goes_the_routes_decide_and_when_it_comes_it_does() -> None:
    plug_cable()
    connect()
    with system_bus() as bus:
        bus.mock("networkmanager", SERVICE)
        says(bus, Connectivity=PORTAL)
        with listening(internet_monitor(), OF_THE_MACHINE) as it:
            it.until_told(name="InternetAvailable", value=0)
            bus.unmock(SERVICE)
            it.until_told(name="InternetAvailable", value=1)
            bus.mock("networkmanager", SERVICE)
            says(bus, Connectivity=LIMITED)
            it.until_told(name="InternetAvailable", value=0)

            assert values(it.told[:2]) == [("InternetAvailable", 0), ("FreeNetworkAvailable", 0)]
            assert {event.origin for event in it.told[2:]} == {Origin.LIVE}


@in_namespace
def test_when_the_bus_goes_the_routes_decide() -> None:
    plug_cable()
    connect()
    with system_bus() as bus:
        bus.mock("networkmanager", SERVICE)
        says(bus, Connectivity=PORTAL)
        with listening(network_monitor(), INTERNET) as it:
            it.until_told(kind="internet", value=0)
            bus.stop()
            it.until_told(kind="internet", value=1)
            bus.start()


@in_namespace
def test_what_it_calls_metered_is_not_free() -> None:
    plug_cable()
    connect()
    with system_bus() as bus:
        bus.mock("networkmanager", SERVICE)
        added = (PROPERTIES.interface, "Metered", Variant("u", 0))  # the template has none
        bus.hand.call(Call(SERVICE, PROPERTIES.path, MOCK, "AddProperty", "ssv", added))
        with listening(internet_monitor(), OF_THE_MACHINE) as it:
            it.until_told(name="FreeNetworkAvailable", value=1)
            for metered, is_free in ((1, 0), (2, 1), (3, 0), (4, 1)):
                says(bus, Metered=metered)
                it.until_told(name="FreeNetworkAvailable", value=is_free)

            assert [each for each in values(it.told) if each[0] == "InternetAvailable"] == [("InternetAvailable", 1)]


@in_namespace
def test_where_it_is_not_it_is_not_started_and_the_routes_decide() -> None:
    plug_cable()
    connect()
    with system_bus() as bus:
        bus.is_activatable(SERVICE)
        with listening(network_monitor(), INTERNET) as it:
            event = it.until_told(kind="internet", value=1)

            assert event.origin is Origin.START
            assert dict(event.fields) == {"kind": "internet", "value": 1, "metered": 0}
            assert not bus.was_activated(SERVICE)


@in_namespace
def test_a_bus_that_says_nothing_is_not_waited_for_for_ever() -> None:
    plug_cable()
    connect()
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{folder}/bus")
        silent.listen()
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={folder}/bus"
        with listening(network_monitor(), INTERNET) as it:
            assert it.told == []
            assert it.monitor.deadline() is not None

            assert it.until_told(kind="internet", value=1).origin is Origin.START
            assert it.monitor.deadline() is None


@in_namespace
def test_after_sleep_it_is_asked_again_and_closing_leaves_no_thread() -> None:
    plug_cable()
    connect()
    before = threading.active_count()
    with system_bus() as bus:
        bus.mock("networkmanager", SERVICE)
        with listening(network_monitor(), INTERNET) as it:
            it.until_told(kind="internet", value=1)
            during = threading.active_count()
            ip(f"route del default via {GATEWAY}", f"link set {FAR} down")
            it.settle()
            it.resync()
            it.settle()
            assert it.told[-1].fields["value"] == 1  # without any default route it is its word

        assert threading.active_count() == during - 1
    assert threading.active_count() == before


@in_namespace
def test_a_bus_that_is_there_later_is_found_by_the_next_look() -> None:
    plug_cable()
    connect()
    with system_bus() as bus:
        bus.stop()
        with listening(network_monitor(), INTERNET) as it:
            it.until_told(kind="internet", value=1)
            bus.start()
            bus.mock("networkmanager", SERVICE)
            says(bus, Connectivity=PORTAL)

            it.resync()

            it.until_told(kind="internet", value=0, connectivity="portal")
