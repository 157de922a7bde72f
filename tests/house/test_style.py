"""The house style that a machine can see: short files, modules that say what they are, clean linters."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 400
FOLDERS = ("bridge", "tests", "benchmarks", "packaging", "docs")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.is_relative_to(ROOT / "bridge")], ids=lambda path: str(path.name)
)
def test_a_module_says_what_it_is_and_what_it_refuses_to_do(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""

    assert docstring.count(".") >= 2, f"{path} opens with {docstring!r}"


def run_tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = arguments[0]
    if shutil.which(tool, path=Path(sys.executable).parent) is None:
        pytest.skip(f"{tool} is not installed: pip install {tool}")
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)], ids=" ".join
)
def test_the_linters_have_nothing_to_say(arguments: tuple[str, ...]) -> None:
    done = run_tool(*arguments)

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_names_a_place_of_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout: which files are ours is not known")
    places = ("/" + "work/", "/" + "root/", "/" + "home/runner")

    found = [
        name
        for name in tracked.stdout.splitlines()
        if any(place in (ROOT / name).read_text(errors="replace") for place in places)
    ]

    assert found == []
