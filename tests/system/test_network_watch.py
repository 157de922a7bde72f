"""When the network is looked at: after a moment, after a loss, after sleep, and never without reason."""

import select
import subprocess

from made_network import (
    ADDRESS,
    FAR,
    GATEWAY,
    NEAR,
    QUIET_MILLISECONDS,
    SMALL,
    asking,
    connect,
    everything,
    internet_monitor,
    ip,
    listening,
    logged,
    network_monitor,
    plug_cable,
    values,
)
from namespace import in_namespace

from bridge.model.events import Origin
from bridge.monitors.network import NetworkMonitor
from bridge.monitors.network_settings import NetworkSettings
from bridge.monitors.rtnetlink import Rtnetlink
from bridge.service.clock import monotonic
from bridge.sources.network_state import Tables

EVERYTHING = everything("network")
OF_THE_CABLE = asking("network", f'{{ interface = "{NEAR}" }}')
MANY = 2000


@in_namespace
def test_a_burst_of_commands_is_told_once_as_it_ends() -> None:
    plug_cable()
    with listening(network_monitor(), OF_THE_CABLE) as it:
        it.forget()
        flaps = [f"link set {FAR} {state}" for _ in range(50) for state in ("down", "up")]
        ip(*flaps, f"address add {ADDRESS}/24 dev {NEAR}")
        it.until_told(kind="address", value=1)
        it.settle()

        assert values(it.told)[-1] == (NEAR, "address", 1)
        assert (
            len([event for event in it.told if event.fields["kind"] == "link"]) <= 2
        )  # nobody knows how long 101 take


@in_namespace
def test_a_carrier_that_was_gone_for_longer_than_the_window_is_told() -> None:
    plug_cable()
    connect()
    with listening(network_monitor(), OF_THE_CABLE) as it:
        it.forget()
        for state, value in (("down", 0), ("up", 1)) * 3:
            ip(f"link set {FAR} {state}")
            it.until_told(kind="link", value=value)

        assert [each for each in values(it.told) if each[1] == "link"] == [
            (NEAR, "link", value) for value in (0, 1) * 3
        ]


@in_namespace
def test_what_a_full_queue_lost_is_found_by_looking() -> None:
    plug_cable()
    with logged() as lines, listening(network_monitor(receive_buffer=SMALL), OF_THE_CABLE) as it:
        it.forget()
        added = [f"10.7.{number // 250}.{number % 250}" for number in range(MANY)]
        ip(*(f"address add {address}/32 dev {NEAR}" for address in added))
        it.until(lambda: it.monitor.report().lost == 1, "a loss")
        it.settle()

        event = it.until_told(kind="address", value=1)
        assert event.origin is Origin.RESYNC
        assert str(event.fields["addresses"]).split() == added
        assert len(lines) == 1
        ip(f"link set {FAR} down")
        assert it.until_told(kind="link", value=0).origin is Origin.LIVE


@in_namespace
def test_a_storm_that_is_read_as_it_comes_ends_in_what_is_there() -> None:
    plug_cable()
    with logged(), listening(network_monitor(receive_buffer=SMALL), OF_THE_CABLE) as it:
        it.forget()
        commands = [f"address {what} 10.7.0.{number}/32 dev {NEAR}" for number in range(250) for what in ("add", "del")]
        with subprocess.Popen(["ip", "-batch", "-"], stdin=subprocess.PIPE, text=True) as storm:
            assert storm.stdin is not None
            storm.stdin.write("\n".join([*commands * 8, f"address add {ADDRESS}/24 dev {NEAR}"]) + "\n")
            storm.stdin.close()
            it.until_told(kind="address", addresses=ADDRESS)
        it.settle()

        assert it.until_told(kind="address", addresses=ADDRESS).fields["value"] == 1


@in_namespace
def test_routes_that_are_no_default_make_nobody_look() -> None:
    plug_cable()
    connect()
    with listening(network_monitor(), OF_THE_CABLE) as it:
        it.forget()
        ip(*(f"route add 198.51.100.{number}/32 via {GATEWAY}" for number in range(20)))
        assert select.select([it.monitor], [], [], 1)[0] == [it.monitor]
        it.monitor.read()

        assert it.monitor.deadline() is None


@in_namespace
def test_nobody_is_woken_while_nothing_changes() -> None:
    plug_cable()
    connect()
    for monitor, source in ((network_monitor(), "network"), (internet_monitor(), "system")):
        with listening(monitor, everything(source)) as it:
            it.forget()

            assert monitor.deadline() is None
            assert select.select([monitor], [], [], 3 * QUIET_MILLISECONDS / 1000)[0] == []


@in_namespace
def test_a_monitor_that_nothing_is_asked_of_listens_to_nothing() -> None:
    with listening(network_monitor(), EVERYTHING) as it:
        assert it.watch(asking("network")) == []
        it.forget()
        plug_cable()
        it.settle()

        assert it.told == []
        assert it.monitor.snapshot() == []
        assert {event.origin for event in it.watch(OF_THE_CABLE)} == {Origin.START}


@in_namespace
def test_who_asks_for_more_is_told_of_what_is_new_only() -> None:
    plug_cable()
    with listening(network_monitor(), asking("network", f'{{ kind = "link", interface = "{NEAR}" }}')) as it:
        assert values(it.told) == [(NEAR, "link", 1)]
        ip(f"link set {FAR} down")
        told = it.watch(asking("network", '{ kind = "link" }'))

        assert values(told) == [(NEAR, "link", 0), (FAR, "link", 0)]
        assert [event.origin for event in told] == [Origin.LIVE, Origin.START]


@in_namespace
def test_after_sleep_everything_is_looked_at_again() -> None:
    plug_cable()
    with listening(network_monitor(), OF_THE_CABLE) as it:
        it.forget()
        assert it.resync() == []
        ip(f"link set {FAR} down")
        told = it.resync()

        assert values(told) == [(NEAR, "link", 0)]
        assert told[0].origin is Origin.RESYNC


class Restless(Rtnetlink):
    """The kernel's tables of a machine on which they do not hold still for long."""

    looks = 0

    def tables(self) -> Tables | None:
        self.looks += 1
        return None if self.looks < 4 else super().tables()


class RestlessAfterSleep(Rtnetlink):
    """The kernel's tables of a machine on which they do not hold still at the first look after sleep."""

    is_awake = False

    def tables(self) -> Tables | None:
        is_awake, self.is_awake = self.is_awake, False
        return None if is_awake else super().tables()


@in_namespace
def test_what_a_second_look_after_sleep_finds_is_told_as_found() -> None:
    plug_cable()
    restless = RestlessAfterSleep()
    monitor = NetworkMonitor(clock=monotonic, settings=NetworkSettings(), open_rtnetlink=lambda: restless)
    with listening(monitor, OF_THE_CABLE) as it:
        it.forget()
        ip(f"link set {FAR} down")
        restless.is_awake = True
        assert it.resync() == []

        assert it.until_told(kind="link", value=0).origin is Origin.RESYNC
        ip(f"link set {FAR} up")
        assert it.until_told(kind="link", value=1).origin is Origin.LIVE
        assert monitor.report().lost == 0


@in_namespace
def test_tables_that_do_not_hold_still_are_looked_at_again() -> None:
    plug_cable()
    restless = NetworkMonitor(clock=monotonic, settings=NetworkSettings(), open_rtnetlink=Restless)
    with listening(restless, OF_THE_CABLE) as it:
        assert it.told == []
        assert restless.snapshot() == []
        it.until_told(kind="link", value=1)

        assert {event.origin for event in it.told} == {Origin.START}
        assert restless.deadline() is None
