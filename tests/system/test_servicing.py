"""Which package a task is of, and that it runs when that was updated: on databases of dpkg and pip that are made up."""

import asyncio
import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp

import msgspec
import pytest
from daemon import DEADLINE_SECONDS, Daemon, task
from namespace import in_namespace

from bridge.dispatch.decisions import Looked
from bridge.model.packages import PackageVersion
from bridge.model.tasks import Exec, Python, Registration
from bridge.model.templates import Template
from bridge.service.packages import Dpkg, distribution_of
from bridge.service.servicing import Servicing, named_of
from tests.pure.test_servicing import asking

STATUS = """
Package: {name}
Status: {status}
Architecture: amd64
Version: {version}
Description: something
 Version: 9 is a line of the description

"""


class MadeDpkg:
    """A database of dpkg in this folder, written as dpkg does: a new status file is renamed over the old one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "info").mkdir(parents=True)
        self._packages: dict[str, str] = {}

    def install(self, name: str, version: str, *paths: object, status: str = "install ok installed") -> None:
        if paths:
            (self.folder / "info" / f"{name}.list").write_bytes(
                b"".join(os.fsencode(f"{path}\n") for path in ("/.", *paths))
            )
        name = name.partition(":")[0]
        self._packages[name] = STATUS.format(name=name, version=version, status=status).lstrip("\n")
        new = self.folder / "status-new"
        new.write_text("".join(self._packages.values()))
        new.rename(self.folder / "status")


@pytest.fixture
def dpkg(tmp_path: Path) -> MadeDpkg:
    made = MadeDpkg(tmp_path / "dpkg")
    made.install("contoso", "7", "/usr/lib/contoso", "/usr/lib/contoso/run")
    made.install("fabrikam", "1.0-1", "/usr/lib/hwbridge/tasks/fabrikam.toml", "/usr/bin/fabrikam")
    return made


def owner(dpkg: MadeDpkg, path: str) -> PackageVersion | None:
    return Dpkg(dpkg.folder).owners({path}).get(path)


def test_a_file_is_of_the_package_that_lists_it(dpkg: MadeDpkg) -> None:
    assert owner(dpkg, "/usr/lib/hwbridge/tasks/fabrikam.toml") == PackageVersion("fabrikam", "1.0-1")
    assert owner(dpkg, "/usr/lib/contoso/run") == PackageVersion("contoso", "7")


@pytest.mark.parametrize("path", ["/usr/lib/hwbridge/tasks/own.toml", "/usr/lib/hwbridge/tasks/fabrikam", "x", ""])
def test_a_file_that_no_package_lists_is_of_none(dpkg: MadeDpkg, path: str) -> None:
    assert owner(dpkg, path) is None


def test_a_package_for_one_architecture_is_known_by_its_list(dpkg: MadeDpkg) -> None:
    dpkg.install("libfabrikam:amd64", "3", "/usr/lib/libfabrikam.so")

    assert owner(dpkg, "/usr/lib/libfabrikam.so") == PackageVersion("libfabrikam", "3")


def test_a_package_may_name_its_files_as_before_usr_was_merged(dpkg: MadeDpkg) -> None:
    dpkg.install("old", "1", "/bin/old")

    assert owner(dpkg, "/usr/bin/old") == owner(dpkg, "/bin/old") == PackageVersion("old", "1")


@pytest.mark.parametrize("status", ["install ok unpacked", "install ok half-configured", "deinstall ok config-files"])
def test_a_package_that_is_not_wholly_installed_tells_nothing_yet(dpkg: MadeDpkg, status: str) -> None:
    dpkg.install("fabrikam", "1.1-1", status=status)

    assert owner(dpkg, "/usr/bin/fabrikam") is None


def test_a_file_whose_name_is_no_text_is_of_a_package_too(dpkg: MadeDpkg) -> None:
    dpkg.install("cafe", "1", "/etc/caf\udce9.toml")

    assert owner(dpkg, "/etc/caf\udce9.toml") == PackageVersion("cafe", "1")


def test_where_there_is_no_dpkg_no_file_is_of_a_package(tmp_path: Path) -> None:
    assert Dpkg(tmp_path / "nothing").owners({"/usr/bin/fabrikam"}) == {}


def install_with_pip(site: Path, name: str, version: str, *files: str) -> None:
    described = site / f"{name}-{version}.dist-info"
    described.mkdir(parents=True)
    (described / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))


@pytest.mark.parametrize("module", ["fabrikam.tasks", "fabrikam", "single"])
def test_a_module_is_of_the_distribution_that_lists_it(tmp_path: Path, module: str) -> None:
    install_with_pip(tmp_path, "contoso", "7", "contoso/__init__.py")
    install_with_pip(tmp_path, "fabrikam_app", "1.0", "fabrikam/__init__.py", "fabrikam/tasks.py", "single.py")

    found = distribution_of(module, ["/nonexistent", str(tmp_path)])

    assert found == PackageVersion("fabrikam_app", "1.0")
    assert distribution_of("fabrikam.other", [str(tmp_path)]) is None


def test_a_list_that_is_a_pipe_or_leads_elsewhere_is_not_waited_for_nor_read(tmp_path: Path) -> None:
    for name in ("pipe", "link"):
        (tmp_path / f"{name}-1.dist-info").mkdir()
    os.mkfifo(tmp_path / "pipe-1.dist-info" / "RECORD")
    (tmp_path / "secret").write_text("fabrikam.py,\n")
    (tmp_path / "link-1.dist-info" / "RECORD").symlink_to(tmp_path / "secret")

    assert distribution_of("fabrikam", [str(tmp_path)]) is None


def test_of_a_task_its_file_tells_first_then_its_program_or_its_module() -> None:
    program = Exec(arguments=(Template.parse("/usr/bin/fabrikam"), Template.parse("{x}")))
    python = Python(entry_point="fabrikam.tasks:Migrate", path=("/opt/app",))

    assert named_of(asking(run=program), "/etc/tasks/a.toml") == (("/etc/tasks/a.toml", "/usr/bin/fabrikam"), None)
    assert named_of(asking(run=program), None) == (("/usr/bin/fabrikam",), None)
    assert named_of(asking(run=python), None) == ((), python)
    assert named_of(asking(run=Exec(arguments=(Template.parse("{program}"),))), None) == ((), None)


def test_a_program_by_its_bare_name_is_the_one_that_a_run_would_find(tmp_path: Path) -> None:
    for folder in ("first", "second", "third"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "fabrikam").touch(mode=0o644 if folder == "first" else 0o755)
    bare = (Template.parse("fabrikam"),)
    path = {"PATH": f"{tmp_path / 'first'}:second:{tmp_path / 'third'}"}
    there = Exec(arguments=bare, environment=path, cwd=str(tmp_path))
    nowhere = Exec(arguments=bare, environment={"PATH": str(tmp_path)})
    below = Exec(arguments=(Template.parse("second/fabrikam"),), cwd=str(tmp_path))

    assert named_of(asking(run=there), None) == ((str(tmp_path / "second" / "fabrikam"),), None)
    assert named_of(asking(run=nowhere), None) == ((), None)
    assert named_of(asking(run=there, user="nobody of this machine"), None) == ((), None)
    assert named_of(asking(run=below), None) == ((str(tmp_path / "second" / "fabrikam"),), None)


class WatchedDpkg(Dpkg, frozen=True):
    """Says for which paths its lists were read, and fails to read them as often as it is told to."""

    read: list[Collection[str]] = msgspec.field(default_factory=list)
    fails: list[Exception] = msgspec.field(default_factory=list)

    def owners(self, paths: Collection[str]) -> Mapping[str, PackageVersion]:
        self.read.append(paths)
        if self.fails:
            raise self.fails.pop()
        return super().owners(paths)


def looks(dpkg: Dpkg, *turns: Sequence[Registration]) -> list[Mapping[str, PackageVersion]]:
    """What was told of each look, when these tasks were there."""

    async def look() -> list[Mapping[str, PackageVersion]]:
        told: asyncio.Queue[Looked] = asyncio.Queue()
        now: list[Registration] = []
        loop = asyncio.get_running_loop()
        servicing = Servicing(loop, lambda: 1, lambda: now, told.put_nowait, {}, dpkg)
        found = []
        async with asyncio.timeout(DEADLINE_SECONDS):
            for tasks in turns:
                now[:] = tasks
                servicing.look()
                found.append((await told.get()).packages)
        servicing.close()
        return found

    return asyncio.run(look())


FABRIKAM = asking(run=Exec(arguments=(Template.parse("/usr/bin/fabrikam"),)))
CONTOSO = asking("contoso", run=Exec(arguments=(Template.parse("/usr/lib/contoso/run"),)))


def test_a_look_that_goes_wrong_is_named_and_the_next_one_finds_all(
    dpkg: MadeDpkg, caplog: pytest.LogCaptureFixture
) -> None:
    watched = WatchedDpkg(dpkg.folder, fails=[ValueError("broken")])

    assert looks(watched, [FABRIKAM], [FABRIKAM]) == [{}, {"migrate": PackageVersion("fabrikam", "1.0-1")}]
    assert "which packages brought the tasks cannot be told: ValueError: broken" in caplog.text


def test_the_lists_of_dpkg_are_read_again_only_for_other_paths(dpkg: MadeDpkg) -> None:
    watched = WatchedDpkg(dpkg.folder)
    version = {"migrate": PackageVersion("fabrikam", "1.0-1")}

    found = looks(watched, [FABRIKAM], [FABRIKAM], [FABRIKAM, CONTOSO])

    assert found == [version, version, {**version, "contoso": PackageVersion("contoso", "7")}]
    assert watched.read == [{"/usr/bin/fabrikam"}, {"/usr/bin/fabrikam", "/usr/lib/contoso/run"}]


def test_no_list_of_dpkg_is_read_for_tasks_of_python(dpkg: MadeDpkg) -> None:
    watched = WatchedDpkg(dpkg.folder)

    assert looks(watched, [asking(run=Python(entry_point="fabrikam:Migrate"))]) == [{}]
    assert watched.read == []


def servicing_task(folder: Path) -> str:
    text = task("migrate", 'say "$HWBRIDGE_TRIGGER $HWBRIDGE_DETAIL_TASK $HWBRIDGE_DETAIL_VERSION"', folder=folder)
    before, _, after = text.partition("triggers = ")
    return f'{before}triggers = [{{ system = "ServicingComplete" }}]\n{after.partition(chr(10))[2]}'


@in_namespace
def test_a_task_runs_once_when_its_package_was_updated_while_the_daemon_ran_or_did_not() -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/lib/dpkg"], check=True)
    folder = Path(mkdtemp(dir="/run"))
    dpkg = MadeDpkg(Path("/var/lib/dpkg/"))
    daemon = Daemon(folder)
    file = folder / "tasks" / "migrate.toml"
    file.write_text(servicing_task(folder))
    dpkg.install("fabrikam", "1.0-1", file)

    with daemon:
        daemon.wait_until(lambda: kept(folder), "the daemon knows the package")
        dpkg.install("fabrikam", "1.1-1", status="install ok unpacked")
        dpkg.install("contoso", "8", "/usr/lib/contoso/run")
        dpkg.install("fabrikam", "1.1-1")
        daemon.wait_for_words("ServicingComplete migrate 1.1-1")
        daemon.wait_until_idle()
    dpkg.install("fabrikam", "1.2-1")
    with daemon:
        daemon.wait_for_words("ServicingComplete migrate 1.2-1")
        daemon.wait_until_idle()
    with daemon:
        dpkg.install("fabrikam", "1.3-1")
        daemon.wait_for_words("ServicingComplete migrate 1.3-1")
        daemon.wait_until_idle()

    assert daemon.said() == [f"ServicingComplete migrate 1.{number}-1" for number in (1, 2, 3)]


def kept(folder: Path) -> bool:
    """Whether the store has the package's version; what it has committed may be in its log still."""
    written = [path.read_bytes() for path in (folder / "state").glob("store.db*")]
    return any(b'"package":"fabrikam 1.0-1"' in each for each in written)
