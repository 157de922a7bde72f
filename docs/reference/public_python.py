"""What the reference says of the package `bridge`: signatures and docstrings of its public names, read from the source.

Nothing is said here that the code does not say; nothing of the code is run.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import bridge

PACKAGE = Path(bridge.__file__).parent
ERRORS = "bridge.errors"
_EXAMPLES = re.compile(r"\n\n>>> .*", re.DOTALL)


def public_names() -> str:
    """Every public name but the errors, with its members."""
    return "\n".join(
        _section(name, _definition(home, name))
        for home, names in bridge._NAMES.items()
        if home != ERRORS
        for name in names
    )


def public_errors() -> str:
    """The errors, each with what it is beside a `BridgeError`."""
    errors = [(f"`{name}`", _definition(ERRORS, name)) for name in bridge._NAMES[ERRORS]]
    rows = ((name, _bases(found), _in_a_row(_said(found))) for name, found in errors)
    return _table(("error", "is also", "when"), rows)


def _definition(home: str, name: str) -> ast.ClassDef | ast.FunctionDef:
    """The statement of a module that defines a name."""
    file = PACKAGE.joinpath(*home.split(".")[1:]).with_suffix(".py")
    for statement in ast.parse(file.read_text()).body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
            return statement
    raise SystemExit(f"{file} does not define {name}")


def _section(name: str, found: ast.ClassDef | ast.FunctionDef) -> str:
    if isinstance(found, ast.FunctionDef):
        return f"### `{name}{_parameters(found)}`\n\n{_said(found)}\n"
    members = list(_members(found))
    plain = ", ".join(written for written, said in members if not said)
    described = [(written, _in_a_row(said)) for written, said in members if said]
    parts = [f"### {name}\n", f"{_said(found)}\n"]
    parts += [f"It has {plain}.\n"] if plain else []
    parts += [_table(("member", "meaning"), described)] if described else []
    return "\n".join(parts)


def _members(found: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Fields, methods and properties, each as it is written and what is said of it."""
    for statement, behind in zip(found.body, [*found.body[1:], None], strict=True):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if not name.startswith("_"):
                yield _field(name, value), _text_of(behind)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                yield f"`{name}` ({value})", _text_of(behind)
            case ast.FunctionDef(name="__init__"):
                yield from ((f"`{name}`", "") for name in _attributes_set_in(statement))
            case ast.FunctionDef(name=name) if not name.startswith("_") and not _is_setter(statement):
                yield _member(found.name, statement), _said(statement)


def _text_of(statement: ast.stmt | None) -> str:
    """The docstring of a field, which is the statement behind it."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return text
        case _:
            return ""


def _attributes_set_in(method: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(method):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()) if not name.startswith("_"):
                yield name


def _is_setter(method: ast.FunctionDef) -> bool:
    return any(ast.unparse(each).endswith(".setter") for each in method.decorator_list)


def _field(name: str, value: ast.expr | None) -> str:
    """A field and its default, where that is a value."""
    if isinstance(value, ast.Call):  # field(default=..., kw_only=True)
        value = next((each.value for each in value.keywords if each.arg == "default"), None)
    return f"`{name}`" if value is None else f"`{name} = {ast.unparse(value)}`"


def _member(owner: str, method: ast.FunctionDef) -> str:
    decorators = {ast.unparse(each) for each in method.decorator_list}
    if "property" in decorators:
        return f"`{method.name}`"
    if decorators & {"staticmethod", "classmethod"}:
        return f"`{owner}.{method.name}{_parameters(method)}`"
    return f"`{method.name}{_parameters(method)}`"


def _parameters(function: ast.FunctionDef) -> str:
    """What is between the brackets, without types."""
    arguments = function.args
    for each in (*arguments.args, *arguments.kwonlyargs):
        each.annotation = None
    if arguments.args and arguments.args[0].arg in ("self", "cls"):
        del arguments.args[0]
    return f"({ast.unparse(arguments)})"


def _bases(found: ast.ClassDef | ast.FunctionDef) -> str:
    assert isinstance(found, ast.ClassDef)
    others = [name for each in found.bases if (name := ast.unparse(each)) not in ("BridgeError", "Exception")]
    return ", ".join(f"`{name}`" for name in others)


def _said(found: ast.ClassDef | ast.FunctionDef) -> str:
    """The docstring without its examples."""
    return _EXAMPLES.sub("", ast.get_docstring(found) or "")


def _in_a_row(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
