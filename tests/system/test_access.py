"""Who may do what, as far as the credentials of a caller and the system's users decide it."""

import grp
import os
import pwd

import pytest
from daemon import NOBODY, needs_root

from bridge.dispatch.registry import Registry
from bridge.dispatch.task import Task
from bridge.errors import CallFailedError
from bridge.model.guid import Guid
from bridge.model.tasks import Exec, Handler, Registration, ServedClass
from bridge.model.templates import Template
from bridge.model.triggers import (
    ApplicationTrigger,
    CustomSystemEventTrigger,
    NamedTrigger,
    Principal,
    Recurrence,
    Trigger,
)
from bridge.service import access
from bridge.service.access import (
    Reach,
    may_complete,
    may_read,
    may_report,
    may_see,
    may_serve,
    reach_of,
    reader_of,
    require_member,
    require_root,
    require_user,
    task_for,
)
from bridge.service.callers import Caller
from bridge.service.owners import class_owner

STRANGER = NOBODY - 1
OURSELVES = pwd.getpwuid(os.geteuid()).pw_name
NOBODYS_NAME = pwd.getpwuid(NOBODY).pw_name
OWN = Guid.parse("{00000000-0000-4000-8000-000000000001}")
OTHER = Guid.parse("{00000000-0000-4000-8000-000000000002}")
CLASS = Guid.parse("{00000000-0000-4000-8000-000000000003}")
PROGRAM = Exec(arguments=(Template.parse("/bin/true"),))


@pytest.fixture(autouse=True)
def group(monkeypatch: pytest.MonkeyPatch) -> int:
    """A group that is there on every machine stands for `hwbridge`."""
    found = grp.getgrgid(NOBODY)
    monkeypatch.setattr(access, "GROUP", found.gr_name)
    return found.gr_gid


def caller(uid: int, gid: int = STRANGER, groups: tuple[int, ...] = ()) -> Caller:
    return Caller(uid=uid, gid=gid, pid=1, groups=frozenset(groups))


def member(uid: int) -> Caller:
    return caller(uid, groups=(NOBODY,))


def task_of(
    user: str | None = None,
    *,
    name: str = "lamp",
    owner: int | None = None,
    trigger: CustomSystemEventTrigger | None = None,
    cancel_on: tuple[Guid, ...] = (),
    run: Handler = PROGRAM,
) -> Registration:
    triggers: tuple[Trigger, ...] = (ApplicationTrigger(),) if trigger is None else (ApplicationTrigger(), trigger)
    return Registration(name=name, triggers=triggers, run=run, user=user, owner=owner, cancel_on=cancel_on)


def registry(*registrations: Registration) -> Registry:
    tasks = Registry()
    for each in registrations:
        tasks.put(Task(each), None)
    return tasks


def refused(caught: pytest.ExceptionInfo[CallFailedError]) -> tuple[str, dict[str, object]]:
    return caught.value.error.removeprefix("org.hwbridge."), dict(caught.value.parameters)


@pytest.mark.parametrize(
    "who",
    [caller(0), caller(os.geteuid()), caller(STRANGER, gid=NOBODY), caller(STRANGER, groups=(1, NOBODY))],
    ids=["root", "the service's user", "a member by its own group", "a member by a supplementary group"],
)
def test_methods_about_tasks_are_for_these(who: Caller) -> None:
    require_member(who, "Register")


def test_methods_about_tasks_are_refused_by_their_name_to_all_others() -> None:
    with pytest.raises(CallFailedError) as caught:
        require_member(caller(STRANGER), "Register")

    assert refused(caught) == ("NotAllowed", {"method": "Register"})


def test_without_the_group_nobody_is_a_member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "GROUP", "no-such-group")

    with pytest.raises(CallFailedError):
        require_member(member(STRANGER), "Register")


def test_raw_events_are_for_root_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    require_root(caller(0), "Watch")
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    with pytest.raises(CallFailedError) as caught:
        require_root(caller(STRANGER), "Watch")

    assert refused(caught) == ("NotAllowed", {"method": "Watch"})


def test_a_member_sees_its_own_tasks_and_nobody_elses_and_none_of_files() -> None:
    assert may_see(member(STRANGER), task_of(owner=STRANGER))
    assert not may_see(member(STRANGER), task_of(owner=0))
    assert not may_see(member(STRANGER), task_of(owner=None))
    assert may_see(caller(0), task_of(owner=STRANGER))


def test_a_task_of_another_is_refused_by_its_name_and_one_that_is_not_there_is_unknown() -> None:
    tasks = registry(task_of(owner=NOBODY))
    assert task_for(caller(NOBODY), tasks, "lamp").name == "lamp"
    with pytest.raises(CallFailedError) as another:
        task_for(member(STRANGER), tasks, "lamp")
    with pytest.raises(CallFailedError) as nobodys:
        task_for(member(STRANGER), tasks, "fan")

    assert refused(another) == ("NotAllowed", {"name": "lamp"})
    assert refused(nobodys) == ("UnknownTask", {"name": "fan"})


def test_a_member_raises_the_triggers_of_its_own_tasks_for_these_alone() -> None:
    tasks = registry(task_of(owner=STRANGER, trigger=CustomSystemEventTrigger(OWN)))

    assert reach_of(member(STRANGER), OWN, [], tasks) is Reach.OWN
    assert reach_of(caller(STRANGER), OWN, [], tasks) is Reach.NONE, "who is no member any more"
    assert reach_of(member(STRANGER + 1), OWN, [], tasks) is Reach.NONE
    assert reach_of(member(STRANGER), OTHER, [], tasks) is Reach.NONE
    assert reach_of(caller(0), OTHER, [], tasks) is Reach.ALL


