"""The house holds: imports only go down, rooms on one floor do not know each other, pure floors are pure."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BRIDGE = Path(__file__).parents[2] / "bridge"
FLOORS = (
    {"errors"},
    {"model"},
    {"sources", "toml"},
    {"mapping", "dispatch"},
    {"pipeline", "recording", "varlink"},
    {"hosts", "monitors", "store"},
    {"service", "client"},
    {"testing"},
    {"cli"},
)
"""From the ground up; a room that stands on none of them is an error."""
PURE = {"errors", "model", "sources", "toml", "mapping", "dispatch", "pipeline", "recording", "varlink"}
IMPURE = {
    "asyncio", "os", "time", "socket", "subprocess", "threading", "evdev", "pyudev", "serial", "psutil",
}  # fmt: skip
MODULES = sorted(path for path in BRIDGE.rglob("*.py") if path.parent != BRIDGE or path.name == "errors.py")


def room_of(module: str) -> str:
    return module.split(".")[1] if module.startswith("bridge.") else ""


def floor_of(room: str) -> int:
    return next(floor for floor, rooms in enumerate(FLOORS) if room in rooms)


def room_of_file(path: Path) -> str:
    return path.relative_to(BRIDGE).parts[0].removesuffix(".py")


def imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""


def test_every_room_stands_on_a_floor() -> None:
    rooms = {room_of_file(path) for path in MODULES}

    assert rooms <= set().union(*FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(BRIDGE)))
def test_imports_only_go_down(path: Path) -> None:
    own = room_of_file(path)

    upward = [
        name
        for name in imported_by(path)
        if (room := room_of(name)) and room != own and floor_of(room) >= floor_of(own)
    ]

    assert upward == []


@pytest.mark.parametrize(
    "path", [path for path in MODULES if room_of_file(path) in PURE], ids=lambda path: str(path.relative_to(BRIDGE))
)
def test_a_pure_module_imports_nothing_that_waits_or_reads_the_world(path: Path) -> None:
    assert [name for name in imported_by(path) if name.split(".")[0] in IMPURE] == []


def test_rooms_on_one_floor_do_not_know_each_other() -> None:
    neighbours = {
        (room_of_file(path), room)
        for path in MODULES
        for name in imported_by(path)
        if (room := room_of(name)) and room != room_of_file(path) and floor_of(room) == floor_of(room_of_file(path))
    }

    assert neighbours == set()
