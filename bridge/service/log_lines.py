"""What the daemon's log says of decisions, a line each. It decides nothing."""

import logging

from bridge.dispatch.decisions import (
    Dropped,
    Finished,
    Latched,
    Quarantined,
    Registered,
    Reset,
    Slowed,
    Unregistered,
)
from bridge.model.tasks import InstanceState
from bridge.model.text import printable
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.service.log_fields import about, about_task

log = logging.getLogger("bridge")


def who_raised(raised: Raised) -> str:
    """Who raised it, for people: the rule, the task whose own trigger it is, or somebody else."""
    if raised.rule is not None:
        return raised.rule
    return raised.task or "the API or the system"


def log_decision(outcome: Outcome) -> None:
    """The line of a decision that is only told; of what the store keeps there is none."""
    match outcome:
        case Finished():
            _log_finished(outcome)
        case Dropped():
            fields = about_task(outcome.task, outcome.key, str(outcome.reason))
            log.warning("dropped %s%s: %s", outcome.task, _key(outcome.key), outcome.reason, extra=fields)
        case Latched():
            log.debug("latched %s%s", outcome.task, _key(outcome.key), extra=about_task(outcome.task, outcome.key))
        case Quarantined():
            log.error(
                "quarantined %s: %s; what is raised waits until `hwbridge reset`",
                outcome.task,
                printable(outcome.why),
                extra=about_task(outcome.task, reason=outcome.why),
            )
        case Slowed():
            fields = about_task(outcome.task, outcome.key)
            log.warning("slowed %s%s: it seems to raise its own trigger", outcome.task, _key(outcome.key), extra=fields)
        case Registered(task=task):
            how = "replaced" if outcome.replaced else "registered"
            log.info("%s %s", how, task.name, extra=about_task(task.name))
        case Unregistered():
            log.info("unregistered %s", outcome.task, extra=about_task(outcome.task))
        case Reset():
            log.info("reset %s", outcome.task, extra=about_task(outcome.task))
        case _:
            pass


def _key(key: str) -> str:
    return f" key {printable(key)}" if key else ""


def _log_finished(finished: Finished) -> None:
    instance = finished.instance
    level = logging.DEBUG if finished.state is InstanceState.SUCCEEDED else logging.WARNING
    if not log.isEnabledFor(level):
        return
    last = finished.output.rstrip().rpartition("\n")[2]
    log.log(
        level,
        "completed %s %s %s%s%s%s",
        instance.task.name,
        instance.instance_id,
        finished.state,
        f" {finished.reason.name}" if finished.reason is not None else "",
        f": {printable(finished.detail)}" if finished.detail and finished.state is not InstanceState.SUCCEEDED else "",
        f"; last printed: {printable(last[-200:])}" if last else "",
        extra=about(instance, "" if finished.state is InstanceState.SUCCEEDED else finished.detail or finished.state),
    )
