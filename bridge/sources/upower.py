"""What UPower says of power, as `Power`: it knows what sysfs does not have, such as a UPS. Nothing here asks it.

The properties are those of org.freedesktop.UPower and of its DisplayDevice, which is all batteries and UPSes as one.
Whatever a service on the bus answers that is not what UPower's manual promises is as good as nothing.
"""

from collections.abc import Mapping

from bridge.sources.power import CHARGING, DISCHARGING, FULL, IDLE, Power

_BATTERIES = (2, 3)
"""Types of devices: Battery, Ups."""
_STATES = {1: CHARGING, 2: DISCHARGING, 3: DISCHARGING, 4: FULL, 5: IDLE, 6: IDLE}
"""States of devices; 3 is empty, 5 and 6 wait to be charged and discharged."""


def power_by_upower(manager: Mapping[str, object], display: Mapping[str, object]) -> Power:
    """The power by the properties of UPower and of its DisplayDevice.

    Nothing where there is no battery: UPower takes a machine that it knows no supply of to be on mains.

    >>> power_by_upower({"OnBattery": True}, {"Type": 3, "IsPresent": True, "Percentage": 89.6, "State": 2})
    Power(mains=False, capacity=90, status='Discharging')
    """
    if display.get("IsPresent") is not True or display.get("Type") not in _BATTERIES:
        return Power()
    on_battery, percentage, state = manager.get("OnBattery"), display.get("Percentage"), display.get("State")
    return Power(
        mains=not on_battery if isinstance(on_battery, bool) else None,
        capacity=round(percentage) if isinstance(percentage, float) and 0 <= percentage <= 100 else None,
        status=_STATES.get(state) if isinstance(state, int) else None,
    )
