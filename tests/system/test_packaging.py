"""What is installed beside the command: systemd finds nothing wrong with it, and it says what the code says."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from daemon import ROOT

from bridge.service.access import GROUP
from bridge.service.places import system_places, user_places
from bridge.service.socket_path import BACKLOG, DIRECTORY_MODE, SOCKET_MODE

PACKAGING = ROOT / "packaging"
MOST_EXPOSED = 20
"""Tenths, of 100: what the system's unit promises."""
SYSTEM, USER = PACKAGING / "hwbridge.service", PACKAGING / "user/hwbridge.service"
SYSTEM_SOCKET, USER_SOCKET = PACKAGING / "hwbridge.socket", PACKAGING / "user/hwbridge.socket"
HANDLERS = PACKAGING / "handlers.conf"
HOW_TO = ROOT / "docs/how-to/run-as-a-service.md"
WITH_DROP_INS = (HOW_TO, ROOT / "docs/how-to/wait-for-the-network.md")


def tool(name: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Runs one of systemd's tools, which need no running systemd."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install systemd")
    return subprocess.run([found, *arguments], capture_output=True, text=True, timeout=60, check=False)


def options(unit: Path) -> dict[str, list[str]]:
    """What a unit file sets, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def option(unit: Path, name: str) -> str:
    (value,) = options(unit)[name]
    return value


def exposure(*parts: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    whole = folder / "hwbridge.service"
    whole.write_text("\n".join(part.read_text() for part in parts))
    return tool(
        "systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", str(whole)
    )


def verified(folder: Path, *, user: bool = False) -> "subprocess.CompletedProcess[str]":
    units = [str(folder / name) for name in ("hwbridge.service", "hwbridge.socket")]
    return tool("systemd-analyze", "verify", "--user" if user else "--system", *units)


def copies(folder: Path, *units: Path) -> Path:
    for unit in units:
        shutil.copy(unit, folder)
    return folder


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    done = verified(copies(tmp_path, SYSTEM, SYSTEM_SOCKET))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_finds_nothing_wrong_with_a_users_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    done = verified(copies(tmp_path, USER, USER_SOCKET), user=True)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_daemon_is_exposed_no_more_than_it_says(tmp_path: Path) -> None:
    done = exposure(SYSTEM, folder=tmp_path)

    assert done.returncode == 0, done.stdout
    said = re.search(r"says ([\d.]+) of 10", SYSTEM.read_text())
    assert said is not None
    assert f"exposure level for hwbridge.service: {said[1]} " in done.stdout


def test_what_handlers_are_given_costs_what_it_says(tmp_path: Path) -> None:
    done = exposure(SYSTEM, HANDLERS, folder=tmp_path)

    said = re.search(r"says ([\d.]+) instead", HANDLERS.read_text())
    assert said is not None
    assert f"exposure level for hwbridge.service: {said[1]} " in done.stdout


def test_systemd_finds_nothing_wrong_with_the_drop_ins(tmp_path: Path) -> None:
    dropped_in = tmp_path / "hwbridge.service.d"
    dropped_in.mkdir()
    shutil.copy(HANDLERS, dropped_in)
    pages = "".join(page.read_text() for page in WITH_DROP_INS)
    blocks = re.findall(r"^```systemd\n(.*?)^```\n", pages, re.DOTALL | re.MULTILINE)
    for number, block in enumerate(blocks):
        (dropped_in / f"{number}.conf").write_text(block)
    done = verified(copies(tmp_path, SYSTEM, SYSTEM_SOCKET))

    assert len(blocks) >= 3
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", [SYSTEM, USER, SYSTEM_SOCKET, USER_SOCKET, HANDLERS], ids=lambda unit: unit.name)
def test_every_group_of_options_has_its_reason_above_it(unit: Path) -> None:
    _, *sections = re.split(r"^\[(?:Service|Socket)\]\n", unit.read_text(), flags=re.MULTILINE)
    groups = [group for section in sections for group in section.split("\n[")[0].strip().split("\n\n")]

    assert groups
    assert [group for group in groups if not group.startswith("#")] == []


def test_the_units_name_the_places_that_the_code_has() -> None:
    places = system_places()
    state, run = option(SYSTEM, "StateDirectory"), option(SYSTEM, "RuntimeDirectory")

    assert Path("/var/lib") / state == places.state
    assert Path("/run") / run == places.socket.parent
    assert int(option(SYSTEM, "RuntimeDirectoryMode"), 8) == DIRECTORY_MODE
    assert option(SYSTEM_SOCKET, "ListenStream") == str(places.socket)


def test_a_users_units_name_the_places_that_the_code_has() -> None:
    places = user_places({"XDG_RUNTIME_DIR": "%t", "HOME": "%h"}, 1000)  # a path that is not absolute is not taken
    assert places.socket == Path("/run/user/1000/hwbridge/hwbridge.sock")

    assert option(USER_SOCKET, "ListenStream").replace("%t", "/run/user/1000") == str(places.socket)
    assert option(USER, "RuntimeDirectory") == places.socket.parent.name


@pytest.mark.parametrize("unit", [SYSTEM_SOCKET, USER_SOCKET], ids=["system", "user"])
def test_the_socket_is_as_the_daemon_would_make_it(unit: Path) -> None:
    assert int(option(unit, "SocketMode"), 8) == SOCKET_MODE
    assert int(option(unit, "DirectoryMode"), 8) == DIRECTORY_MODE
    assert int(option(unit, "Backlog")) == BACKLOG


@pytest.mark.parametrize("unit", [SYSTEM, USER], ids=["system", "user"])
def test_wrong_files_do_not_make_systemd_try_again_and_again(unit: Path) -> None:
    assert option(unit, "RestartPreventExitStatus") == "78"


def test_the_group_is_the_one_that_the_daemon_asks_for(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    done = tool("systemd-sysusers", f"--root={tmp_path}", PACKAGING / "hwbridge.sysusers")

    assert done.returncode == 0, done.stderr
    groups = [line.split(":")[0] for line in (tmp_path / "etc/group").read_text().splitlines()]
    assert groups == [GROUP]


def test_the_directories_are_those_of_the_daemon_and_others_cannot_write_to_them(tmp_path: Path) -> None:
    places = system_places()
    done = tool("systemd-tmpfiles", "--create", f"--root={tmp_path}", PACKAGING / "hwbridge.tmpfiles")
    made = {Path("/") / path.relative_to(tmp_path): path for path in tmp_path.rglob("*hwbridge*/**/")}
    modes = {path: stat.S_IMODE(there.stat().st_mode) for path, there in made.items()}

    assert done.returncode == 0, done.stderr
    assert modes == {
        places.config.parent: 0o755,
        places.rules[0]: 0o755,
        places.tasks[0]: 0o755,
        places.socket.parent: DIRECTORY_MODE,
        places.state: 0o700,
    }


def test_everything_is_installed_where_it_says_that_it_goes(tmp_path: Path) -> None:
    subprocess.run([PACKAGING / "install"], env={**os.environ, "DESTDIR": str(tmp_path)}, timeout=60, check=True)
    installed = {f"/{path.relative_to(tmp_path)}": path for path in tmp_path.rglob("*") if path.is_file()}
    vendor = system_places().rules[-1]

    assert {place: path.read_text() for place, path in installed.items()} == {
        place: source.read_text()
        for place, source in {
            "/usr/lib/systemd/system/hwbridge.service": SYSTEM,
            "/usr/lib/systemd/system/hwbridge.socket": SYSTEM_SOCKET,
            "/usr/lib/systemd/user/hwbridge.service": USER,
            "/usr/lib/systemd/user/hwbridge.socket": USER_SOCKET,
            "/usr/lib/sysusers.d/hwbridge.conf": PACKAGING / "hwbridge.sysusers",
            "/usr/lib/tmpfiles.d/hwbridge.conf": PACKAGING / "hwbridge.tmpfiles",
            "/usr/share/doc/hwbridge/handlers.conf": HANDLERS,
            "/usr/lib/udev/rules.d/60-hwbridge.rules": ROOT / "rules/60-hwbridge.rules",
            "/usr/share/man/man1/hwbridge.1": PACKAGING / "man/hwbridge.1",
            "/usr/share/bash-completion/completions/hwbridge": PACKAGING / "completion/hwbridge.bash",
            "/usr/share/zsh/vendor-completions/_hwbridge": PACKAGING / "completion/_hwbridge",
            "/usr/share/fish/vendor_completions.d/hwbridge.fish": PACKAGING / "completion/hwbridge.fish",
            **{f"{vendor}/{rules.name}": rules for rules in (ROOT / "rules").glob("*.toml")},
        }.items()
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in installed.values()} == {0o644}
    for place, path in installed.items():
        said = re.search(r"Goes to (?:# )?(/usr/\S+?)[;,.]?\s", path.read_text().replace("\n# ", " "))
        assert said is None or place.startswith(said[1]), place
