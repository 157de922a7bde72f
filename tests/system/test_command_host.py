"""The `exec` host with real children: what they are given, and how they fail."""

import json
import os
import pwd
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_bench import Bench, shell

from bridge.hosts.host import Ended
from bridge.hosts.invocation import PATH

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can run a task as another user")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as bench:
        yield bench


def test_a_program_that_exits_with_0_has_succeeded(bench: Bench) -> None:
    assert bench.run("/bin/true") == Ended(instance_id="1", succeeded=True, detail="exit 0")


def test_the_json_object_is_on_standard_input(bench: Bench) -> None:
    ended = bench.run("/bin/cat", details={"jack": "Kopfhörer\n"})

    assert json.loads(ended.output)["details"] == {"jack": "Kopfhörer\n"}


def test_nobody_can_change_standard_input(bench: Bench) -> None:
    ended = bench.run(*shell("printf changed >&0 || printf changed >/dev/stdin || cat"))

    assert json.loads(ended.output.splitlines()[-1])["task"] == "Jack"


def test_the_environment_is_these_variables_and_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the daemon")
    me = pwd.getpwuid(os.geteuid())
    ended = bench.run("/usr/bin/env", details={"jack": "ö"}, environment={"A": "b"})

    assert dict(line.split("=", 1) for line in ended.output.splitlines()) == {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "HOME": me.pw_dir,
        "USER": me.pw_name,
        "LOGNAME": me.pw_name,
        "SHELL": me.pw_shell,
        "A": "b",
        "HWBRIDGE_TASK": "Jack",
        "HWBRIDGE_INSTANCE_ID": "1",
        "HWBRIDGE_TRIGGER": "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}",
        "HWBRIDGE_KEY": "card0",
        "HWBRIDGE_MERGED": "1",
        "HWBRIDGE_SOCKET": "/run/test.sock",
        "HWBRIDGE_DETAIL_JACK": "ö",
    }


def test_a_program_gets_three_descriptors_and_no_other(bench: Bench) -> None:
    ours = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(ours, True)
    ended = bench.run("/bin/ls", "/proc/self/fd")
    os.close(ours)

    assert ended.output.split() == ["0", "1", "2", "3"]  # 3 is the folder that ls reads


def test_a_program_leads_its_own_process_group_and_session_with_a_tight_umask_in_its_cwd(bench: Bench) -> None:
    ended = bench.run(*shell("echo $$ $(cut -d' ' -f5,6 /proc/$$/stat) $(umask) $(pwd)"), cwd="/usr")
    pid, group, session, umask, cwd = ended.output.split()

    assert pid == group
    assert pid == session, "so it cannot open a terminal of ours as /dev/tty"
    assert (umask, cwd) == ("0077", "/usr")


def test_a_template_stays_one_argument_and_meets_no_shell(bench: Bench) -> None:
    ended = bench.run("printf", "<%s>", "{dev}", "x {dev}", details={"dev": "$(id) 'a  b' *"})

    assert ended.output == "<$(id) 'a  b' *><x $(id) 'a  b' *>"


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ("exit 3", "exit 3"),
        ("kill -SEGV $$", "killed by SIGSEGV"),
        ("kill -KILL $$", "killed by SIGKILL"),
        ("kill -40 $$", "killed by signal 40"),
    ],
)
def test_a_program_that_fails_or_crashes_is_told_by_its_status(bench: Bench, script: str, detail: str) -> None:
    assert bench.run(*shell(f"echo why; {script}")) == Ended(
        instance_id="1", succeeded=False, detail=detail, output="why\n"
    )


def test_exit_75_wants_to_run_again_later(bench: Bench) -> None:
    assert bench.run(*shell("echo busy; exit 75")) == Ended(
        instance_id="1", succeeded=False, again=True, detail="exit 75: to be run again", output="busy\n"
    )


@pytest.mark.parametrize(
    ("arguments", "options", "detail"),
    [
        (("/no/such",), {}, "/no/such: not found"),
        (("no-such-program",), {}, "no-such-program: not found"),
        (("{absent}",), {}, "exec[1] became empty: it names no program"),
        (("/no/{x}",), {"details": {"x": "a\nb"}}, r"/no/a\nb: not found"),
        (("/etc/passwd/x",), {}, "/etc/passwd/x: Not a directory"),
        (("/usr",), {}, "/usr: {me} may not execute it"),
        (("/etc/passwd",), {}, "/etc/passwd: {me} may not execute it"),
        (("/bin/true",), {"cwd": "/no/such"}, "cwd /no/such: No such file or directory"),
        (("/bin/true",), {"cwd": "/etc/passwd"}, "cwd /etc/passwd: Not a directory"),
        (("/bin/true",), {"user": "no-such-user"}, "user 'no-such-user' is not known on this machine"),
        (
            ("/bin/true",),
            {"environment": {"A=B": "c"}},
            "/bin/true: cannot be started: illegal environment variable name",
        ),
        (
            ("/bin/rm", "{x}"),
            {"details": {"x": "-rf"}},
            "exec[2] is all {x} and became '-rf', which a program would take for an option",
        ),
    ],
)
def test_what_cannot_be_started_fails_by_name(
    bench: Bench, arguments: tuple[str, ...], options: dict[str, object], detail: str
) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    ended = bench.run(*arguments, **options)

    assert ended == Ended(instance_id="1", succeeded=False, detail=detail.replace("{me}", me))


