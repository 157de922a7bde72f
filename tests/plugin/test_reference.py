"""The page on testing names everything that the plugin and bridge.testing offer, and nothing heavy comes by itself."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bridge.testing
from bridge.testing.bench import Bench
from bridge.testing.fake_instance import FakeInstance
from bridge.testing.hold import Hold
from bridge.testing.told import Activation, DroppedRaise, LatchedRaise, RaisedTrigger

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "testing.md").read_text()


def public_names() -> Iterator[str]:
    yield from bridge.testing.__all__
    for of in (Bench, FakeInstance, Hold):
        yield from (name for name in vars(of) if not name.startswith("_"))
    for of in (Activation, DroppedRaise, LatchedRaise, RaisedTrigger):
        yield from of.__dataclass_fields__
    yield from vars(FakeInstance())


@pytest.mark.parametrize("name", sorted({name for name in public_names() if not name.startswith("_")}))
def test_the_page_names_it(name: str) -> None:
    assert any(f"`{name}{end}" in PAGE for end in "`(."), name


def test_a_name_of_bridge_testing_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'FakeInstanc'; it has Bench, FakeInstance, load"):
        bridge.testing.FakeInstanc  # noqa: B018  # it is asked for, and that is all


def test_importing_bridge_testing_loads_nothing_else_of_hwbridge() -> None:
    program = "import bridge.testing, sys; print(*sorted({*sys.modules} & {'asyncio', 'msgspec', 'bridge.errors'}))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded.split() == []
