"""Which tasks a new version of a package brought: `ServicingComplete`. Nothing here knows a package manager.

A task whose package is seen for the first time was not serviced: it was installed. Nor was one whose file names
another program now, which another package has.
"""

from collections.abc import Iterator

from bridge.dispatch.activations import Activations
from bridge.dispatch.decisions import Looked
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import Registration
from bridge.model.triggers import Raised, SystemTrigger

SERVICING = SystemTriggerType.SERVICING_COMPLETE


def asks_for_servicing(registration: Registration) -> bool:
    """Whether it matters to this task which version its package has."""
    triggers = {trigger.type for trigger in registration.triggers if isinstance(trigger, SystemTrigger)}
    return SERVICING in triggers or SERVICING in registration.cancel_on


def serviced(activations: Activations, looked: Looked) -> Iterator[Raised]:
    """Keeps of each task which package it is of; what is raised for those of which that is another one now."""
    for name, package in looked.packages.items():
        task = activations.tasks.get(name)
        if task is None or task.package == str(package) or not asks_for_servicing(task.registration):
            continue
        before, task.package = task.package, str(package)
        activations.keep(task)
        if before.startswith(f"{package.package} "):
            details = {"task": name, "version": package.version}
            yield Raised(at=looked.at, trigger=SERVICING, task=name, details=details)
