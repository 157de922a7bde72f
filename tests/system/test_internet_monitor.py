"""What the network tells of the machine as a whole: names of the source `system`, from a network of each test's own."""

from made_network import (
    ADDRESS,
    FAR,
    GATEWAY,
    NEAR,
    SMALL,
    asking,
    connect,
    everything,
    internet_monitor,
    ip,
    listening,
    logged,
    plug_cable,
    values,
)
from namespace import in_namespace

from bridge.model.events import Event, Origin

STATE_CHANGE = asking("system", '{ name = "NetworkStateChange" }')
INTERNET = asking("system", '{ name = "InternetAvailable" }')


def moments(told: list[Event]) -> list[tuple[object, object]]:
    changes = [event.fields for event in told if event.fields["name"] == "NetworkStateChange"]
    return [(fields.get("interface"), fields["kind"]) for fields in changes]


@in_namespace
def test_what_is_found_at_the_start_is_a_level_and_no_moment() -> None:
    plug_cable()
    connect()
    with listening(internet_monitor(), everything("system")) as it:
        assert [dict(event.fields) for event in it.told] == [
            {"name": "InternetAvailable", "value": 1},
            {"name": "InternetNotAvailable", "value": 0},
            {"name": "FreeNetworkAvailable", "value": 1},
        ]
        assert {event.origin for event in it.told} == {Origin.START}
        assert [event.fields for event in it.monitor.snapshot()] == [event.fields for event in it.told]


@in_namespace
def test_what_is_lost_is_told_before_that_something_changed_and_what_is_won_after() -> None:
    plug_cable()
    connect()
    with listening(internet_monitor(), everything("system")) as it:
        it.forget()
        ip(f"link set {FAR} down")
        it.until_told(name="InternetNotAvailable", value=1)
        levels = ["InternetAvailable", "InternetNotAvailable", "FreeNetworkAvailable"]
        moments = ["NetworkStateChange", "NetworkStateChange"]
        assert [event.fields["name"] for event in it.told] == [*levels, *moments]

        it.forget()
        ip(f"link set {FAR} up")
        it.until_told(name="InternetNotAvailable", value=0)
        assert [event.fields["name"] for event in it.told] == [*moments, *levels]


@in_namespace
def test_of_each_interface_that_changed_one_moment_is_told() -> None:
    plug_cable()
    with listening(internet_monitor(), STATE_CHANGE) as it:
        it.forget()
        connect()
        it.settle()
        assert moments(it.told) == [(NEAR, "route")]

        it.forget()
        ip(f"link set {FAR} down")
        it.settle()
        assert moments(it.told) == [(NEAR, "route"), (FAR, "link")]


@in_namespace
def test_another_address_is_a_change_and_an_interface_that_is_down_is_none() -> None:
    plug_cable()
    connect()
    with listening(internet_monitor(), STATE_CHANGE) as it:
        it.forget()
        ip(f"address add 198.51.100.7/24 dev {NEAR}")
        it.settle()
        assert moments(it.told) == [(NEAR, "address")]

        it.forget()
        ip("link add down0 type veth peer name down1")
        it.settle()
        ip("link del down0")
        it.settle()
        assert it.told == []


@in_namespace
def test_the_moments_after_a_loss_are_told_as_repaired() -> None:
    plug_cable()
    connect()
    with logged(), listening(internet_monitor(receive_buffer=SMALL), everything("system")) as it:
        it.forget()
        ip(*(f"address add 203.0.113.{number}/32 dev {NEAR}" for number in range(255)), f"link set {FAR} down")
        it.until_told(name="InternetAvailable", value=0)

        assert {event.origin for event in it.told} == {Origin.RESYNC}
        assert moments(it.told) == [(NEAR, "route"), (FAR, "link")]


@in_namespace
def test_an_interface_that_waits_for_nothing_else_is_no_internet() -> None:
    plug_cable()
    with listening(internet_monitor(), INTERNET) as it:
        it.forget()
        ip(f"address add {ADDRESS}/24 dev {NEAR}")
        it.settle()
        assert it.told == []
        ip(f"route add default via {GATEWAY}")
        it.until_told(name="InternetAvailable", value=1)

        assert len(it.told) == 1


@in_namespace
def test_who_asks_for_the_opposite_is_told_the_opposite() -> None:
    plug_cable()
    with listening(internet_monitor(), asking("system", '{ name = "InternetNotAvailable" }')) as it:
        it.settle()
        connect()
        it.until_told(name="InternetNotAvailable", value=0)
        ip("route del default")
        it.until_told(name="InternetNotAvailable", value=1)
        told = [("InternetNotAvailable", 1), ("InternetNotAvailable", 0), ("InternetNotAvailable", 1)]

        assert values(it.told) == told


@in_namespace
def test_who_asks_for_other_names_too_is_told_of_those_only() -> None:
    plug_cable()
    with listening(internet_monitor(), INTERNET) as it:
        told = it.watch(everything("system"))

        assert values(told) == [("InternetNotAvailable", 1), ("FreeNetworkAvailable", 0)]


@in_namespace
def test_who_asks_for_what_others_tell_is_told_nothing() -> None:
    plug_cable()
    with listening(internet_monitor(), asking("system", '{ name = "TimeZoneChange" }')) as it:
        connect()
        it.settle()

        assert it.told == []
        assert it.monitor.report().devices == ()
