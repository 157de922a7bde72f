"""Completion in real shells: bash, zsh and fish each complete verbs, options, files, and what only the daemon knows."""

import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, GUID, ROOT, Daemon, environment_of, hwbridge
from registering import ON_REQUEST, register, shown

SCRIPTS = ROOT / "packaging/completion"
MADE = ROOT / "packaging/from_parsers/make.py"
TASK = "fabrikam.audio-jack.connected Task"
BASH = f"""
source {SCRIPTS}/hwbridge.bash
bind '"\\C-t": complete'
bind '"\\C-o": insert-completions'
bind -x '"\\C-x": printf "<<%s>>" "$READLINE_LINE"'
PS1="ready> "
"""
ZSH = f"""
unset zle_bracketed_paste
fpath=({SCRIPTS} $fpath)
autoload -Uz compinit && compinit -D -u
show() {{ printf '<<%s>>' "$BUFFER" }}
zle -N show && bindkey '^X' show
bindkey '^T' expand-or-complete
PS1="ready> "
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder))
        daemon.rules(f'[triggers]\n"audio-jack.connected" = "{GUID}"\n')
        with daemon:
            register(daemon, TASK, "say on", group="jacks", triggers=[{"custom": "audio-jack.connected"}])
            register(daemon, "lamp-on", "sleep 1000 & wait", triggers=ON_REQUEST)
            register(daemon, "disk:sda", "say on")
            daemon.call("RequestTask", name="lamp-on")
            yield daemon


@pytest.fixture
def environment(daemon: Daemon, tmp_path: Path) -> dict[str, str]:
    """That of a shell whose `hwbridge` is this one, and talks to this daemon; its folder holds two files."""
    program = tmp_path / "bin/hwbridge"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m bridge "$@"\n')
    program.chmod(0o755)
    (tmp_path / "here").mkdir()
    (tmp_path / "here/recorded.jsonl").touch()
    (tmp_path / "here/rules").mkdir()
    more = {"PATH": f"{program.parent}:{os.environ['PATH']}", "TERM": "dumb", "PYTHONPATH": str(ROOT)}
    return environment_of({**more, "HOME": str(tmp_path), "HWBRIDGE_SOCKET": str(daemon.socket)})


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def typed(command: Sequence[str], setup: str, line: str, environment: dict[str, str], key: str = "\x14") -> str:
    """The line that the shell has after this one was typed and completed."""
    folder = Path(environment["HOME"])
    (folder / "setup").write_text(setup)
    inside, outside = pty.openpty()
    with subprocess.Popen(
        command,
        stdin=outside,
        stdout=outside,
        stderr=outside,
        env=environment,
        cwd=folder / "here",
        start_new_session=True,
    ) as process:
        os.close(outside)
        try:
            os.write(inside, f". {folder}/setup\n".encode())
            until(inside, "ready> ")
            os.write(inside, f"{line}{key}\x18".encode())
            printed = until(inside, ">>")
        finally:
            process.kill()
            os.close(inside)
    return printed.rpartition("<<")[2].partition(">>")[0]


def until(terminal: int, wanted: str) -> str:
    """What is printed, up to this."""
    printed, deadline = "", time.monotonic() + DEADLINE_SECONDS
    while wanted not in printed.replace("\r", ""):
        readable, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert readable, printed
        printed += os.read(terminal, 65536).decode(errors="replace")
    return printed


COMPLETED = {
    "hwbridge unreg": "hwbridge unregister ",
    "hwbridge raise --wa": "hwbridge raise --wait ",
    "hwbridge raise aud": "hwbridge raise audio-jack.connected ",
    "hwbridge raise --data a=b --wait aud": "hwbridge raise --data a=b --wait audio-jack.connected ",
    "hwbridge wait --key aud --timeout 3s aud": "hwbridge wait --key aud --timeout 3s audio-jack.connected ",
    "hwbridge show lam": "hwbridge show lamp-on ",
    "hwbridge show fab": r"hwbridge show fabrikam.audio-jack.connected\ Task ",
    r"hwbridge show fabrikam.audio-jack.connected\ ": r"hwbridge show fabrikam.audio-jack.connected\ Task ",
    "hwbridge history --task fab": r"hwbridge history --task fabrikam.audio-jack.connected\ Task ",
    "hwbridge history --task=lam": "hwbridge history --task=lamp-on ",
    "hwbridge list --group j": "hwbridge list --group jacks ",
    "hwbridge record --source ud": "hwbridge record --source udev ",
    "hwbridge check --rules r": "hwbridge check --rules rules/",
    "hwbridge replay rec": "hwbridge replay recorded.jsonl ",
    "hwbridge explain rec": "hwbridge explain recorded.jsonl ",
    "hwbridge explain lam": "hwbridge explain lamp-on ",
}


@pytest.mark.parametrize("line", COMPLETED)
def test_bash_completes(line: str, environment: dict[str, str]) -> None:
    command = [shell("bash"), "--norc", "--noprofile", "-i"]

    assert typed(command, BASH, line, environment) == COMPLETED[line]


def test_bashs_function_called_by_others_than_readline_complains_of_nothing(environment: dict[str, str]) -> None:
    for verb in ("show", "check", "explain"):
        words = f"COMP_WORDS=(hwbridge {verb} lam) COMP_CWORD=2 COMP_LINE='hwbridge {verb} lam' COMP_POINT=99"
        script = f"source {SCRIPTS}/hwbridge.bash; {words}; _hwbridge; echo ${{COMPREPLY[*]}}"
        done = subprocess.run(
            [shell("bash"), "-c", script], env=environment, capture_output=True, text=True, check=True
        )

        assert (done.stdout.strip(), done.stderr) == ("" if verb == "check" else "lamp-on", "")


@pytest.mark.parametrize("line", COMPLETED)
def test_zsh_completes(line: str, environment: dict[str, str]) -> None:
    assert typed([shell("zsh"), "-f", "-i"], ZSH, line, environment) == COMPLETED[line]


def test_bash_offers_all_that_begins_so(environment: dict[str, str]) -> None:
    command = [shell("bash"), "--norc", "--noprofile", "-i"]

    assert typed(command, BASH, "hwbridge st", environment, key="\x0f") == "hwbridge start status "
    assert typed(command, BASH, "hwbridge show disk:", environment) == "hwbridge show disk:sda "
    assert typed(command, BASH, "hwbridge show 'fab", environment).startswith("hwbridge show 'fabrikam.audio-jack")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("hwbridge st", ["start", "status"]),
        ("hwbridge raise --wa", ["--wait"]),
        ("hwbridge raise aud", ["audio-jack.connected"]),
        ("hwbridge show ", ["disk:sda", TASK, "lamp-on"]),
        ("hwbridge history --task lam", ["lamp-on"]),
        ("hwbridge list --group ", ["jacks"]),
        ("hwbridge check --rules ", ["rules/"]),
        ("hwbridge replay rec", ["recorded.jsonl"]),
        ("hwbridge explain ", ["disk:sda", TASK, "lamp-on", "recorded.jsonl", "rules/"]),
    ],
)
def test_fish_completes(line: str, offered: list[str], environment: dict[str, str]) -> None:
    code = f"source {SCRIPTS}/hwbridge.fish; complete --do-complete {line!r}"
    done = subprocess.run(
        [shell("fish"), "--no-config", "--command", code],
        env=environment,
        cwd=Path(environment["HOME"]) / "here",
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )

    assert sorted(each.partition("\t")[0] for each in done.stdout.splitlines()) == sorted(offered), done.stderr


def test_a_run_that_goes_on_can_be_completed(daemon: Daemon) -> None:
    done = hwbridge("complete", "instances", "--socket", str(daemon.socket))

    assert done.out.splitlines() == [run["instance_id"] for run in shown(daemon, "lamp-on")["running"]]


@pytest.mark.parametrize(
    "words", [(), ("nonsense",), ("tasks", "--socket"), ("tasks", "--socket=nobody"), ("tasks", "--user")]
)
def test_where_nothing_can_be_offered_nothing_is_said(words: tuple[str, ...], tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path), "HWBRIDGE_SOCKET": str(tmp_path / "nobody")}
    done = hwbridge("complete", *words, environment=environment)

    assert (done.code, done.out, done.err) == (0, "", "")


def test_what_is_made_from_the_parsers_says_what_they_say() -> None:
    made = subprocess.run([sys.executable, MADE, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert made.returncode == 0, made.stdout + made.stderr


def test_the_manual_page_is_set_without_a_warning() -> None:
    groff = shell("groff")
    page = ROOT / "packaging/man/hwbridge.1"
    done = subprocess.run([groff, "-man", "-ww", "-Tutf8", "-z", page], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
