"""What power supplies tell together, and what background work costs with it: tables of supplies, and of words."""

import pytest

from bridge.sources.power import Power, PowerChanges, power_of, supply_of
from bridge.sources.system import SYSTEM
from bridge.sources.upower import power_by_upower
from bridge.sources.work_cost import Cost, WorkCost


def power(*supplies: str) -> str:
    """What supplies tell, each written `Type attribute=value ...`: mains, capacity, status; `-` is not told."""
    found = [supply_of(attributes_of(each)) for each in supplies]
    told = power_of(each for each in found if each is not None)
    mains = {True: "mains", False: "no mains", None: "-"}[told.mains]
    return f"{mains}, {'-' if told.capacity is None else told.capacity}, {told.status or '-'}"


def attributes_of(words: str) -> dict[str, str]:
    """`Type attribute=value ...`, with `_` for a space in a value."""
    type_, *rest = words.split()
    pairs = (each.partition("=")[::2] for each in rest)
    return {"type": type_, **{name: value.replace("_", " ") for name, value in pairs}}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        pytest.param([], "-, -, -", id="a machine that hangs on a wire"),
        pytest.param(["Mains online=1"], "mains, -, -", id="a desktop whose firmware tells"),
        pytest.param(["Mains online=0", "USB online=1"], "mains, -, -", id="one of two is enough"),
        pytest.param(["USB online=2"], "mains, -, -", id="a voltage that was agreed on"),
        pytest.param(["USB_PD online=1"], "mains, -, -", id="as older kernels call USB-C"),
        pytest.param(["Wireless online=1"], "mains, -, -", id="a charger without a wire"),
        pytest.param(["USB online=0"], "-, -, -", id="an empty port of a desktop"),
        pytest.param(["USB online=0", "Battery status=Full capacity=100"], "no mains, 100, Full", id="of a tablet"),
        pytest.param(["UPS online=1"], "-, -, -", id="a type that tells nothing"),
        pytest.param(["Mains"], "-, -, -", id="a supply that does not say whether it is online"),
        pytest.param(["Mains online=maybe"], "-, -, -", id="nor this one"),
        pytest.param(["Battery status=Discharging capacity=40"], "no mains, 40, Discharging", id="a battery alone"),
        pytest.param(["Battery status=Charging capacity=40"], "-, 40, Charging", id="that charges, from somewhere"),
        pytest.param(["Mains online=1", "Battery status=Discharging capacity=4"], "mains, 4, Discharging", id="weak"),
        pytest.param(["Battery scope=Device status=Discharging capacity=9"], "-, -, -", id="a mouse"),
        pytest.param(["Mains online=1 scope=Device"], "-, -, -", id="a pen on its charger"),
        pytest.param(["Battery scope=System status=Full capacity=99"], "-, 99, Full", id="of the machine, it says"),
        pytest.param(["Battery present=0 status=Unknown capacity=0"], "-, -, -", id="an empty bay"),
        pytest.param(["Battery present=1 status=Not_charging"], "-, -, Not charging", id="no capacity"),
        pytest.param(["Battery energy_now=20 energy_full=80"], "-, 25, -", id="capacity by energy"),
        pytest.param(["Battery charge_now=60 charge_full=80"], "-, 75, -", id="capacity by charge"),
        pytest.param(["Battery energy_now=5 energy_full=0"], "-, -, -", id="a battery that never was full"),
        pytest.param(["Battery capacity=107"], "-, 100, -", id="more than full"),
        pytest.param(["Battery capacity=-1"], "-, -, -", id="no number"),
        pytest.param(["Battery status=Hot"], "-, -, Hot", id="a word that is not known is told as it is"),
    ],
)
def test_the_power_is_what_the_supplies_of_the_machine_tell(supplies: list[str], expected: str) -> None:
    assert power(*supplies) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("capacity=20 energy_full=30", "capacity=80 energy_full=10", "-, 35, -", id="by their energy"),
        pytest.param("capacity=20 charge_full=30", "capacity=80 charge_full=10", "-, 35, -", id="by their charge"),
        pytest.param("capacity=20 energy_full=30", "capacity=80 charge_full=10", "-, 50, -", id="units that differ"),
        pytest.param("capacity=20", "status=Full", "-, 20, Full", id="one does not tell"),
        pytest.param("status=Discharging", "status=Full", "no mains, -, Discharging", id="one feeds"),
        pytest.param("status=Charging", "status=Not_charging", "-, -, Charging", id="one after the other"),
        pytest.param("status=Full", "status=Not_charging", "-, -, Not charging", id="one stops before it is full"),
        pytest.param("status=Full", "status=Unknown", "-, -, Unknown", id="full are only all of them"),
        pytest.param("status=Full", "status=Full", "-, -, Full", id="both"),
    ],
)
def test_two_batteries_are_one_in_either_order(one: str, other: str, expected: str) -> None:
    assert power(f"Battery {one}", f"Battery {other}") == expected
    assert power(f"Battery {other}", f"Battery {one}") == expected


ON_MAINS = Power(mains=True, capacity=80, status="Charging")


