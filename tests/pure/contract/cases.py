"""What the machine draws from: tasks of every kind, the triggers that they name, the keys. It knows no promise."""

from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.model.conditions import Named
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import Concurrency, Exec, Expiry, Registration, Retry
from bridge.model.templates import Template
from bridge.model.triggers import (
    CustomSystemEventTrigger,
    MaintenanceTrigger,
    Recurrence,
    SystemTrigger,
    TimeTrigger,
    Trigger,
)

SECOND = 1_000_000
PLUGGED, PRESSED, GONE = (Guid(f"{{9118718B-FF80-4AFE-BAF1-D88A4525F3A{digit}}}") for digit in "ABC")
ZONE = SystemTriggerType.TIME_ZONE_CHANGE
POWER = SystemTriggerType.POWER_STATE_CHANGE
DOCKED, INTERNET = "docked", "InternetAvailable"
LEVELS = (DOCKED, INTERNET)
KEYS = ("a", "b", "c")
FILES, APIS = ("file 1", "file 2"), ("api 1", "api 2")
ECHO = Exec(arguments=(Template.parse("/bin/echo"),))
PERIODS = {TimeTrigger: 7 * SECOND, MaintenanceTrigger: 11 * SECOND}


def task(name: str = "t", *triggers: Trigger, **more: object) -> Registration:
    """A task whose definition is all that is said of it; without triggers it has PLUGGED, always."""
    said = Registration(
        name=name,
        triggers=triggers or (CustomSystemEventTrigger(PLUGGED),),
        run=ECHO,
        **more,  # type: ignore[arg-type]  # fields of several types by name
    )
    return replace(said, definition=repr(replace(said, name="t", from_file=True)))


_custom = st.sampled_from([Recurrence.ALWAYS] * 4 + [Recurrence.ONCE, Recurrence.ONE_SHOT])
_others: st.SearchStrategy[list[Trigger]] = st.lists(
    st.sampled_from(
        [
            CustomSystemEventTrigger(PRESSED),
            SystemTrigger(ZONE),
            SystemTrigger(ZONE, one_shot=True),
            TimeTrigger(PERIODS[TimeTrigger]),
            TimeTrigger(PERIODS[TimeTrigger], one_shot=True),
            MaintenanceTrigger(PERIODS[MaintenanceTrigger]),
        ]
    ),
    max_size=2,
    unique_by=type,
)
_cancel_on: st.SearchStrategy[tuple[Guid | SystemTriggerType, ...]] = st.one_of(
    st.just(()), st.just((GONE,)), st.just((POWER,))
)
_expires: st.SearchStrategy[int | Expiry] = st.one_of(
    st.just(Expiry.NEVER), st.sampled_from(Expiry), st.just(8 * SECOND)
)
_conditions = st.sampled_from(
    [(), (), (), (Named(DOCKED),), (Named(DOCKED, wanted=False),), (Named(INTERNET), Named(DOCKED, wanted=False))]
)


CONCURRENCIES: dict[str, list[Concurrency]] = {
    "file 1": [each for each in Concurrency if each is not Concurrency.BATCH],
    "api 1": [Concurrency.BATCH, Concurrency.BATCH, Concurrency.LATEST, Concurrency.RESTART],
    "file 2": list(Concurrency),
    "api 2": list(Concurrency),
}


def _queue_limit(name: str, concurrency: Concurrency) -> int:
    return 3 if name == "file 1" else 4 if name == "api 1" and concurrency is Concurrency.BATCH else 1000


@st.composite
def registrations(draw: st.DrawFn, name: str) -> Registration:
    """A task of this name; those named `file` are of files.

    No change of one has more waiting than its queue takes: what goes then, of raises that are joined at the same time,
    is nobody's promise.
    """
    concurrency = draw(st.sampled_from(CONCURRENCIES[name]))
    # What a raise that `ignore` drops does to a trigger that goes off once is nobody's promise.
    recurrence = Recurrence.ALWAYS if concurrency is Concurrency.IGNORE else draw(_custom)
    others = draw(_others)
    if concurrency is Concurrency.IGNORE:
        others = [each for each in others if not getattr(each, "one_shot", False)]
    return task(
        name,
        CustomSystemEventTrigger(PLUGGED, recurrence),
        *others,
        conditions=draw(_conditions),
        cancel_on_condition_loss=draw(st.booleans()),
        cancel_on=draw(_cancel_on),
        expires=draw(_expires),
        concurrency=concurrency,
        max_running=draw(st.integers(1, 3)),
        queue_limit=_queue_limit(name, concurrency),
        run_limit=draw(st.sampled_from([None, 4 * SECOND, 25 * SECOND])),
        cancel_grace=draw(st.sampled_from([0, 2 * SECOND, 5 * SECOND])),
        retry=draw(st.sampled_from([Retry(), Retry(attempts=2), Retry(attempts=4, backoff=100 * SECOND)])),
        from_file=name in FILES,
    )
