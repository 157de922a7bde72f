"""`Watch` of the real daemon: what happens, once and in order, also over restarts and kills."""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from calling import answer, refusal
from daemon import GUID, Daemon, User, needs_root
from made_users import among_made_users, user
from registering import ON_REQUEST, defined, refused, register
from watches import Watch

OTHER = "{00000000-0000-4000-8000-000000000002}"
RAISES_OTHER = f"""
import os, socket
caller = socket.socket(socket.AF_UNIX)
caller.connect(os.environ["HWBRIDGE_SOCKET"])
caller.sendall(b'{{"method":"org.hwbridge.Raise","parameters":{{"trigger":"{OTHER}"}}}}\\0')
caller.recv(4096)
"""
WHOLE_RUN = ["raised", "activated", "completed"]


def whats(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [entry["what"] for entry in entries]


def newest(daemon: Daemon) -> int:
    (entry,) = daemon.call("History", limit=1)["entries"]
    return int(entry["seq"])


def test_a_watch_tells_what_happens_as_the_history_has_it(daemon: Daemon) -> None:
    daemon.task("lamp", "echo on")
    with daemon, Watch(daemon.socket) as watch:
        watch.begun(daemon.socket)
        daemon.raise_trigger(key="desk", details={"jack": "left"})
        entries = watch.until("completed")

        assert whats(entries) == WHOLE_RUN
        assert entries == daemon.call("History")["entries"]


def test_a_watch_without_since_tells_nothing_that_was_before_it(daemon: Daemon) -> None:
    with daemon:
        register(daemon, "lamp", "true")
        with Watch(daemon.socket) as watch:
            watch.begun(daemon.socket)
            register(daemon, "bell", "true")
            (entry,) = watch.entries(1)

    assert (entry["what"], entry["task"]) == ("registered", "bell")


def test_a_watch_goes_on_after_the_last_line_that_was_seen(daemon: Daemon) -> None:
    daemon.task("lamp", "true")
    with daemon:
        daemon.raise_trigger()
        daemon.wait_until_idle()
        with Watch(daemon.socket, since=1) as watch:
            assert [entry["seq"] for entry in watch.entries(2)] == [2, 3]
            daemon.raise_trigger()
            assert [entry["seq"] for entry in watch.until("completed")] == [4, 5, 6]


def resumed(daemon: Daemon, since: int, last: int) -> list[Mapping[str, Any]]:
    with Watch(daemon.socket, since=since) as watch:
        return watch.entries(last - since)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_is_lost_and_nothing_told_twice_over_restarts(daemon: Daemon, end: str) -> None:
    daemon.task("lamp", "true", concurrency="queue")
    seen: list[Mapping[str, Any]] = []
    for _ in range(3):
        with daemon:
            with Watch(daemon.socket, since=len(seen)) as watch:
                watch.begun(daemon.socket)
                for number in range(10):
                    daemon.raise_trigger(key=str(number))
                seen += watch.entries(7)
            if end == "kill":
                daemon.kill()
    with daemon:
        daemon.wait_until_idle()
        last = newest(daemon)
        seen += resumed(daemon, len(seen), last)
        kept = daemon.call("History", since=0, limit=1000)["entries"]

    assert seen == kept
    assert [entry["seq"] for entry in seen] == list(range(1, last + 1))
    assert whats(seen).count("raised") == 30


def test_who_watches_sees_the_end_when_the_daemon_stops(daemon: Daemon) -> None:
    daemon.task("lamp", "say ready; exec sleep 1000")
    with daemon:
        live, later = Watch(daemon.socket), Watch(daemon.socket, since=0)
        for watch in (live, later):
            watch.begun(daemon.socket)
        daemon.raise_trigger()
        daemon.wait_for_words("ready")
    told = [[one["entry"]["what"] for one in watch] for watch in (live, later)]
    for watch in (live, later):
        watch.socket.close()

    assert told == [["raised", "activated", "canceled", "completed"]] * 2


def test_many_who_resume_while_much_happens_are_told_the_same(daemon: Daemon) -> None:
    daemon.never_knows("docked")
    daemon.task("lamp", "true", conditions=["docked"], concurrency="queue")
    with daemon:
        watches = []
        for number in range(300):
            daemon.raise_trigger(key=str(number % 3))
            if number % 20 == 0:
                watches.append(Watch(daemon.socket, since=0))
        told = [[entry["seq"] for entry in watch.entries(600)] for watch in watches]
        for watch in watches:
            watch.socket.close()

    assert told == [list(range(1, 601))] * 15


def test_watches_are_narrowed_to_a_task_and_a_trigger(daemon: Daemon) -> None:
    daemon.rules(f'[triggers]\nbell = "{OTHER}"\n')
    daemon.task("lamp", "true", triggers=(GUID, OTHER))
    daemon.task("bell", "true", triggers=(OTHER,))
    filters: Sequence[Mapping[str, Any]] = (
        {"task": "lamp"},
        {"trigger": OTHER.lower()},
        {"trigger": "bell"},
        {"task": "bell", "trigger": GUID},
        {"trigger": "TimeZoneChange"},
        {"trigger": "ApplicationTrigger"},
    )
    with daemon:
        live = [Watch(daemon.socket, **each).begun(daemon.socket) for each in filters]
        daemon.raise_trigger()
        daemon.raise_trigger(OTHER)
        daemon.wait_until_idle()
        register(daemon, "now", "true", triggers=ON_REQUEST)
        daemon.call("RequestTask", name="now")
        daemon.wait_until_idle()
        later = [Watch(daemon.socket, since=0, **each).begun(daemon.socket) for each in filters]
        with Watch(daemon.socket, since=0) as everything:
            daemon.call("Unregister", name="now")
            everything.until("unregistered")
    told = [[sorted(one["entry"]["what"] for one in watch) for watch in watches] for watches in (live, later)]
    for watch in (*live, *later):
        watch.socket.close()

    assert told[0] == told[1]
    of_lamp, of_guid, of_name, of_both, of_system, of_requests = told[0]
    assert of_lamp == ["activated", "activated", "completed", "completed"]
    assert of_guid == of_name == ["activated", "activated", "completed", "completed", "raised"]
    assert of_both == of_system == []
    assert of_requests == ["activated", "completed", "raised"]


def test_progress_is_told_at_once_and_written_once_a_second(daemon: Daemon) -> None:
    daemon.task("lamp", "read line < go")
    with daemon, Watch(daemon.socket) as watch:
        watch.begun(daemon.socket)
        daemon.raise_trigger()
        run = watch.until("activated")[-1]["instance_id"]
        for number in range(20):
            daemon.call("ReportProgress", instance_id=run, progress=number * 5)
        told = watch.entries(20)
        daemon.release()
        (ended,) = watch.entries(1)
        kept = [entry for entry in daemon.call("History")["entries"] if entry["what"] == "progress"]

    assert [entry["progress"] for entry in told] == [number * 5 for number in range(20)]
    assert {entry["what"] for entry in told} == {"progress"}
    assert [entry for entry in told if "seq" in entry] == kept
    assert 1 <= len(kept) < 20
    assert {(entry["task"], entry["trigger"], entry["instance_id"]) for entry in told} == {("lamp", GUID, run)}
    assert (ended["what"], ended["progress"]) == ("completed", 95)


def test_a_raise_that_nobody_hears_is_told_and_not_written(daemon: Daemon) -> None:
    with daemon, Watch(daemon.socket) as watch:
        watch.begun(daemon.socket)
        assert daemon.raise_trigger(key="k", details={"a": "b"}) == "NoSubscribers"
        (entry,) = watch.entries(1)

        assert "seq" not in entry
        assert (entry["what"], entry["trigger"], entry["key"], entry["details"]) == ("raised", GUID, "k", {"a": "b"})
        assert daemon.call("History")["entries"] == []


def test_a_raise_says_which_run_caused_it(daemon: Daemon) -> None:
    daemon.task("lamp", "true", triggers=(OTHER,))
    with daemon, Watch(daemon.socket) as watch:
        (daemon.folder / "raise.py").write_text(RAISES_OTHER)
        register(daemon, "switch", f"{sys.executable} raise.py")
        watch.begun(daemon.socket)
        daemon.raise_trigger()
        entries = watch.until("completed")
        while whats(entries).count("completed") < 2:
            entries += watch.until("completed")

    first, second = [entry for entry in entries if entry["what"] == "raised"]
    (run,) = [
        entry["instance_id"] for entry in entries if (entry["what"], entry.get("task")) == ("activated", "switch")
    ]
    assert "cause" not in first
    assert second["cause"] == run


def test_what_the_history_has_not_kept_is_a_gap(daemon: Daemon) -> None:
    daemon.settings("[store]\nrows = 100\n")
    daemon.never_knows("docked")
    daemon.task("lamp", "true", conditions=["docked"])
    with daemon:
        for number in range(150):
            daemon.raise_trigger(key=str(number % 2))
        last = newest(daemon)
        oldest = daemon.call("History", since=0)["entries"][0]["seq"]
        with Watch(daemon.socket, since=0) as watch:
            assert watch.next() == {"gap": {"lost": oldest - 1}}
            assert [entry["seq"] for entry in watch.entries(last - oldest + 1)] == list(range(oldest, last + 1))
        with Watch(daemon.socket, since=10, task="lamp") as watch:
            assert watch.next() == {"gap": {}}
        with Watch(daemon.socket, since=oldest - 1) as watch:
            assert watch.next()["entry"]["seq"] == oldest
        with Watch(daemon.socket, since=last + 1000) as watch:
            assert watch.next() == {"gap": {}}
            assert watch.next() == {"gap": {"lost": oldest - 1}}
            assert watch.next()["entry"]["seq"] == oldest


def test_a_daemon_that_keeps_nothing_on_disk_tells_as_well(daemon: Daemon) -> None:
    daemon.settings('[store]\ndurability = "memory"\n')
    daemon.task("lamp", "true")
    with daemon, Watch(daemon.socket) as watch:
        watch.begun(daemon.socket)
        daemon.raise_trigger()
        assert whats(watch.until("completed")) == WHOLE_RUN
        with Watch(daemon.socket, since=1) as resumed:
            assert [entry["seq"] for entry in resumed.entries(2)] == [2, 3]
    with daemon, Watch(daemon.socket, since=3) as watch:
        assert watch.next() == {"gap": {}}
        daemon.raise_trigger()
        assert whats(watch.until("completed")) == WHOLE_RUN


def test_raw_events_are_told_as_lines_of_a_recording_before_what_they_lead_to(daemon: Daemon, tmp_path: Path) -> None:
    recording = tmp_path / "jack.jsonl"
    plugs = [
        f'{{"at": {second}.0, "source": "udev", "action": "add", "devpath": "/d", "subsystem": "sound", "ID": "7"}}\n'
        f'{{"at": {second}.0, "source": "udev", "gone": "/d"}}\n'
        for second in range(1, 100)  # whenever somebody watches, one is to come
    ]
    recording.write_text("".join(['{"hwbridge-recording": 1}\n', *plugs]))
    daemon.rules(f'[[rule]]\nname = "in"\nsource = "udev"\nmatch = {{ ID = 7 }}\nraise = "{GUID}"\n')
    daemon.task("lamp", "true")
    daemon.options = (*daemon.options, "--play", recording)
    with daemon, Watch(daemon.socket, events=True) as watch, Watch(daemon.socket) as other:
        watch.begun(daemon.socket)
        seen = [told for told in _first(watch, 30) if _is_played(told)]
        assert other.next()["entry"]["what"] == "raised"

    event, gone = [told["event"] for told in seen if "event" in told]
    assert event["replayed"] is gone["replayed"] is True
    assert (event["source"], event["ID"], gone["gone"]) == ("udev", "7", "/d")
    assert [next(iter(told)) for told in seen][:3] == ["event", "event", "entry"]


def _first(watch: Watch, most: int) -> Iterator[Mapping[str, Any]]:
    for _ in range(most):
        told = watch.next()
        yield told
        if told.get("entry", {}).get("what") == "completed":
            return


def _is_played(told: Mapping[str, Any]) -> bool:
    return "entry" in told or told.get("event", {}).get("replayed", False)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"task": ""}, ("org.varlink.service.InvalidParameter", {"parameter": "task"})),
        ({"since": -1}, ("org.varlink.service.InvalidParameter", {"parameter": "since"})),
        ({"trigger": "no such"}, ("UnknownTrigger", {"trigger": "no such"})),
    ],
)
def test_what_nobody_can_watch_is_refused(
    daemon: Daemon, parameters: Mapping[str, Any], error: tuple[str, Mapping[str, Any]]
) -> None:
    with daemon, Watch(daemon.socket, **parameters) as watch:
        found = watch.next()

    assert (found["error"].removeprefix("org.hwbridge."), found["parameters"]) == error


