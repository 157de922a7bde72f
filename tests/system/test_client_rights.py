"""The library with the rights of other users: what a member of the group does, and what others are refused."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from daemon import DEADLINE_SECONDS, GUID, NOBODY, Daemon, User, environment_of, needs_root
from made_users import among_made_users, user

_AS_ANOTHER_USER = """
import encodings.idna, json, os, queue, sys
import bridge
for name in bridge.__all__:  # now: another user may be unable to read these files
    getattr(bridge, name)
user = json.loads(sys.argv[1])
os.setgroups(user["groups"])
os.setresgid(*[user["gid"]] * 3)
os.setresuid(*[user["uid"]] * 3)
try:
    exec(sys.argv[2])
except bridge.BridgeError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
BUILDER = """
from bridge import *
builder = BackgroundTaskBuilder("of a member", exec=["/usr/bin/id", "--user"])
builder.set_trigger(CustomSystemEventTrigger(sys.argv[3]))
"""


def printed_as(who: User, folder: Path, program: str) -> Any:
    """What the program prints, as JSON, when this user runs it as an application of the daemon in the folder."""
    rights = json.dumps({"uid": who.uid, "gid": who.gid, "groups": who.groups})
    variables = {"HWBRIDGE_SOCKET": str(folder / "socket"), "XDG_STATE_HOME": str(folder / "states" / str(who.uid))}
    done = subprocess.run(
        [sys.executable, "-c", _AS_ANOTHER_USER, rights, BUILDER + program, GUID],
        env=environment_of(variables),
        stdout=subprocess.PIPE,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    return json.loads(done.stdout)


@needs_root
def test_who_may_not_is_told_who_may(public: Path) -> None:
    nobody = User(uid=NOBODY, gid=NOBODY)
    with Daemon(public):
        for program, method in [
            ("builder.register()", "Register"),
            ("builder.validate()", "Validate"),
            ("BackgroundTaskRegistration.all_tasks()", "AllTasks"),
        ]:
            name, words = printed_as(nobody, public, program)
            assert name == "NotAllowedError"
            assert words == (
                f"you may not call {method}: members of the group hwbridge may, and root"
                " (`usermod --append --groups hwbridge NAME`, then log in anew)"
            )
        name, words = printed_as(nobody, public, "raise_custom_system_event_trigger(sys.argv[3])")
        assert name == "NotAllowedError"
        assert words == (
            f"you may not raise or wait for the trigger {GUID}: have a task of your own with it, or let"
            ' `allow = ["user:..."]` beside it in a rules file name you'
        )


@among_made_users
def test_a_member_of_the_group_registers_raises_and_is_told_of_its_own_runs_alone() -> None:
    program = """
told = queue.Queue()
registration = builder.register()
registration.completed.connect(lambda task, args: told.put([task.name, args.state, int(args.output)]))
raised = raise_custom_system_event_trigger(sys.argv[3])
names = [task.name for task in BackgroundTaskRegistration.all_tasks().values()]
print(json.dumps([raised.subscribers, names, told.get(timeout=60)]))
"""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "states").mkdir()
        (folder / "states").chmod(0o777)
        daemon = Daemon(folder)
        daemon.task("of a file", "true")
        with daemon:
            member = user("supplementary")

            assert printed_as(member, folder, program) == [
                1,
                ["of a member"],
                ["of a member", "succeeded", member.uid],
            ]
            assert printed_as(user("primary"), folder, "builder.register()") == [
                "NotAllowedError",
                "the task 'of a member' is another user's",
            ]
