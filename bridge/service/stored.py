"""From the store's rows to registrations, and from hwbridge.toml to the store's settings. It opens no file."""

import logging
from collections.abc import Mapping

import msgspec

from bridge.dispatch.kept import Restored
from bridge.model.tasks import Registration
from bridge.pipeline.load.tasks import load_task
from bridge.store.values import Durability, Limits, Remembered

log = logging.getLogger("bridge")


def store_durability(settings: Mapping[str, object]) -> Durability:
    """When a raise counts as written down."""
    return Durability(str(settings.get("durability", Durability.FULL)))


def store_limits(settings: Mapping[str, object]) -> Limits:
    """How much the store holds."""
    default = Limits()
    rows, size = settings.get("rows", default.rows), settings.get("bytes", default.bytes)
    assert isinstance(rows, int), "checked when hwbridge.toml was read"
    assert isinstance(size, int), "checked when hwbridge.toml was read"
    return Limits(rows=rows, bytes=size)


def restored_of(remembered: Remembered) -> Restored:
    """What is restored, with the tasks that were registered over the API.

    One that cannot be loaded, by a version that knows less, is named in the log; what is kept of it stays in the store.
    """
    registrations: list[Registration] = []
    unread: set[str] = set()
    for kept in remembered.definitions:
        registration, problems = load_task(kept.definition, None, owner=kept.owner)
        if registration is None:
            unread.add(kept.name)
            for problem in problems:
                log.error("%s: it stays unregistered until a version that knows it is started", problem)
        else:
            registrations.append(registration)
    restored = remembered.restored
    return msgspec.structs.replace(
        restored,
        registrations=tuple(registrations),
        tasks=tuple(state for state in restored.tasks if state.name not in unread),
        owed=tuple(kept for kept in restored.owed if kept.task not in unread),
        next_number=max((kept.number for kept in restored.owed), default=0) + 1,
    )