def test_a_watch_that_is_called_without_more_is_refused(daemon: Daemon) -> None:
    with daemon:
        assert refused(daemon, "Watch")[0] == "org.varlink.service.ExpectedMore"


@needs_root
@among_made_users
def test_members_see_what_is_about_their_own_tasks_and_no_more() -> None:
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        daemon, member, other = Daemon(Path(made)), user("primary"), user("supplementary")
        (Path(made) / "said").write_text("")
        with daemon:
            watches = {
                "root": Watch(daemon.socket).begun(daemon.socket),
                "member": Watch(daemon.socket, user=member).begun(daemon.socket),
                "other": Watch(daemon.socket, user=other).begun(daemon.socket),
                "resumed": Watch(daemon.socket, user=member, since=0).begun(daemon.socket),
            }
            register(daemon, "root's", "true")
            answer(
                daemon.socket, member, "Register", task=defined(daemon, "member's", "true", triggers=[{"custom": GUID}])
            )
            daemon.raise_trigger()
            daemon.wait_until_idle()
            assert answer(daemon.socket, member, "Raise", trigger=GUID)["subscribers"] == 1
            daemon.wait_until_idle()
            daemon.raise_trigger(OTHER)
            last = newest(daemon)
            later = Watch(daemon.socket, user=member, since=0).begun(daemon.socket)
            register(daemon, "last", "true")
            for rights in (member, other):
                mine = defined(daemon, f"last of {rights.uid}", "true", triggers=ON_REQUEST)
                answer(daemon.socket, rights, "Register", task=mine)
            told = {name: _until_last(watch) for name, watch in watches.items()}
            of_history = answer(daemon.socket, member, "History")["entries"]
            again = _until_last(later)
            for watch in (*watches.values(), later):
                watch.socket.close()
            assert refusal(daemon.socket, member, "Watch", task="root's") == ("NotAllowed", {"name": "root's"})
            assert refusal(daemon.socket, member, "History", task="root's") == ("NotAllowed", {"name": "root's"})
            assert refusal(daemon.socket, member, "Watch", events=True) == ("NotAllowed", {"method": "Watch"})
            assert refusal(daemon.socket, User(), "Watch") == ("NotAllowed", {"method": "Watch"})

        of_member = [("registered", "member's"), ("raised", None), ("activated", "member's"), ("completed", "member's")]
        of_member += [("raised", None), ("activated", "member's"), ("completed", "member's")]
        assert told["other"] == []
        assert told["member"] == told["resumed"] == again == of_member
        assert [(entry["what"], entry.get("task")) for entry in of_history][:-1] == of_member
        assert len(told["root"]) == last + 1  # and the raise that nobody heard


def _until_last(watch: Watch) -> list[tuple[str, str | None]]:
    told = []
    for one in watch:
        entry = one["entry"]
        if entry.get("task", "").startswith("last"):
            break
        told.append((entry["what"], entry.get("task")))
    return told
