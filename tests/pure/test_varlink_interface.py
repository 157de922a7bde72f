"""Interface descriptions: what is read, and what is refused with its line."""

from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import InterfaceError
from bridge.varlink.interface import (
    ArrayType,
    BasicType,
    EnumType,
    MapType,
    NamedType,
    OptionalType,
    StructType,
    read_interface,
)

DOOR = """\
# A door
interface org.example.door-2

type Door ( # what it is
  name: string, state: (open, closed),
  tags: []string, labels: [string]string, owner: ?string,
  twins: ?[]Door, size: (width: int, height: float), raw: object, locked: bool
)
type Color (red, green)
method Open(name: string) -> (door: Door)
method Knock() -> ()
error Locked (name: string)
error Gone ()
"""


def test_every_type_of_varlink_is_read() -> None:
    door = read_interface(DOOR)

    assert door.name == "org.example.door-2"
    assert door.types["Door"] == StructType(
        fields={
            "name": BasicType.STRING,
            "state": EnumType(words=("open", "closed")),
            "tags": ArrayType(of=BasicType.STRING),
            "labels": MapType(of=BasicType.STRING),
            "owner": OptionalType(of=BasicType.STRING),
            "twins": OptionalType(of=ArrayType(of=NamedType(name="Door"))),
            "size": StructType(fields={"width": BasicType.INT, "height": BasicType.FLOAT}),
            "raw": BasicType.OBJECT,
            "locked": BasicType.BOOL,
        }
    )
    assert door.types["Color"] == EnumType(words=("red", "green"))


def test_methods_and_errors_are_read_and_the_text_is_kept() -> None:
    door = read_interface(DOOR)

    assert door.methods["Open"].takes == StructType(fields={"name": BasicType.STRING})
    assert door.methods["Open"].answers == StructType(fields={"door": NamedType(name="Door")})
    assert door.methods["Knock"].takes == door.methods["Knock"].answers == StructType(fields={})
    assert door.errors == {"Locked": StructType(fields={"name": BasicType.STRING}), "Gone": StructType(fields={})}
    assert door.description == DOOR


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ("metod A() -> ()", "line 2: found 'metod', meant 'type', 'method' or 'error'"),
        ("method a() -> ()", "line 2: found 'a', meant a name that begins with a capital letter"),
        ("\n\nmethod A()", "line 4: found the end, meant '->' and what the method answers"),
        ("method A(b: sting) -> ()", "line 2: found 'sting', meant a type"),
        ("method A(b: Missing) -> ()", "line 2: found 'Missing', meant a type of this interface"),
        ("method A(b: ??int) -> ()", "line 2: found '?', meant a type that is not optional already"),
        ("method A(b: int,) -> ()", "line 2: found ')', meant a field's name"),
        ("method A(b: int c: int) -> ()", "line 2: found 'c', meant ',' or ')'"),
        ("method A(b: int, c) -> ()", "line 2: found ')', meant ':' and a type"),
        ("method A(b, c: int) -> ()", "line 2: found ':', meant ',' or ')'"),
        ("method A(b) -> ()", "line 2: found the word 'b' alone, meant a field and its type"),
        ("method A(b: int, b: int) -> ()", "line 2: found 'b', meant a name that is not taken yet"),
        ("method A(b_: int) -> ()", "line 2: found 'b_', meant a field's name"),
        ("method A(b: [int]string) -> ()", "line 2: found '[', meant a type"),
        ("error A", "line 2: found the end, meant '(' and fields"),
        ("type A (b, b)", "line 2: found 'b', meant a name that is not taken yet"),
        ("type A ()\nmethod A() -> ()", "line 3: found 'A', meant a name that is not taken yet"),
    ],
)
def test_a_wrong_description_is_refused_with_line_found_and_meant(members: str, message: str) -> None:
    with pytest.raises(InterfaceError) as caught:
        read_interface(f"interface org.example.door\n{members}")

    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["door", "org..door", "org.-door", "1org.door", "org.door-"])
def test_a_wrong_name_of_an_interface_is_refused(name: str) -> None:
    with pytest.raises(InterfaceError, match=r"line 1: found .*, meant an interface's name"):
        read_interface(f"interface {name}\n")


@given(st.lists(st.sampled_from([*"()[]?:,#\n", "->", "[string]", " ", "A", "b", "int", "method", "type", "error"])))
@settings(deadline=None)
def test_any_text_raises_nothing_but_an_interface_error(tokens: list[str]) -> None:
    text = "interface a.b\n" + "".join(tokens)
    try:
        read = read_interface(text)
    except InterfaceError:
        return

    assert read.name == "a.b"


def test_the_packaged_interface_has_the_words_of_the_contract() -> None:
    packaged = files("bridge.varlink").joinpath("org.hwbridge.varlink").read_text(encoding="utf-8")
    interface = read_interface(packaged)

    assert interface.name == "org.hwbridge"
    of_tasks = {"Register", "Validate", "Unregister", "AllTasks", "AllTaskGroups", "Reset", "Explain"}
    of_runs = {"RequestTask", "Cancel", "ReportProgress", "RegisterClass", "RevokeClass", "Complete"}
    of_facts = {"Raise", "Wait", "Watch", "History"}
    assert set(interface.methods) == {"Status", *of_tasks, *of_runs, *of_facts}
    unknown = {"UnknownTrigger", "UnknownTask", "UnknownInstance"}
    refused = {"InvalidDetails", "InvalidTask", "TaskOfFile", "TooManyTasks", "Busy", "StoreFull", "NotAllowed"}
    assert set(interface.errors) == {"TimedOut", *unknown, *refused}
    results = ("Allowed", "CurrentlyRunning", "DisabledByPolicy", "UnknownError")
    assert interface.methods["RequestTask"].answers.fields["result"] == EnumType(words=results)
    assert interface.methods["Raise"].answers.fields["outcome"] == EnumType(words=("Raised", "NoSubscribers"))
