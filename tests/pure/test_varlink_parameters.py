"""Parameters against their declaration: what differs is named by its path."""

from typing import Any

import pytest

from bridge.varlink.interface import Type, read_interface
from bridge.varlink.parameters import find_mismatches

EVERYTHING = read_interface("""\
interface org.example.everything
type Everything (
  yes: bool, count: int, ratio: float, name: string, raw: object, state: (open, closed),
  pair: (left: int, right: int), tags: []string, labels: [string]int, owner: ?string, next: ?Everything
)
method Take(everything: Everything) -> ()
""")
VALID: dict[str, Any] = {
    "yes": True,
    "count": -(2**63),
    "ratio": 1,
    "name": "",
    "raw": {"any": ["thing"]},
    "state": "open",
    "pair": {"left": 1, "right": 2},
    "tags": [],
    "labels": {},
}


def mismatches(everything: object) -> list[str]:
    takes: Type = EVERYTHING.methods["Take"].takes
    return [str(mismatch) for mismatch in find_mismatches(EVERYTHING, takes, {"everything": everything})]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"owner": None, "next": None},
        {"owner": "alice", "ratio": 0.5, "count": 2**63 - 1, "tags": ["a"], "labels": {"": 1}},
        {"next": VALID | {"next": VALID}},
    ],
)
def test_a_value_that_is_as_declared_has_no_mismatch(more: dict[str, Any]) -> None:
    assert mismatches(VALID | more) == []


@pytest.mark.parametrize(
    ("field", "value", "mismatch"),
    [
        ("yes", 1, "everything.yes: found int, meant bool"),
        ("count", True, "everything.count: found bool, meant int"),
        ("count", 1.0, "everything.count: found float, meant int"),
        ("count", 2**63, "everything.count: found an int of more than 64 bits, meant int"),
        ("ratio", "1", "everything.ratio: found string, meant float"),
        ("ratio", False, "everything.ratio: found bool, meant float"),
        ("name", None, "everything.name: found null, meant string"),
        ("raw", [], "everything.raw: found array, meant object"),
        ("state", "ajar", "everything.state: found 'ajar', meant one of open, closed"),
        ("state", {}, "everything.state: found object, meant string"),
        ("pair", [1, 2], "everything.pair: found array, meant object"),
        ("pair", {"left": 1}, "everything.pair.right: found nothing, meant a value"),
        ("tags", "a", "everything.tags: found string, meant array"),
        ("tags", ["a", 2], "everything.tags[1]: found int, meant string"),
        ("labels", [], "everything.labels: found array, meant object"),
        ("labels", {"a": 1, "b c": "2"}, "everything.labels.b c: found string, meant int"),
        ("owner", 5, "everything.owner: found int, meant string"),
        ("color", "red", "everything.color: found a field, meant none of this name"),
        ("next", VALID | {"count": ""}, "everything.next.count: found string, meant int"),
    ],
)
def test_a_mismatch_is_named_by_its_path(field: str, value: object, mismatch: str) -> None:
    assert mismatches(VALID | {field: value}) == [mismatch]


def test_every_mismatch_is_found() -> None:
    assert mismatches({name: VALID[name] for name in VALID if name not in ("yes", "tags")} | {"x": 1}) == [
        "everything.x: found a field, meant none of this name",
        "everything.yes: found nothing, meant a value",
        "everything.tags: found nothing, meant a value",
    ]