def test_too_many_arguments_fail_by_name(bench: Bench) -> None:
    ended = bench.run("/bin/true", "{x}" * 100, details={"x": "x" * 2000})

    assert ended.detail.startswith("/bin/true: its arguments and environment are too long (20")


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("echo hello\n", "neither a program nor a script that begins with #!"),
        ("#!/no/interpreter\n", "the interpreter that it asks for is not found"),
    ],
)
def test_a_file_that_is_no_program_fails_by_name(bench: Bench, tmp_path: Path, content: str, detail: str) -> None:
    script = tmp_path / "script"
    script.write_text(content)
    script.chmod(0o755)

    assert bench.run(str(script)).detail == f"{script}: {detail}"


def test_a_run_without_descriptors_for_it_fails_and_the_next_one_runs(bench: Bench) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), limits[1]))
    bench.start("/bin/true")
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    bench.start("/bin/true", instance_id="2")

    assert bench.end("1").detail == "/bin/true: no process could be made for it: Too many open files"
    assert bench.end("2").succeeded


def test_nothing_is_reported_from_inside_start(bench: Bench) -> None:
    bench.start("/no/such")

    assert bench.reported == {}
    assert bench.end().detail == "/no/such: not found"


def test_of_megabytes_of_output_only_the_end_is_kept(bench: Bench) -> None:
    bench.start(*shell("head -c 20000000 /dev/zero; echo the end"))
    bench.start("/bin/true", instance_id="2")
    beside, ended = bench.end("2"), bench.end("1")

    assert beside.succeeded
    assert ended.succeeded
    assert ended.output == "\0" * (8192 - len("the end\n")) + "the end\n"


def test_output_that_is_not_utf_8_is_escaped_and_no_character_is_cut(bench: Bench) -> None:
    ended = bench.run(*shell("i=0; while [ $i -lt 5000 ]; do printf 'ö'; i=$((i+1)); done; printf 'x\\377'"))

    assert ended.output == "ö" * 4095 + r"x\xff"


def test_a_program_that_never_reads_its_input_is_not_waited_for(bench: Bench) -> None:
    ended = bench.run("/bin/true", details={f"d{number}": "x" * 2000 for number in range(16)})

    assert ended.succeeded


def test_a_program_that_closes_its_output_goes_on(bench: Bench) -> None:
    bench.start(*shell(f"exec >&- 2>&-; echo closed > {bench.said}; exit 4"))

    bench.hear("closed")

    assert bench.end().detail == "exit 4"


@needs_root
def test_a_task_of_our_own_user_has_that_users_groups_and_not_those_that_we_were_started_with(bench: Bench) -> None:
    before = os.getgroups()
    os.setgroups([54321])
    try:
        ended = bench.run(*shell("id -G"))
    finally:
        os.setgroups(before)

    own = pwd.getpwuid(os.geteuid())
    assert set(map(int, ended.output.split())) == set(os.getgrouplist(own.pw_name, own.pw_gid))


@needs_root
def test_a_task_has_its_users_rights_and_groups_and_home(bench: Bench) -> None:
    nobody = pwd.getpwnam("nobody")
    groups = sorted(os.getgrouplist("nobody", nobody.pw_gid))
    script = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME $SHELL; umask; touch /usr/x || echo refused"
    ended = bench.run(*shell(script), user="nobody")

    assert ended.output.splitlines()[:5] == [
        str(nobody.pw_uid),
        str(nobody.pw_gid),
        " ".join(map(str, groups)),
        f"{nobody.pw_dir} nobody nobody {nobody.pw_shell}",
        "0077",
    ]
    assert ended.output.endswith("refused\n")


@needs_root
def test_another_users_program_is_named_with_the_user_who_may_not_execute_it(bench: Bench, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)

    assert bench.run(str(program), user="nobody").detail == f"{program}: nobody may not execute it"


@needs_root
def test_a_daemon_that_is_not_root_refuses_another_user_by_name(bench: Bench) -> None:
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    bench.start("/bin/true", user="daemon")
    os.seteuid(0)

    assert bench.end().detail == "user 'daemon': only a daemon that is root can run a task as another user"


def test_our_own_user_may_be_named(bench: Bench) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name

    assert bench.run("/usr/bin/id", "-un", user=me).output == f"{me}\n"


def test_many_runs_at_once_keep_apart(bench: Bench) -> None:
    for number in range(40):
        bench.start(*shell(f"echo {number}; exit {number}"), instance_id=str(number))

    assert [bench.end(str(number)).output for number in range(40)] == [f"{number}\n" for number in range(40)]
    assert [bench.reported[str(n)].detail for n in range(1, 40)] == [f"exit {n}" for n in range(1, 40)]
