"""Loads the handler that an entry point names, and notices when its files have changed since. It runs no handler."""

import importlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType

from bridge.client.running import print_traceback
from bridge.errors import HandlerError

MOST_FILES = 200
"""Files that are looked at before a run: those of the handler's own modules."""


class EntryPoint:
    """`module:Class`, loaded when it is first asked for.

    >>> EntryPoint("bridge.client.loading:Nobody").load()
    Traceback (most recent call last):
    bridge.errors.HandlerError: bridge.client.loading has no Nobody
    """

    def __init__(self, entry_point: str) -> None:
        self._module, _, self._name = entry_point.partition(":")
        self._handler: object = None
        self._files: dict[str, tuple[int, int]] = {}

    def load(self) -> object:
        """The handler. Raises `HandlerError` that names what is not there; why a module fails is printed."""
        if self._handler is None:
            before = frozenset(sys.modules)
            module = self._import()
            self._handler = _member(module, self._name)
            self._files = {file: _stamp(file) for file in _own_files(module, before)}
        return self._handler

    def is_stale(self) -> bool:
        """Whether a file that was loaded for it has changed since, or is gone."""
        return any(_stamp(file) != stamp for file, stamp in self._files.items())

    def _import(self) -> ModuleType:
        try:
            return importlib.import_module(self._module)
        except BaseException as error:
            what = f"cannot import {self._module}: {type(error).__name__}: {error}"
            if isinstance(error, ModuleNotFoundError) and error.name == self._module:
                folders = dict.fromkeys(sys.path)
                closed = ", ".join(filter(_is_closed, folders))
                hint = f"; this user may not read {closed}" if closed else ""
                raise HandlerError(f"{what}{hint}; looked for in {', '.join(folders)}") from error
            print_traceback(error)
            raise HandlerError(what) from error


def _is_closed(folder: str) -> bool:
    """Whether it is there, perhaps, but not for us: the import system passes it over without a word."""
    try:
        os.listdir(folder)
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _member(module: ModuleType, name: str) -> object:
    member: object = module
    for part in name.split("."):
        try:
            member = getattr(member, part)
        except AttributeError as error:
            raise HandlerError(f"{module.__name__} has no {name}") from error
    return member


def _own_files(module: ModuleType, before: frozenset[str]) -> list[str]:
    """The files of the module, and of what was loaded with it but is not installed for all."""
    loaded = [each for name, each in list(sys.modules.items()) if name not in before]
    files = [module.__dict__.get("__file__"), *_of_no_library(loaded)]
    return [file for file in dict.fromkeys(files) if isinstance(file, str)][:MOST_FILES]


def _of_no_library(modules: list[ModuleType]) -> Iterator[object]:
    library = os.path.dirname(os.__file__)
    for each in modules:
        file = each.__dict__.get("__file__")
        if isinstance(file, str) and not file.startswith(library) and "-packages/" not in file:
            yield file


def _stamp(file: str) -> tuple[int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