def test_a_trigger_that_cancels_or_is_spent_is_a_tasks_own_as_well() -> None:
    spent = Task(task_of(owner=STRANGER, trigger=CustomSystemEventTrigger(OWN, Recurrence.ONE_SHOT)))
    spent.spent.add(1)
    tasks = registry(task_of(name="other", owner=STRANGER, cancel_on=(OTHER,)))
    tasks.put(spent, None)

    assert reach_of(member(STRANGER), OWN, [], tasks) is Reach.OWN
    assert reach_of(member(STRANGER), OTHER, [], tasks) is Reach.OWN


@pytest.mark.parametrize("principal", [f"user:{NOBODYS_NAME}", "group:{group}"])
def test_whom_a_rules_file_allows_raises_for_all_member_or_not(principal: str, group: int) -> None:
    allowed = Principal.parse(principal.format(group=grp.getgrgid(group).gr_name))
    names = [NamedTrigger(name="jack", guid=OWN), NamedTrigger(name="door", guid=OWN, allow=frozenset({allowed}))]
    own = registry(task_of(owner=NOBODY, trigger=CustomSystemEventTrigger(OWN)))

    assert reach_of(caller(NOBODY, gid=NOBODY), OWN, names, own) is Reach.ALL
    assert reach_of(caller(STRANGER), OWN, names, own) is Reach.NONE


def test_a_principal_that_the_system_does_not_know_is_nobody() -> None:
    unknown = frozenset({Principal.parse("user:no-such-user"), Principal.parse("group:no-such-group")})

    assert (
        reach_of(caller(STRANGER), OWN, [NamedTrigger(name="door", guid=OWN, allow=unknown)], registry()) is Reach.NONE
    )


def test_a_line_is_read_by_those_whom_it_is_about_and_by_those_who_see_all() -> None:
    assert reader_of(member(STRANGER)) == STRANGER
    assert reader_of(caller(0)) is None
    assert may_read(member(STRANGER), {STRANGER, 0})
    assert not may_read(member(STRANGER), {0})
    assert may_read(caller(0), ())


def test_the_user_of_a_run_and_those_who_may_everything_report_on_it() -> None:
    assert may_report(caller(0), task_of("no-such-user"))
    assert may_report(caller(os.geteuid()), task_of(None))
    assert may_report(caller(NOBODY), task_of(NOBODYS_NAME)) or os.geteuid() != 0
    assert may_report(caller(NOBODY), task_of(owner=NOBODY)) or os.geteuid() != 0
    assert not may_report(caller(STRANGER), task_of(None))
    assert not may_report(caller(STRANGER), task_of(OURSELVES))
    assert not may_report(caller(STRANGER), task_of("no-such-user"))


def test_who_serves_a_class_completes_its_runs() -> None:
    assert may_complete(caller(STRANGER), STRANGER)
    assert may_complete(caller(0), STRANGER)
    assert not may_complete(caller(NOBODY), STRANGER)


@needs_root
def test_a_class_belongs_to_the_user_whose_tasks_name_it_before_root() -> None:
    run = ServedClass(clsid=CLASS)
    of_root, of_user = task_of(owner=0, run=run), task_of(name="fan", owner=STRANGER, run=run)

    assert class_owner((), CLASS) is None
    assert class_owner([of_root], CLASS) == 0
    assert class_owner([of_root, of_user], CLASS) == STRANGER
    assert class_owner([of_user], OTHER) is None


@needs_root
def test_a_class_that_only_roots_tasks_name_belongs_to_the_user_that_they_run_as() -> None:
    run = ServedClass(clsid=CLASS)

    assert class_owner([task_of(NOBODYS_NAME, run=run)], CLASS) == NOBODY
    assert class_owner([task_of("no-such-user", run=run)], CLASS) == 0


def test_a_class_is_served_by_its_owner_or_by_anybody_as_long_as_it_has_none() -> None:
    assert may_serve(member(STRANGER), None)
    assert may_serve(member(STRANGER), STRANGER)
    assert may_serve(caller(0), STRANGER)
    assert not may_serve(member(STRANGER), NOBODY)


@needs_root
def test_only_root_has_a_task_run_as_another_user() -> None:
    require_user(caller(0), NOBODYS_NAME)
    require_user(caller(NOBODY), NOBODYS_NAME)
    require_user(caller(NOBODY), None)
    for who, user in ((caller(NOBODY), "root"), (caller(STRANGER), NOBODYS_NAME)):
        with pytest.raises(CallFailedError) as caught:
            require_user(who, user)
        assert refused(caught) == ("NotAllowed", {"user": user})


def test_a_user_that_nobody_is_is_not_forbidden_but_wrong() -> None:
    require_user(caller(NOBODY), "no-such-user")
    require_user(caller(NOBODY), "\0")


def test_a_daemon_that_is_not_root_has_tasks_of_its_own_user_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    require_user(caller(NOBODY), None)
    require_user(caller(NOBODY), NOBODYS_NAME)
    require_user(caller(0), NOBODYS_NAME)
    for who, user, named in (
        (caller(STRANGER), None, str(STRANGER)),
        (caller(0), None, "root"),
        (caller(0), "root", "root"),
    ):
        with pytest.raises(CallFailedError) as caught:
            require_user(who, user)
        assert refused(caught) == ("NotAllowed", {"user": named})
