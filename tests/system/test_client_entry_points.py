"""Where a Python handler is looked for before its task is registered: in files, and nothing of them is run."""

import zipfile
from pathlib import Path

import pytest

from bridge.client.entry_points import check_entry_point, path_here
from bridge.errors import InvalidValueError, UnknownEntryPointError

TASKS = """
from json import loads as read
import os.path
raise SystemExit("this module must not be run")

class Lamp:
    def run(self, instance): ...

class Derived(Lamp): ...

class Idle:
    def start(self): ...

async def bell(instance): ...

if True:
    class Bound:
        def run(self, instance): ...
else:
    other = Lamp
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "fabrikam"
    package.mkdir()
    (package / "__init__.py").write_text('raise SystemExit("nor this one")')
    (package / "tasks.py").write_text(TASKS)
    (package / "broken.py").write_text("class Lamp(:")
    (package / "open.py").write_text("from fabrikam.tasks import *")
    (package / "lazy.py").write_text("def __getattr__(name): ...")
    (tmp_path / "namespace").mkdir()
    (tmp_path / "namespace/tasks.py").write_text(TASKS)
    return tmp_path


def why_not(entry_point: str, folder: Path) -> str:
    with pytest.raises(UnknownEntryPointError) as unknown:
        check_entry_point(entry_point, [str(folder)])
    return str(unknown.value)


@pytest.mark.parametrize(
    "entry_point",
    [
        "fabrikam.tasks:Lamp",
        "fabrikam.tasks:Derived",
        "fabrikam.tasks:bell",
        "fabrikam.tasks:Bound",
        "fabrikam.tasks:other",
        "fabrikam.tasks:read",
        "fabrikam.tasks:os",
        "fabrikam.open:Lamp",
        "fabrikam.lazy:Lamp",
        "namespace.tasks:Lamp",
    ],
)
def test_what_is_there_or_may_be_is_found_and_not_run(entry_point: str, folder: Path) -> None:
    check_entry_point(entry_point, [str(folder)])


def test_a_module_of_a_zip_file_is_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "tasks.zip", "w") as archive:
        archive.writestr("zipped.py", TASKS)

    check_entry_point("zipped:Lamp", [str(tmp_path / "tasks.zip")])
    with pytest.raises(UnknownEntryPointError):
        check_entry_point("zipped:Lmap", [str(tmp_path / "tasks.zip")])


def test_a_module_without_source_is_let_pass() -> None:
    check_entry_point("_socket:socket", path_here())


def test_a_module_that_is_missing_is_named_with_the_places_that_were_looked_at(folder: Path) -> None:
    assert why_not("fabricam.tasks:Lamp", folder) == f"no module fabricam was found; looked for in {folder}"
    assert why_not("fabrikam.task:Lamp", folder).startswith("no module fabrikam.task was found; looked for in ")
    assert why_not("fabrikam.tasks.lamp:Lamp", folder) == (
        "fabrikam.tasks is a module, and no package that could have lamp"
    )


def test_a_class_that_is_missing_is_named_with_its_module(folder: Path) -> None:
    assert why_not("fabrikam.tasks:Lmap", folder) == "module fabrikam.tasks has no class or function 'Lmap'"
    assert why_not("fabrikam.tasks:Lmap.Inner", folder) == "module fabrikam.tasks has no class or function 'Lmap'"


def test_a_class_that_cannot_be_run_says_what_it_lacks(folder: Path) -> None:
    assert why_not("fabrikam.tasks:Idle", folder) == (
        "class Idle of module fabrikam.tasks has no method run(self, instance)"
    )


def test_a_module_that_is_no_python_says_where(folder: Path) -> None:
    assert why_not("fabrikam.broken:Lamp", folder) == (
        "module fabrikam.broken cannot be imported: invalid syntax (broken.py, line 1)"
    )


def test_a_class_of_the_program_that_runs_now_is_to_stand_in_a_module(folder: Path) -> None:
    assert why_not("__main__:Lamp", folder) == (
        "__main__:Lamp: __main__ is the program that runs now; put Lamp into a module that can be imported"
    )


@pytest.mark.parametrize("entry_point", ["fabrikam.tasks", "fabrikam.tasks:", ":Lamp", "fabrikam/tasks.py:Lamp"])
def test_what_names_no_class_is_refused_with_an_example(entry_point: str, folder: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"is not a module and a class, as in 'package\.tasks:Jack'"):
        check_entry_point(entry_point, [str(folder)])
