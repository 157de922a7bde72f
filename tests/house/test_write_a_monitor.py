"""The monitor that docs/how-to/write-a-monitor.md builds is as good as ours, and what its author imports stays little.

What the page does with it is done by test_docs.py, and what a monitor owes by the contract in tests/system.
"""

import ast
import runpy
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from pages import ROOT, blocks_of

from bridge.mapping.interest import Interest
from bridge.model.checks import Checks
from bridge.monitors import plugin
from bridge.monitors.monitor import Monitor, TimedMonitor

PAGE = ROOT / "docs/how-to/write-a-monitor.md"
MONITORS = ROOT / "bridge/monitors"
FACADES = {"bridge.monitors.plugin", "bridge.monitors.watched_paths"}


class Everything:
    """What asks for every event of a source."""

    match: Checks = ()

    def asked_fields(self) -> frozenset[str]:
        return frozenset()


def block(name: str) -> str:
    return next(block.text for block in blocks_of(PAGE) if block.name == name)


def code() -> str:
    return block("hwbridge_file.py")


@pytest.mark.parametrize(
    "tool", [("mypy", "--strict"), ("ruff", "check", "--ignore", "D"), ("ruff", "format", "--check")]
)
def test_checkers_find_nothing_in_the_pages_monitor(tool: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "hwbridge_file.py"
    file.write_text(code())
    config = [
        f"--config-file={ROOT / 'pyproject.toml'}" if tool[0] == "mypy" else f"--config={ROOT / 'pyproject.toml'}"
    ]

    done = subprocess.run(
        [sys.executable, "-m", *tool, *config, str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pages_monitor_imports_only_what_is_there_for_authors() -> None:
    imported = {node.module: node.names for node in ast.walk(ast.parse(code())) if isinstance(node, ast.ImportFrom)}
    ours = {name for name in imported if (name or "").startswith("bridge")}

    assert ours <= FACADES
    assert {alias.name for alias in imported["bridge.monitors.plugin"]} <= set(plugin.__all__)


def test_two_names_of_one_file_are_both_told(tmp_path: Path) -> None:
    (tmp_path / "hwbridge_file.py").write_text(code())
    opened = runpy.run_path(str(tmp_path / "hwbridge_file.py"))["LIVE"].open
    names = dict.fromkeys(("bill", "order"), str(tmp_path / "paper"))

    with closing(opened(clock=lambda: 0, settings=names)) as monitor:
        found = monitor.watch(Interest("file", (Everything(),)))
        (tmp_path / "paper").touch()
        heard = monitor.read()

    assert [(event.fields["file"], event.fields["state"]) for event in (*found, *heard)] == [
        ("bill", "gone"),
        ("order", "gone"),
        ("bill", "there"),
        ("order", "there"),
    ]


def test_the_page_says_what_every_method_of_a_monitor_promises() -> None:
    methods = {name for each in (Monitor, TimedMonitor) for name in vars(each) if not name.startswith("_")}

    assert {name for name in methods if f"| `{name}(" not in PAGE.read_text()} == set()


def test_the_pages_project_says_of_which_module_it_consists() -> None:
    """Whoever does not is given by setuptools what folders there are, and those of rules and tasks are beside it."""
    project = tomllib.loads(block("pyproject.toml"))
    named = project["project"]["entry-points"]["bridge.monitors"].values()

    assert project["tool"]["setuptools"]["py-modules"] == [name.partition(":")[0] for name in named]
    assert {"requires", "build-backend"} <= project["build-system"].keys()


def test_a_monitor_is_imported_by_nobody_but_its_entry_point() -> None:
    """What a plugin could not do no monitor of ours does: the service knows none of them by name."""
    monitors = {f"bridge.monitors.{path.stem}" for path in MONITORS.glob("*.py") if "\nLIVE = " in path.read_text()}
    importing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "bridge").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        if name in monitors and not path.is_relative_to(MONITORS)
    }

    assert monitors, "there are monitors"
    assert importing == set()


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
