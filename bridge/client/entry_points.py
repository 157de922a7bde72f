"""Whether a Python handler is where a task says it is: `module:Class`, looked for without running any of it.

What cannot be seen without running it (a module in C, names that `import *` or `__getattr__` bring) is let pass.
"""

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec

from bridge.errors import InvalidValueError, UnknownEntryPointError
from bridge.model.tasks import Python


def interpreter_here() -> str:
    """The absolute path of the Python that runs now. Raises `InvalidValueError` where it does not know it."""
    if not sys.executable:
        raise InvalidValueError("this Python does not know its own path: say which one runs the task, by `interpreter`")
    return os.path.abspath(sys.executable)


def path_here() -> list[str]:
    """Where this process looks for modules, absolute, without what is not there."""
    return list(dict.fromkeys(each for each in map(os.path.abspath, sys.path) if os.path.exists(each)))


def check_entry_point(entry_point: str, path: Sequence[str]) -> None:
    """Raises `UnknownEntryPointError` where no module on `path` has this class, and `InvalidValueError` for no name.

    >>> check_entry_point("bridge.client.entry_points:Nobody", path_here())
    Traceback (most recent call last):
    bridge.errors.UnknownEntryPointError: module bridge.client.entry_points has no class or function 'Nobody'
    """
    if not isinstance(entry_point, str):
        raise InvalidValueError(f"an entry point is a text, module:Class, found {entry_point!r}")
    module, _, name = Python(entry_point=entry_point).entry_point.partition(":")
    if module == "__main__":
        raise UnknownEntryPointError(
            f"{entry_point}: __main__ is the program that runs now; put {name} into a module that can be imported"
        )
    tree = _parsed(_spec_of(module, path))
    if tree is None:
        return
    first = name.partition(".")[0]
    if first not in (bound := set(_bound_in(tree.body))) and not bound & {"*", "__getattr__"}:
        raise UnknownEntryPointError(f"module {module} has no class or function {first!r}")
    if any(isinstance(each, ast.ClassDef) and each.name == name and not _may_run(each) for each in tree.body):
        raise UnknownEntryPointError(f"class {name} of module {module} has no method run(self, instance)")


def _spec_of(module: str, path: Sequence[str]) -> ModuleSpec:
    """Where the module is. Its packages are looked into, and not imported as `importlib.util.find_spec` does."""
    spec, package, searched = None, "", path
    for part in module.split("."):
        name = f"{package}.{part}" if package else part
        if not searched:
            raise UnknownEntryPointError(f"{package} is a module, and no package that could have {part}")
        spec = PathFinder.find_spec(name, searched) or (None if package else _found_otherwise(name))
        if spec is None:
            raise UnknownEntryPointError(f"no module {name} was found; looked for in {', '.join(searched)}")
        package, searched = name, list(spec.submodule_search_locations or ())
    assert spec is not None
    return spec


def _found_otherwise(name: str) -> ModuleSpec | None:
    """By what else finds modules here, as for packages that are installed to be edited."""
    try:
        return find_spec(name)
    except ValueError:  # it is loaded, and does not know where from
        return None


def _parsed(spec: ModuleSpec) -> ast.Module | None:
    """The module's source; None where there is none. Raises `UnknownEntryPointError` for what is no Python."""
    read = getattr(spec.loader, "get_source", None)
    try:
        source = read(spec.name) if read is not None else None
        return ast.parse(source, spec.origin or spec.name) if source is not None else None
    except (SyntaxError, ValueError, ImportError, OSError) as error:
        raise UnknownEntryPointError(f"module {spec.name} cannot be imported: {error}") from error


def _may_run(found: ast.ClassDef) -> bool:
    """Whether its objects can be run: by a method of its own, or by what cannot be seen here."""
    may_inherit = bool(found.bases or found.keywords or found.decorator_list)
    return may_inherit or not {"run", "__call__"}.isdisjoint(_bound_in(found.body))


def _bound_in(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that these statements may bind, and some that they bind elsewhere."""
    for statement in statements:
        if isinstance(statement, _NAMED):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from (each.asname or each.name.partition(".")[0] for each in node.names)
            elif isinstance(node, _NAMED):
                yield node.name
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


_NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
