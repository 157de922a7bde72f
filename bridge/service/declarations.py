"""From directories to rules, tasks and settings, or to every error in them. It keeps nothing."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bridge.errors import DeclarationError, DeviceError, HandlerError
from bridge.hosts.accounts import account_of
from bridge.mapping.load.rules import load_rules
from bridge.mapping.table import RuleTable
from bridge.model.tasks import Registration
from bridge.model.text import count_of
from bridge.monitors.monitor import LiveSource
from bridge.pipeline.load.doubts import doubts_of_tasks
from bridge.pipeline.load.tasks import load_tasks
from bridge.service.files import Opening, open_anything, read_directories, read_file, read_given
from bridge.service.installed import installed_monitors, live_source, table_of
from bridge.service.opened import guarded
from bridge.service.places import Directories
from bridge.service.trust import trust_in_files
from bridge.sources.evdev import EVDEV
from bridge.sources.serial import SERIAL
from bridge.store.values import LEAST_BYTES, LEAST_ROWS, Durability, Limits
from bridge.toml.document import Document, Problem
from bridge.toml.schema import Table, root_table
from bridge.toml.values import choice, integer

Settings = Mapping[str, Mapping[str, object]]
"""For each source, and for the store, the table of hwbridge.toml that has its name."""


class Declarations(msgspec.Struct, frozen=True):
    """What the files say; `doubts` are warnings for whoever runs it, `files` has for each task where it stands."""

    rules: RuleTable
    tasks: tuple[Registration, ...]
    doubts: tuple[Problem, ...] = ()
    files: Mapping[str, str] = msgspec.field(default_factory=dict)


def counted(declarations: Declarations) -> str:
    """How many they are, for people: `1 rule, 2 tasks`."""
    return f"{count_of(len(declarations.rules.rules), 'rule')}, {count_of(len(declarations.tasks), 'task')}"


def read_declarations(directories: Directories) -> Declarations:
    """The rules and tasks of all files. Raises `DeclarationError` with all that is wrong in any of them."""
    return check_declarations(read_rules(directories), read_tasks(directories))


def read_declarations_to_run(directories: Directories, watched: Collection[str]) -> Declarations:
    """As `read_declarations`, for a daemon that has monitors of the sources `watched`: it cannot do with less.

    Nor does it believe files that others could have written, or promise to run what it could not.
    """
    opening = trust_in_files().open
    rule_files, task_files = read_rules(directories, opening), read_tasks(directories, opening)
    declarations = check_declarations(rule_files, task_files)
    unwatched = _found_in(rule_files, lambda root: _check_watched(root, watched))
    problems = [*unwatched, *_found_in(task_files, _check_users)]
    if problems:
        raise DeclarationError(problems)
    doubts = tuple(doubts_of_tasks(declarations.tasks, task_files, watched))
    return replace(declarations, doubts=doubts, files=_files_of(task_files))


def _files_of(documents: Iterable[Document]) -> Mapping[str, str]:
    return {
        table.content["name"]: document.file
        for document in documents
        for table in root_table(document, []).tables("task")
    }


def _found_in(documents: Iterable[Document], check: Callable[[Table], None]) -> Iterator[Problem]:
    for document in documents:
        found: list[Problem] = []
        check(root_table(document, found))
        yield from sorted(found, key=lambda problem: problem.line)


def _check_users(root: Table) -> None:
    """A daemon that is not root has the rights of nobody else. One that is looks for the user when a run starts."""
    for table in root.tables("task") if os.geteuid() != 0 else ():
        try:
            account_of(table.content.get("user"))
        except HandlerError as error:
            table.problem(str(error), "user")


def _check_watched(root: Table, watched: Collection[str]) -> None:
    for table in (*root.tables("rule"), *root.tables("condition")):
        source = table.content["source"]
        if source not in watched:
            table.problem(f"there is no monitor of {source} in this hwbridge: it can be replayed, not run", "source")
    for kind, source in (("serial", SERIAL.name), ("input", EVDEV.name)):
        for table in root.tables(kind) if source not in watched else ():
            table.problem("there is no monitor in this hwbridge that would do it: it can be replayed, not run")


def read_rules(directories: Directories, opening: Opening = open_anything) -> list[Document]:
    """The rules files."""
    read = read_given if directories.rules_given else read_directories
    return read(directories.rules, opening)


def read_tasks(directories: Directories, opening: Opening = open_anything) -> list[Document]:
    """The tasks files."""
    read = read_given if directories.tasks_given else read_directories
    return read(directories.tasks, opening)


def check_declarations(
    rules: Sequence[Document], tasks: Sequence[Document], naming: Sequence[Document] = ()
) -> Declarations:
    """The rules and tasks of these documents; of `naming` only the names that they give to triggers.

    Raises `DeclarationError` with all that is wrong in any rules or tasks.
    """
    table, problems = load_rules(rules, naming)
    registrations, task_problems = load_tasks(tasks, table)
    if problems or task_problems:
        raise DeclarationError([*problems, *task_problems])
    return Declarations(table, registrations)


def read_settings_to_run(config: Path, *, given: bool) -> Settings:
    """As `read_settings`, for a daemon: it does not believe a file that others could have written."""
    return read_settings(config, given=given, opening=trust_in_files().open)


def read_settings(config: Path, *, given: bool, opening: Opening = open_anything) -> Settings:
    """The settings in hwbridge.toml; the file must be there only if somebody gave its path.

    Raises `DeclarationError` with all that is wrong in it.
    """
    if not given and not config.exists():
        return {}
    settings, problems = load_settings(read_file(config, opening))
    if problems:
        raise DeclarationError(problems)
    return settings


def load_settings(document: Document) -> tuple[Settings, list[Problem]]:
    """The settings of hwbridge.toml, of the store and of all installed monitors, and everything that is wrong in it."""
    problems: list[Problem] = list(document.problems)
    root = root_table(document, problems)
    settings: dict[str, Mapping[str, object]] = {}
    store = root.table("store")
    if store is not None:
        settings["store"] = {
            "durability": store.read("durability", choice(*Durability), default=Durability.FULL),
            "rows": store.read("rows", integer(minimum=LEAST_ROWS), default=Limits().rows),
            "bytes": store.read("bytes", integer(minimum=LEAST_BYTES), default=Limits().bytes),
        }
        store.finish()
    for monitor in installed_monitors() if root.content.keys() - {"store"} else ():
        name = table_of(monitor)
        root.known.add(name)
        if name in root.content and name not in settings and (table := root.table(name)) is not None:
            settings[name] = _settings_of_monitor(monitor, table)
    root.finish()
    return settings, problems


def _settings_of_monitor(monitor: str, table: Table) -> Mapping[str, object]:
    try:
        live = live_source(monitor)
        return guarded(lambda: live.settings(table))
    except DeviceError as error:
        table.problem(str(error))
        table.known.update(table.content)
        return {}


def settings_of(monitor: str, live: LiveSource, settings: Settings) -> Mapping[str, object]:
    """The settings of a monitor: those of its table, or as they are without one.

    Raises `DeviceError` where it cannot do without, and where another monitor has read the table in a way of its own.
    """
    name = table_of(monitor)
    if name in settings:
        reader = next(each for each in installed_monitors() if table_of(each) == name)
        if live_source(reader).settings != live.settings:
            raise DeviceError(f"[{name}] of hwbridge.toml is the table of {reader}: its own name must end otherwise")
        return settings[name]
    problems: list[Problem] = []
    found = guarded(lambda: live.settings(root_table(Document(file="hwbridge.toml"), problems)))
    if problems:
        raise DeviceError(f"it needs settings: the table [{name}] of hwbridge.toml; {problems[0].message}")
    return found
