"""When triggers of time go off: after each period, in the phase of the registration. It reads no clock.

What was missed, because nobody was there or the machine slept, goes off once.
"""

from bridge.model.triggers import MaintenanceTrigger, OwnTrigger, TimeTrigger, Trigger

TIMED = frozenset({OwnTrigger.TIME, OwnTrigger.MAINTENANCE})


def first_dues(triggers: tuple[Trigger, ...], at: int) -> dict[int, int]:
    """When the triggers of a task that is registered now go off first, by their places."""
    return {
        place: at + trigger.period
        for place, trigger in enumerate(triggers)
        if isinstance(trigger, TimeTrigger | MaintenanceTrigger)
    }


def period_of(trigger: Trigger) -> int:
    """The period of a trigger of time, in microseconds."""
    assert isinstance(trigger, TimeTrigger | MaintenanceTrigger), "only triggers of time have dues"
    return trigger.period


def latest_due(due: int, period: int, at: int) -> int:
    """When to go off that was to go off at `due`: of several missed times the last one, and never in far future.

    >>> latest_due(10, 5, 27), latest_due(10, 5, 7), latest_due(100, 5, 7)
    (25, 10, 12)
    """
    return due + (at - due) // period * period if due <= at else min(due, at + period)
