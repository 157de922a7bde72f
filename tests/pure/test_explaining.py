"""Why a task does not run, by what rules, levels and monitors are known to be: a situation, and what is said of it."""

from collections.abc import Sequence
from itertools import count

import pytest

from bridge.dispatch.decisions import Activate, Completed, StoreTurned
from bridge.dispatch.explaining import What, Why
from bridge.mapping.match import Is
from bridge.model.conditions import MAINS, Named
from bridge.model.events import Event, Fields
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import Concurrency, Registration, Retry
from bridge.model.triggers import (
    ApplicationTrigger,
    CustomSystemEventTrigger,
    DeviceWatcherTrigger,
    MaintenanceTrigger,
    Raised,
    Recurrence,
    SystemTrigger,
    TimeTrigger,
    Trigger,
)
from bridge.pipeline.explaining import Explaining, Sight, in_order
from bridge.pipeline.facts import ConditionSet, Declared, ResetTask
from bridge.pipeline.pipeline import Pipeline
from tests.pure.said import GUID, table_of
from tests.pure.test_dispatcher import ECHO

SECOND = 1_000_000
OFF = CustomSystemEventTrigger(Guid(GUID))
POWER = """
[[rule]]
match = { code = "KEY_POWER", value = 1 }
"""
NO_DEVICES: Sequence[Fields] = ()
KEYBOARD: Sequence[Fields] = ({"device": "/dev/input/event0", "name": "kbd", "type": "EV_KEY", "code": "KEY_POWER"},)


class World:
    """A pipeline with these rules and one task, and what monitors see."""

    def __init__(self, rules: str = POWER, *triggers: Trigger, **more: object) -> None:
        ids = count(1)
        self.pipeline = Pipeline(lambda: str(next(ids)))
        self.task = Registration(
            name="lamp",
            triggers=triggers or (OFF,),
            run=ECHO,
            **more,  # type: ignore[arg-type]  # fields of several types by name
        )
        self.sights: dict[str, Sight] = {}
        self.now = 0
        self.runs: list[str] = []
        self.pipeline.receive(Declared(at=0, rules=table_of(rules), tasks=(self.task,)))

    def tell(self, *facts: object) -> None:
        for fact in facts:
            for outcome in self.pipeline.receive(fact):  # type: ignore[arg-type]  # facts of several types
                if isinstance(outcome, Activate):
                    self.runs.append(outcome.instance.instance_id)

    def raise_one(self, key: str = "") -> None:
        self.tell(Raised(at=self.now, trigger=Guid(GUID), key=key))

    def end(self, *, succeeded: bool = True) -> None:
        self.tell(Completed(at=self.now, instance_id=self.runs.pop(0), succeeded=succeeded))

    def pass_time(self, span: int) -> None:
        self.now += span
        for outcome in self.pipeline.advance(self.now):
            if isinstance(outcome, Activate):
                self.runs.append(outcome.instance.instance_id)

    def look(self, source: str) -> Sight:
        return self.sights.get(source, Sight())

    def reasons(self, refusal: str = "") -> list[Why]:
        task = self.pipeline.dispatcher.tasks.get("lamp")
        assert task is not None
        return in_order(Explaining(self.pipeline, self.look, self.now).in_the_way(task, refusal))

    def said(self) -> list[tuple[str, str | None, str]]:
        return [(str(why.what), why.subject, why.message) for why in self.reasons()]

    def ready(self) -> str:
        task = self.pipeline.dispatcher.tasks.get("lamp")
        assert task is not None
        assert self.reasons() == []
        return Explaining(self.pipeline, self.look, self.now).what_raises(task)


def test_a_task_whose_rule_may_raise_has_nothing_in_its_way_even_where_nobody_knows_the_devices() -> None:
    assert World().ready() == f'rule "rule 1" raises {GUID}'


def test_a_trigger_that_no_rule_raises_may_still_be_raised_by_callers_and_udev_rules() -> None:
    message = "no rule raises it: only callers of the API (hwbridge raise) and udev rules that name it do"

    assert World("").said() == [("trigger", GUID, message)]
    named = World(f'[triggers]\noff = "{GUID}"\n').said()
    assert named == [("trigger", GUID, message.replace("raises it", 'raises "off"'))]


def test_a_rule_that_no_event_can_pass_raises_nothing_and_the_tests_at_fault_are_shown() -> None:
    world = World('[[rule]]\nmatch = { vendor = "046d", code = "KEY_POWER", value = 7 }\n')

    tests = "{ code = 'KEY_POWER', value = 7 }"
    assert world.said() == [("trigger", GUID, f'rule "rule 1" raises it, and no event of evdev can pass {tests}')]


def test_one_rule_that_may_raise_is_enough() -> None:
    world = World('[[rule]]\nmatch = { code = "KEY_POWER", value = 7 }\n[[rule]]\nmatch = { code = "KEY_A" }\n')

    assert world.reasons() == []


