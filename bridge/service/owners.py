"""To whom tasks, their names and the classes that they name belong: users, by uid. Who asks is for others to say."""

import os
from collections.abc import Iterable, Iterator

from bridge.errors import HandlerError
from bridge.hosts.accounts import account_of
from bridge.model.guid import Guid
from bridge.model.tasks import Registration, ServedClass


def is_privileged_owner(owner: int | None) -> bool:
    """Whether the owner of a task is root or the service's own user; a file's task is the service's."""
    return owner in {None, 0, os.geteuid()}


def taken_over(registered: Iterable[Registration], declared: Iterable[Registration]) -> Iterator[str]:
    """The names of members' tasks that files have as well: from now on they are the files'.

    What waits there was raised for the member, and is nothing for a task that has other rights.
    """
    named = {each.name for each in declared}
    return (each.name for each in registered if each.name in named and not is_privileged_owner(each.owner))


def class_owner(registrations: Iterable[Registration], clsid: Guid) -> int | None:
    """The uid of the user whose tasks name this class, None where no task does.

    Root's tasks may name anybody's class. One that only they name belongs to the user that they run as.
    """
    named = [each for each in registrations if each.run == ServedClass(clsid=clsid)]
    owners = [each.owner for each in named if not is_privileged_owner(each.owner)]
    if owners or not named:
        return owners[0] if owners else None
    try:
        return account_of(named[0].runs_as).uid
    except HandlerError:
        return os.geteuid()
