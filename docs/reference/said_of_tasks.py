"""What the reference says of tasks: what each key, word and reason means. `make.py` puts it into the page, not this.

Which keys there are, and what holds without one, is asked of the code there.
"""

from collections.abc import Mapping

from bridge.model.conditions import SystemConditionType
from bridge.model.durations import format_duration
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import LONGEST_BACKOFF, CancellationReason, Concurrency, DropReason
from bridge.pipeline.load.tasks import MOST_ATTEMPTS
from bridge.pipeline.load.triggers import KINDS, LONGEST_PERIOD, RECURRENCES, SHORTEST_PERIOD

Keys = Mapping[str, tuple[str, str]]
"""For each key: what its value is, and what it means."""
PERIODS = f"{format_duration(SHORTEST_PERIOD)} to {format_duration(LONGEST_PERIOD)}"

TASK_KEYS: Keys = {
    "name": ("text", "unique over all files, at most 256 characters"),
    "triggers": ("array of [triggers](#triggers)", "any of them starts a run"),
    "run": ("[what to run](#run)", ""),
    "conditions": ("array of [conditions](#conditions)", "what a run waits for: all must hold"),
    "cancel_on_condition_loss": ("true, false", "whether a run is canceled when one of them does not hold any more"),
    "cancel_on": ("array of [triggers](#cancel_on), `custom` or `system`", "what cancels runs, and drops what waits"),
    "expires": ("`never`, `boot` or duration", "how [old](#expires) a raise may get before it is dropped"),
    "concurrency": ("[a word](#concurrency)", "what a raise does while a run of the same key is there"),
    "max_running": ("integer", "runs at the same time, over all keys; what waits is not lost"),
    "queue_limit": ("integer", "raises that wait; beyond it the oldest is dropped, and the API answers `Busy`"),
    "run_limit": ("duration or `infinity`", "how long a run may take; then it is canceled, and has failed"),
    "cancel_grace": ("duration", "between TERM and KILL"),
    "retry": ("[a table](#retry)", "whether a run that failed is repeated"),
    "user": ("text", "whose rights a run has; only a daemon of root's can give those of another user"),
    "group": ("text", "a name that several tasks have in common; it changes nothing in what they do"),
}
TRIGGER_KEYS: Keys = {
    "custom": ("name or GUID", "a trigger that a rule, a udev rule or a caller of the API raises"),
    "system": ("[name](#system-triggers)", "a change of the machine as a whole"),
    "time": (f"duration, {PERIODS}", "goes off again and again, [first after one period](#time-and-maintenance)"),
    "maintenance": (f"duration, {PERIODS}", "the same, on mains power only"),
    "application": ("true", "goes off when somebody [requests](#application) the task by its name"),
    "device_watcher": (
        "table: field of [udev](events.md#udev) = [test](rules.md#tests)",
        "[devices](#device-watcher) that come, go, change, or are there already",
    ),
    "recurrence": (
        ", ".join(f"`{word}`" for word in RECURRENCES),
        "beside `custom`: at every raise, at the first of each boot, at the first ever",
    ),
    "one_shot": ("true, false", "beside `system`, `time`, `maintenance`: whether it goes off only once"),
    "kinds": (f"array of {', '.join(f'`{word}`' for word in KINDS)}", "beside `device_watcher`: what is told"),
}
RETRY_KEYS: Keys = {
    "attempts": (f"integer, 1 to {MOST_ATTEMPTS}", "runs of one activation, as long as they fail"),
    "backoff": (
        f"duration, at most {format_duration(LONGEST_BACKOFF)}",
        f"between the first and the second; doubled each time, up to {format_duration(LONGEST_BACKOFF)}",
    ),
}
SYSTEM_TRIGGERS: Mapping[SystemTriggerType, str] = {
    SystemTriggerType.USER_PRESENT: "the condition `UserPresent` turns true",
    SystemTriggerType.USER_AWAY: "the condition `UserPresent` turns false",
    SystemTriggerType.NETWORK_STATE_CHANGE: "something changed in the network",
    SystemTriggerType.INTERNET_AVAILABLE: "the condition `InternetAvailable` turns true",
    SystemTriggerType.SESSION_CONNECTED: "the condition `SessionConnected` turns true",
    SystemTriggerType.SERVICING_COMPLETE: "another version of the package that brought the task is installed",
    SystemTriggerType.TIME_ZONE_CHANGE: "the time zone changed, or the offset that is in force",
    SystemTriggerType.BACKGROUND_WORK_COST_CHANGE: "what work in the background costs has changed",
    SystemTriggerType.POWER_STATE_CHANGE: "something changed in mains or batteries",
}
CONDITIONS: Mapping[SystemConditionType, str] = {
    SystemConditionType.USER_PRESENT: "somebody uses the machine",
    SystemConditionType.USER_NOT_PRESENT: "nobody does",
    SystemConditionType.INTERNET_AVAILABLE: "the internet can be reached",
    SystemConditionType.INTERNET_NOT_AVAILABLE: "it cannot",
    SystemConditionType.SESSION_CONNECTED: "a session of a user is there",
    SystemConditionType.SESSION_DISCONNECTED: "none is",
    SystemConditionType.FREE_NETWORK_AVAILABLE: "there is a network that is not metered",
    SystemConditionType.BACKGROUND_WORK_COST_NOT_HIGH: "work in the background does not cost much",
}
RUN_KEYS: Keys = {
    "exec": ("array of [templates](#templates)", "the program and its arguments; no shell sees them"),
    "env": ("table: name = text", "beside `exec`: variables beside the [usual ones](#what-a-program-is-given)"),
    "cwd": ("absolute path", "beside `exec`: the directory that it runs in"),
    "python": ("text, `module:Class`", "a [Python handler](#python-handlers): a class, an object or a function"),
    "interpreter": ("absolute path", "beside `python`: the interpreter that has the handler, and hwbridge"),
    "path": ("array of absolute paths", "beside `python`: where modules are looked for before the interpreter's own"),
    "clsid": ("GUID", "the class of a [task server](#task-servers) that is there when the run starts"),
}
RUN_WITHOUT = {
    **dict.fromkeys(("exec", "python", "clsid"), "one of `exec`, `python`, `clsid`"),
    "interpreter": "the daemon's",
    "path": "none more",
}
"""What holds without a key of `run`, where the code does not say it."""
CONCURRENCY = {
    Concurrency.LATEST: "one run for a key; what comes meanwhile becomes one more run, with the newest details",
    Concurrency.BATCH: "as `latest`, but the one more run is told the details of all of them",
    Concurrency.QUEUE: "every raise has its run, one after another for a key",
    Concurrency.IGNORE: "what comes while one of its key runs or waits is dropped",
    Concurrency.RESTART: "the run is canceled (`Abort`), then a new one starts",
    Concurrency.PARALLEL: "every raise has its run at once, up to `max_running`: that is 1 unless you say more",
}
CANCELED = {
    CancellationReason.Abort: '`concurrency = "restart"`, and it was raised anew; somebody cancels the run, or '
    "unregisters the task with its runs; mains power goes during maintenance",
    CancellationReason.Terminating: "the daemon stops",
    CancellationReason.ConditionLoss: "`cancel_on_condition_loss`, and a condition does not hold any more",
    CancellationReason.ExecutionTimeExceeded: "`run_limit` is over; the run counts as failed",
    CancellationReason.ResourceRevocation: "one of `cancel_on` was raised",
}
DROPPED = {
    DropReason.AlreadyRunning: '`concurrency = "ignore"`, and one of its key ran or waited',
    DropReason.QueueFull: "more than `queue_limit` waited: the oldest goes",
    DropReason.Unregistered: "the task is not there any more",
    DropReason.Expired: "it got older than `expires` allows",
    DropReason.ResourceRevocation: "one of `cancel_on` was raised while it waited",
    DropReason.StoreFull: "the disk is full: it could not be kept",
}