# Monitors and devices


def test_a_source_without_a_monitor_is_named_once_for_each_rule() -> None:
    world = World()
    world.sights["evdev"] = Sight(missing="nothing here watches evdev")

    assert world.said() == [("monitor", "evdev", 'nothing here watches evdev: rule "rule 1" hears of nothing')]


def test_where_no_device_has_the_code_the_tests_of_devices_are_shown_without_the_value() -> None:
    world = World('[[rule]]\nmatch = { device = "/dev/input/*", code = "SW_LID", value = 1 }\n')
    world.sights["evdev"] = Sight(things=KEYBOARD)

    wanted = "{ device = '/dev/input/*', code = 'SW_LID' }, as rule \"rule 1\" wants"
    assert world.said() == [("device", "evdev", f"no device that is there passes {wanted}; one that comes may")]


@pytest.mark.parametrize("things", [KEYBOARD, None])
def test_a_device_that_has_the_code_or_nobody_who_knows_is_in_nobodys_way(things: Sequence[Fields] | None) -> None:
    world = World()
    world.sights["evdev"] = Sight(things=things)

    assert world.reasons() == []


def test_a_device_that_may_not_be_opened_may_be_the_one_and_is_named() -> None:
    world = World()
    world.sights["evdev"] = Sight(things=NO_DEVICES, refused=("device /dev/input/event0: may not be read",))

    passes = "no device that is open passes { code = 'KEY_POWER' }, as rule \"rule 1\" wants"
    refused = f"{passes}; its monitor says: device /dev/input/event0: may not be read"
    assert world.said() == [("monitor", "evdev", refused)]


def test_of_udev_only_what_a_device_keeps_counts_and_not_what_an_event_or_a_later_one_may_tell() -> None:
    rules = """
    [[rule]]
    source = "udev"
    match = { subsystem = "block", action = "remove", ID_BUS = "usb", ID_FS_LABEL = "backup" }
    """
    world = World(rules)
    world.sights["udev"] = Sight(things=[{"subsystem": "block", "action": "add", "ID_BUS": "usb"}])
    assert world.reasons() == []

    world.sights["udev"] = Sight(things=[{"subsystem": "block", "action": "add", "ID_BUS": "ata"}])
    wanted = "{ subsystem = 'block', ID_BUS = 'usb' }, as rule \"rule 1\" wants"
    assert world.said() == [("device", "udev", f"no device that is there passes {wanted}; one that comes may")]


def test_a_device_watcher_waits_for_a_device() -> None:
    world = World("", DeviceWatcherTrigger((("subsystem", Is("tty")),)))
    world.sights["udev"] = Sight(things=NO_DEVICES)

    wanted = "{ subsystem = 'tty' }, as the device watcher wants"
    assert world.said() == [("device", "udev", f"no device that is there passes {wanted}; one that comes may")]
    world.sights["udev"] = Sight(things=[{"subsystem": "tty"}])
    assert world.ready() == "devices are watched"


def test_a_system_trigger_without_a_monitor_never_goes_off() -> None:
    world = World("", SystemTrigger(SystemTriggerType.TIME_ZONE_CHANGE))
    assert world.ready() == "TimeZoneChange is watched"

    world.sights["system"] = Sight(missing="nothing here watches system")
    assert world.said() == [("monitor", "system", "nothing here watches system: TimeZoneChange never goes off")]


def test_servicing_complete_needs_no_monitor() -> None:
    world = World("", SystemTrigger(SystemTriggerType.SERVICING_COMPLETE))
    world.sights["system"] = Sight(missing="the monitor of system is not open")

    assert world.ready() == "ServicingComplete is watched"


def test_triggers_of_time_say_when_and_application_triggers_that_they_are_requested() -> None:
    world = World("", TimeTrigger(900 * SECOND), ApplicationTrigger())
    world.now = 60 * SECOND

    assert world.ready() == "TimeTrigger goes off in 14m; it runs when it is requested"


# Conditions

DOCKED = """
[[condition]]
name = "docked"
source = "evdev"
match = { code = "SW_DOCK", value = 1 }
"""


def dock(value: int, at: int) -> Event:
    return Event("evdev", at, {"device": "/dev/input/event0", "type": "EV_SW", "code": "SW_DOCK", "value": value})


def test_a_condition_is_not_known_or_does_not_hold_since_when_and_how_many_raises_wait() -> None:
    world = World(DOCKED + POWER, conditions=(Named("docked"),))
    assert world.said() == [("condition", "docked", "condition 'docked' is not known: no event has told of it yet")]

    world.tell(dock(0, at=2 * SECOND))
    world.now = 14 * SECOND
    world.raise_one("a")
    world.raise_one("b")
    said = "condition 'docked' does not hold (since 12s); 2 raises wait"
    assert world.said() == [("condition", "docked", said)]

    world.tell(dock(1, at=15 * SECOND))
    world.end()
    world.end()
    assert world.reasons() == []


