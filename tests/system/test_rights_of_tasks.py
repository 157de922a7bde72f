"""Tasks of members, among real users: whose rights they have, who sees them, which of them a raise reaches."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from calling import answer, answers, refusal
from daemon import GUID, NOBODY, Daemon, User, hwbridge
from made_users import GROUP, among_made_users, user
from registering import ON_REQUEST, defined, register, shown

from bridge.dispatch.endings import FAILURES_TO_QUARANTINE
from bridge.service.api_tasks import MOST_TASKS

DOOR = "{00000000-0000-4000-8000-000000000002}"
NOT_ALLOWED = "NotAllowed"


@contextmanager
def made_daemon(settings: str = "") -> Iterator[Daemon]:
    """A daemon whose handlers may say something whoever they are."""
    with tempfile.TemporaryDirectory() as made:
        daemon = Daemon(Path(made))
        daemon.settings(settings)
        daemon.rules(f'[triggers]\ndoor = {{ guid = "{DOOR}", allow = ["user:allowed"] }}\n')
        daemon.never_knows("docked")
        (daemon.folder / "said").touch()
        for path in (daemon.folder / "said", daemon.folder / "go"):
            path.chmod(0o666)
        Path(made).chmod(0o755)
        with daemon:
            yield daemon


def register_as(name: str, daemon: Daemon, task: str, script: str, **keys: Any) -> None:
    answer(daemon.socket, user(name), "Register", task=defined(daemon, task, script, **keys))


def names_seen_by(name: str, daemon: Daemon) -> list[str]:
    return [task["name"] for task in answer(daemon.socket, user(name), "AllTasks")["tasks"]]


@among_made_users
def test_a_task_has_the_rights_of_who_registered_it_with_all_groups_and_a_tight_umask() -> None:
    script = "say $(id -un) $(id -u) $(id -g) $(id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' ') $(umask) $HOME"
    expected = []
    with made_daemon() as daemon:
        for name in ("primary", "supplementary"):
            register_as(name, daemon, f"of {name}", script, triggers=ON_REQUEST)
            answer(daemon.socket, user(name), "RequestTask", name=f"of {name}")
            rights = user(name)
            groups = " ".join(map(str, sorted(rights.groups)))
            expected.append(f"{name} {rights.uid} {rights.gid} {groups} 0077 /home/{name}")
        register(daemon, "of root", "touch secret; say $(id -u) $(umask) $(stat -c %a secret)", triggers=ON_REQUEST)
        daemon.call("RequestTask", name="of root")
        daemon.wait_for_words(*expected, "0 0077 600")


@among_made_users
def test_a_task_is_put_into_no_directory_that_its_user_could_not_enter() -> None:
    with made_daemon() as daemon:
        closed, inner = daemon.folder / "closed", daemon.folder / "closed" / "inner"
        inner.mkdir(parents=True)
        (inner / "secret").write_text("nobody's business")
        closed.chmod(0o700)
        own = daemon.folder / "own"
        own.mkdir()
        os.chown(own, user("primary").uid, 0)
        own.chmod(0o700)
        ended = {}
        for cwd in (inner, daemon.folder / "nowhere", own):
            run = {"exec": ["/bin/sh", "-c", "pwd; cat secret"], "cwd": str(cwd)}
            task = {"name": cwd.name, "triggers": ON_REQUEST, "run": run}
            answer(daemon.socket, user("primary"), "Register", task=task)
            answer(daemon.socket, user("primary"), "RequestTask", name=cwd.name)
            daemon.wait_until_idle()
            entries = answer(daemon.socket, user("primary"), "History", task=cwd.name)["entries"]
            ended[cwd] = entries[-1]

        for cwd in (inner, daemon.folder / "nowhere"):
            why = f"cwd {cwd}: primary cannot enter it: it is not there, or may not be entered"
            assert ended[cwd]["detail"] == why, ended
            assert not ended[cwd].get("output")
        assert ended[own]["output"].startswith(f"{own}\n")


@among_made_users
def test_a_member_sees_its_own_tasks_their_groups_and_their_history_and_nothing_else() -> None:
    with made_daemon() as daemon:
        register(daemon, "of root", "true", triggers=ON_REQUEST, group="root's")
        for name in ("primary", "supplementary"):
            register_as(name, daemon, f"of {name}", "say done", triggers=ON_REQUEST, group=f"{name}'s")
            answer(daemon.socket, user(name), "RequestTask", name=f"of {name}")
        daemon.wait_for_words("done", "done")
        daemon.wait_until_idle()

        for name in ("primary", "supplementary"):
            assert names_seen_by(name, daemon) == [f"of {name}"]
            assert answer(daemon.socket, user(name), "AllTaskGroups") == {"groups": [f"{name}'s"]}
            entries = answer(daemon.socket, user(name), "History")["entries"]
            assert [entry["what"] for entry in entries] == ["registered", "raised", "activated", "completed"]
            assert {entry.get("task", f"of {name}") for entry in entries} == {f"of {name}"}
            watched = answers(daemon.socket, user(name), [("Watch", {"since": 0})], len(entries))
            assert [each["parameters"]["entry"] for each in watched] == entries, "and nobody else's between them"
        assert [task["name"] for task in daemon.call("AllTasks")["tasks"]] == [
            "of primary",
            "of root",
            "of supplementary",
        ]


@among_made_users
def test_what_a_member_raises_reaches_its_own_tasks_and_what_allow_lets_a_user_raise_reaches_all() -> None:
    with made_daemon() as daemon:
        register(daemon, "of root", "say root heard $HWBRIDGE_DETAIL_BY", triggers=[{"custom": DOOR}])
        for name in ("primary", "supplementary"):
            register_as(
                name, daemon, f"of {name}", f"say {name} heard $HWBRIDGE_DETAIL_BY", triggers=[{"custom": DOOR}]
            )

        raised = answer(daemon.socket, user("primary"), "Raise", trigger=DOOR, details={"by": "primary"})
        assert raised == {"outcome": "Raised", "subscribers": 1}
        daemon.wait_for_words("primary heard primary")
        daemon.wait_until_idle()
        raised = answer(daemon.socket, user("allowed"), "Raise", trigger="door", details={"by": "allowed"})
        assert raised == {"outcome": "Raised", "subscribers": 3}
        daemon.wait_for_words("root heard allowed", "primary heard allowed", "supplementary heard allowed")
        daemon.wait_until_idle()
        assert len(daemon.said()) == 4


@among_made_users
def test_status_tells_of_a_users_own_quarantined_tasks_and_only_root_what_is_wrong_with_files() -> None:
    with made_daemon() as daemon:
        register(daemon, "of root", "exit 1", triggers=ON_REQUEST)
        register_as("primary", daemon, "of primary", "exit 1", triggers=ON_REQUEST)
        for _ in range(FAILURES_TO_QUARANTINE):
            for name in ("of root", "of primary"):
                daemon.call("RequestTask", name=name)
            daemon.wait_until_idle()
        daemon.rules("[[rule]]\n", "wrong.toml")
        daemon.reload()

        told = {"root": daemon.status()}
        for name in ("primary", "supplementary", "outsider"):
            told[name] = answer(daemon.socket, user(name), "Status")["status"]
        daemon.call("Reset", name="of root")
        assert [each["name"] for each in daemon.status()["quarantined"]] == ["of primary"]

    quarantined = {name: sorted(each["name"] for each in status["quarantined"]) for name, status in told.items()}
    assert quarantined == {
        "root": ["of primary", "of root"],
        "primary": ["of primary"],
        "supplementary": [],
        "outsider": [],
    }
    errors = {name: status["reload_errors"] for name, status in told.items()}
    assert any("wrong.toml" in error for error in errors.pop("root"))
    assert set(map(tuple, errors.values())) == {("the files of the last reload are wrong; root is told how",)}


@among_made_users
def test_who_is_only_allowed_to_raise_can_wait_for_the_runs_and_is_told_how_each_ended() -> None:
    with made_daemon() as daemon:
        register(daemon, "of root", "true", triggers=[{"custom": DOOR}])
        raised = hwbridge("raise", "door", "--wait", "--socket", daemon.socket, user=user("allowed"))

    assert (raised.code, raised.err) == (0, "")
    assert raised.out == "Raised 1\ncompleted of root succeeded\n"


@among_made_users
def test_a_member_is_not_told_what_is_in_a_folder_that_it_cannot_enter() -> None:
    with made_daemon() as daemon:
        closed = daemon.folder / "closed"
        (closed / "there").mkdir(parents=True)
        closed.chmod(0o700)
        said = []
        for name in ("there", "missing"):
            run = {"exec": ["/bin/true"], "cwd": str(closed / name)}
            answer(daemon.socket, user("primary"), "Register", task={"name": name, "triggers": ON_REQUEST, "run": run})
            (why,) = answer(daemon.socket, user("primary"), "Explain", name=name)["reasons"]
            said.append(why["message"].replace(f"{closed}/{name}", "it"))

    assert said == ["its runs fail: cwd it: primary cannot enter it: it is not there, or may not be entered"] * 2


@among_made_users
def test_what_a_member_raises_cancels_no_run_of_another() -> None:
    with made_daemon() as daemon:
        cancel_on = [{"custom": GUID}]
        register(daemon, "of root", "read line < go; say went on", triggers=ON_REQUEST, cancel_on=cancel_on)
        register_as("primary", daemon, "of primary", "say heard", triggers=[{"custom": GUID}])
        daemon.call("RequestTask", name="of root")

        answer(daemon.socket, user("primary"), "Raise", trigger=GUID)
        daemon.wait_for_words("heard")
        daemon.release()
        daemon.wait_for_words("went on")


@among_made_users
def test_a_member_without_an_account_can_have_no_tasks() -> None:
    nobody_knows = User(uid=54321, gid=54321, groups=(user("primary").gid,))
    task = {"name": "lamp", "triggers": ON_REQUEST, "run": {"exec": ["/bin/true"]}}
    reasons = [{"key": "user", "message": "uid 54321 is not known on this machine"}]
    with made_daemon() as daemon:
        assert refusal(daemon.socket, nobody_knows, "Register", task=task) == ("InvalidTask", {"reasons": reasons})
        assert answer(daemon.socket, nobody_knows, "Validate", task=task) == {"reasons": reasons}
        assert daemon.call("AllTasks")["tasks"] == []


@among_made_users
def test_no_task_of_the_api_starts_a_unit_not_even_roots() -> None:
    task = {"name": "lamp", "triggers": ON_REQUEST, "run": {"unit": "lamp.service"}}
    with made_daemon() as daemon:
        for who in (User(uid=0, gid=0), user("primary")):
            error, found = refusal(daemon.socket, who, "Register", task=task)
            assert (error, [reason["key"] for reason in found["reasons"]]) == ("InvalidTask", ["run.unit"])
            assert "only root's tasks files" in found["reasons"][0]["message"]


@among_made_users
def test_a_member_has_at_most_so_many_tasks_and_may_replace_each_of_them() -> None:
    with made_daemon('[store]\ndurability = "memory"\n') as daemon:
        tasks = [
            {"name": f"{number}", "triggers": ON_REQUEST, "run": {"exec": ["/bin/true"]}}
            for number in range(MOST_TASKS + 1)
        ]
        calls = [("Register", {"task": task}) for task in tasks]
        found = answers(daemon.socket, user("primary"), [*calls, calls[0], ("Unregister", {"name": "0"}), calls[-1]])

        refused = {"error": "org.hwbridge.TooManyTasks", "parameters": {"limit": MOST_TASKS}}
        assert [each.get("error") for each in found[:MOST_TASKS]] == [None] * MOST_TASKS
        assert found[MOST_TASKS] == refused
        assert [each.get("error") for each in found[MOST_TASKS + 1 :]] == [None] * 3
        register_as("supplementary", daemon, "another's", "true", triggers=ON_REQUEST)
        register(daemon, "root's", "true", triggers=ON_REQUEST)


@among_made_users
def test_who_has_left_the_group_has_lost_its_tasks_but_not_their_names() -> None:
    with made_daemon() as daemon:
        register_as("supplementary", daemon, "lamp", "true", triggers=[{"custom": GUID}])
        subprocess.run(["gpasswd", "--delete", "supplementary", GROUP], check=True, capture_output=True)

        assert refusal(daemon.socket, user("supplementary"), "AllTasks") == (NOT_ALLOWED, {"method": "AllTasks"})
        assert refusal(daemon.socket, user("supplementary"), "Raise", trigger=GUID) == (NOT_ALLOWED, {"trigger": GUID})
        task = defined(daemon, "lamp", "true", triggers=ON_REQUEST)
        assert refusal(daemon.socket, user("primary"), "Register", task=task) == (NOT_ALLOWED, {"name": "lamp"})


@among_made_users
def test_a_name_that_root_takes_over_runs_nothing_that_was_raised_for_its_former_owner() -> None:
    waits = {"triggers": [{"custom": GUID}], "conditions": ["docked"]}
    with made_daemon() as daemon:
        register_as("primary", daemon, "lamp", "true", **waits)
        answer(daemon.socket, user("primary"), "Raise", trigger=GUID)
        assert len(shown(daemon, "lamp")["waiting"]) == 1

        assert register(daemon, "lamp", "true", **waits)["replaced"] is False
        assert (shown(daemon, "lamp")["owner"], shown(daemon, "lamp")["waiting"]) == (0, [])
        assert names_seen_by("primary", daemon) == []


@among_made_users
def test_a_file_that_has_the_name_of_a_members_task_takes_it_over_and_runs_nothing_of_the_members() -> None:
    with made_daemon() as daemon:
        register_as("primary", daemon, "lamp", "true", triggers=[{"custom": GUID}], conditions=["docked"])
        answer(daemon.socket, user("primary"), "Raise", trigger=GUID)
        daemon.task("lamp", "true", conditions=["docked"])
        daemon.reload()

        assert (shown(daemon, "lamp")["from_file"], shown(daemon, "lamp")["waiting"]) == (True, [])
        assert names_seen_by("primary", daemon) == []


@among_made_users
def test_a_daemon_that_is_not_root_has_tasks_of_its_own_user_alone() -> None:
    own = user("supplementary")
    with tempfile.TemporaryDirectory() as made:
        os.chown(made, own.uid, own.gid)
        Path(made).chmod(0o755)
        daemon = Daemon(Path(made))
        caps = "+dac_read_search"  # the Python of these tests may stand where only root can read
        rights = (
            f"--reuid={own.uid}",
            f"--regid={own.gid}",
            "--init-groups",
            f"--inh-caps={caps}",
            f"--ambient-caps={caps}",
        )
        daemon.program = ("setpriv", *rights, *daemon.program)
        task = {"name": "lamp", "triggers": ON_REQUEST, "run": {"exec": ["/bin/true"]}}
        with daemon:
            calls = [("Register", {"task": task}), ("Register", {"task": {**task, "user": "primary"}})]
            for name, named in (("primary", "primary"), ("root", "root")):
                who = User(uid=0, gid=0) if name == "root" else user(name)
                refused = [each["parameters"] for each in answers(daemon.socket, who, calls)]
                assert refused == [{"user": named}, {"user": "primary"}]
            answer(daemon.socket, own, "Register", task={**task, "user": "supplementary"})
            answer(daemon.socket, own, "RequestTask", name="lamp")
            daemon.wait_until_idle()
            entries = answer(daemon.socket, own, "History")["entries"]
            assert [entry["state"] for entry in entries if entry["what"] == "completed"] == ["succeeded"]


@among_made_users
def test_on_the_command_line_what_is_not_allowed_exits_with_77() -> None:
    with made_daemon() as daemon:
        triggers = [*ON_REQUEST, {"custom": GUID}]
        register_as("supplementary", daemon, "lamp", "read line < go", triggers=triggers, run_limit="infinity")
        answer(daemon.socket, user("supplementary"), "RequestTask", name="lamp")
        (run,) = shown(daemon, "lamp")["running"]
        about = (
            *(["raise", GUID], ["wait", GUID], ["cancel", run["instance_id"]]),
            *([verb, "lamp"] for verb in ("show", "start", "unregister", "reset")),
            *([verb, "--task", "lamp"] for verb in ("history", "monitor", "explain")),
        )
        of_members = (["raise", GUID], ["start", "lamp"], ["list"], ["history"], ["monitor"])
        wrong = []
        for who, verbs in (("primary", about), ("outsider", of_members)):
            for verb in verbs:
                done = hwbridge(*verb, "--socket", daemon.socket, user=user(who))
                if (done.code, done.err.count("\n")) != (77, 1):
                    wrong.append((who, verb, done))
        assert not wrong, wrong
        of_run = {"HWBRIDGE_INSTANCE_ID": run["instance_id"]}
        asked = ("progress", "5", "--socket", daemon.socket)
        progress = hwbridge(*asked, user=user("outsider"), environment=of_run)
        assert (progress.code, progress.out) == (77, "")
        assert hwbridge(*asked, user=user("supplementary"), environment=of_run).code == 0
        assert hwbridge("status", "--socket", daemon.socket, user=User(uid=NOBODY, gid=NOBODY)).code == 0
        daemon.release()
        daemon.wait_until_idle()