@pytest.mark.parametrize(
    ("now", "is_told"),
    [
        (ON_MAINS, False),
        (Power(mains=False, capacity=80, status="Charging"), True),
        (Power(mains=True, capacity=80, status="Full"), True),
        (Power(mains=True, capacity=84, status="Charging"), False),
        (Power(mains=True, capacity=85, status="Charging"), True),
        (Power(mains=True, capacity=75, status="Charging"), True),
        (Power(mains=True, capacity=None, status="Charging"), False),
        (Power(mains=True), True),
        (Power(), True),
    ],
)
def test_a_change_is_another_word_or_a_capacity_a_step_away(now: Power, is_told: bool) -> None:
    changes = PowerChanges(step=5)
    assert not changes.turns(ON_MAINS)

    assert changes.turns(now) is is_told
    assert not changes.turns(changes.told or now)


def test_a_battery_that_tells_its_capacity_later_is_a_change() -> None:
    changes = PowerChanges(step=5)
    changes.turns(Power(status="Full"))

    assert changes.turns(Power(capacity=100, status="Full"))


def test_a_capacity_that_goes_to_and_fro_between_two_steps_is_told_once() -> None:
    changes = PowerChanges(step=10)
    changes.turns(Power(capacity=51))

    assert [changes.turns(Power(capacity=each)) for each in (50, 49, 50, 49, 41, 42, 41)] == [False] * 4 + [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("told", [Power(), ON_MAINS, Power(mains=False), Power(capacity=0, status="Full")])
def test_what_is_told_of_power_is_what_the_source_system_has(told: Power) -> None:
    fields = {"name": "PowerStateChange", **told.details}

    assert SYSTEM.checked(dict(fields)) == fields


def costs(*looks: str) -> str:
    """What work costs at each look, written `mains=1 capacity=50 cpu=10`: L, M or H."""
    cost = WorkCost(low=20, thresholds={"cpu": 60, "memory": 20})
    said = []
    for look in looks:
        told = {name: int(value) for name, _, value in (each.partition("=") for each in look.split())}
        mains = bool(told.pop("mains")) if "mains" in told else None
        found = cost.look(
            Power(mains, told.pop("capacity", None)), {name: float(value) for name, value in told.items()}
        )
        said.append(found.name[0])
    return "".join(said)


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param([""], "L", id="a machine that tells nothing"),
        pytest.param(["mains=1 capacity=3"], "L", id="on mains, however empty"),
        pytest.param(["capacity=10"], "L", id="a low battery that charges, from somewhere"),
        pytest.param(["mains=0"], "M", id="on battery"),
        pytest.param(["mains=0 capacity=21", "mains=0 capacity=20"], "MH", id="that gets low"),
        pytest.param([f"mains=0 capacity={each}" for each in (20, 24, 25, 24)], "HHMM", id="and is not any more"),
        pytest.param(["mains=0 capacity=20", "mains=1 capacity=20", "mains=0 capacity=22"], "HLM", id="plugged in"),
        pytest.param(["mains=1 cpu=59", "mains=1 cpu=60"], "LH", id="the processor is short"),
        pytest.param(["mains=1 memory=20", "mains=0 memory=0"], "HM", id="memory was short"),
        pytest.param([f"mains=1 cpu={each}" for each in (60, 30, 29, 59)], "HHLL", id="until it is half of that"),
        pytest.param(["mains=1 cpu=90 memory=90", "mains=1 memory=12", "mains=1 cpu=31"], "HHL", id="one by one"),
        pytest.param(["mains=1 io=100"], "L", id="what is not asked for does not count"),
    ],
)
def test_work_costs_by_mains_battery_and_pressure_and_does_not_flap(looks: list[str], expected: str) -> None:
    assert costs(*looks) == expected


def test_a_cost_has_the_number_that_windows_gives_it() -> None:
    assert [(each.name, int(each)) for each in Cost] == [("LOW", 0), ("MEDIUM", 1), ("HIGH", 2)]


UPS = {"Type": 3, "IsPresent": True, "Percentage": 89.6, "State": 2}


@pytest.mark.parametrize(
    ("manager", "display", "expected"),
    [
        ({"OnBattery": True}, UPS, Power(mains=False, capacity=90, status="Discharging")),
        ({"OnBattery": False}, {**UPS, "State": 4}, Power(mains=True, capacity=90, status="Full")),
        ({"OnBattery": False}, {**UPS, "State": 5}, Power(mains=True, capacity=90, status="Not charging")),
        ({"OnBattery": False}, {**UPS, "IsPresent": False}, Power()),
        ({"OnBattery": False}, {**UPS, "Type": 1}, Power()),
        ({"OnBattery": False}, {}, Power()),
        ({}, UPS, Power(capacity=90, status="Discharging")),
        ({"OnBattery": "no"}, {**UPS, "Percentage": "all", "State": 77}, Power()),
        ({"OnBattery": True}, {**UPS, "Percentage": 1e9, "State": None}, Power(mains=False)),
        ({"OnBattery": True}, {**UPS, "Percentage": float("nan")}, Power(mains=False, status="Discharging")),
        ({"OnBattery": True}, {**UPS, "Percentage": True}, Power(mains=False, status="Discharging")),
    ],
)
def test_what_upower_says_is_taken_only_where_it_makes_sense(
    manager: dict[str, object], display: dict[str, object], expected: Power
) -> None:
    assert power_by_upower(manager, display) == expected


def test_what_sysfs_does_not_have_is_what_another_tells() -> None:
    ups = Power(mains=False, capacity=90, status="Discharging")

    assert Power().or_else(ups) == ups
    assert Power(mains=True).or_else(ups) == Power(mains=True, capacity=90, status="Discharging")
    assert ON_MAINS.or_else(ups) == ON_MAINS