def test_a_condition_that_is_unknown_is_so_for_a_reason() -> None:
    world = World(DOCKED + POWER, conditions=(Named("docked"), Named("gone"), Named("InternetAvailable", wanted=False)))
    world.sights["evdev"] = Sight(things=KEYBOARD)
    world.sights["system"] = Sight(missing="nothing here watches system")

    assert world.said() == [
        ("condition", "docked", "condition 'docked' is not known: no device that is there passes { code = 'SW_DOCK' }"),
        ("condition", "gone", "condition 'gone' is not known: no rules file declares a condition of this name"),
        ("condition", "InternetAvailable", "{ not = 'InternetAvailable' } is not known: nothing here watches system"),
    ]


def test_a_condition_that_a_rule_looks_at_is_told_of_the_rule() -> None:
    world = World(f'{DOCKED}\n[[rule]]\nmatch = {{ code = "KEY_POWER", value = 1 }}\nwhile = ["docked"]\n')
    world.tell(dock(0, at=SECOND))
    world.now = 3 * SECOND

    said = "rule \"rule 1\" raises it while condition 'docked', which does not hold (since 2.0s)"
    assert world.said() == [("condition", "docked", said)]
    world.tell(dock(1, at=3 * SECOND))
    assert world.reasons() == []


# Runs, and what waits


def test_a_run_keeps_the_next_one_waiting() -> None:
    world = World()
    world.raise_one()
    world.now = 12 * SECOND
    world.raise_one()

    said = "run 1 goes on, since 12s; what is raised meanwhile waits; 1 raise waits"
    assert world.said() == [("running", None, said)]


def test_a_run_of_one_key_keeps_only_that_key_waiting_where_there_is_room() -> None:
    world = World(max_running=2)
    world.raise_one("a")
    first = world.said()
    world.raise_one("b")

    assert first == [("running", "a", "run 1 goes on, since 0us; what is raised meanwhile of its key waits")]
    both = "2 runs go on, the oldest, 1, since 0us; max_running = 2; what is raised meanwhile waits"
    assert world.said() == [("running", None, both)]


def test_parallel_runs_keep_nothing_waiting_below_their_limit() -> None:
    world = World(max_running=2, concurrency=Concurrency.PARALLEL)
    world.raise_one("a")

    assert world.reasons() == []


def test_a_failed_run_waits_for_its_backoff() -> None:
    world = World(retry=Retry(attempts=3, backoff=30 * SECOND))
    world.raise_one("a")
    world.end(succeeded=False)
    world.pass_time(10 * SECOND)

    assert world.said() == [("waiting", "a", "its last run failed: attempt 2 starts in 20s")]


def test_a_full_queue_refuses_callers() -> None:
    world = World(concurrency=Concurrency.QUEUE, queue_limit=2)
    for _ in range(3):
        world.raise_one()

    assert [why.what for why in world.reasons()] == [What.RUNNING, What.WAITING]
    assert world.said()[1][2] == (
        "queue_limit = 2: as many wait, so callers are refused (Busy), and for what devices raise the oldest is dropped"
    )


def test_ten_failures_quarantine_a_task_until_it_is_reset() -> None:
    world = World()
    for _ in range(10):
        world.raise_one()
        world.end(succeeded=False)
    world.raise_one()

    why = "10 activations in a row have failed; what is raised waits until it is reset; 1 raise waits"
    assert world.said() == [("quarantined", None, why)]
    world.tell(ResetTask(at=0, name="lamp"))
    world.end()
    assert world.reasons() == []


def test_a_trigger_that_has_gone_off_for_the_last_time_expires_the_task_if_it_is_the_only_one() -> None:
    once = World(POWER, CustomSystemEventTrigger(Guid(GUID), Recurrence.ONCE))
    one_shot = World(POWER, CustomSystemEventTrigger(Guid(GUID), Recurrence.ONE_SHOT), ApplicationTrigger())
    for world in (once, one_shot):
        world.raise_one()
        world.end()

    assert once.said() == [
        ("expired", GUID, "it went off, and does so once a boot: it activates the task again after the next boot")
    ]
    only = "it went off, and does so once only: it activates the task again when it is registered otherwise"
    assert one_shot.said() == [("trigger", GUID, only)]


def test_maintenance_waits_for_the_mains() -> None:
    world = World("", MaintenanceTrigger(900 * SECOND))
    world.tell(ConditionSet(at=0, name=MAINS, value=False))

    assert world.said() == [("mains", None, "there is no mains power, which maintenance waits for")]


def test_a_store_that_cannot_write_comes_before_all_else() -> None:
    world = World(DOCKED, conditions=(Named("docked"),))
    world.tell(StoreTurned(at=0, accepts=False))

    reasons = world.reasons(refusal="disk full")
    assert [why.what for why in reasons] == [What.STORE, What.CONDITION, What.TRIGGER]
    assert reasons[0].message == "new raises are refused: disk full"
