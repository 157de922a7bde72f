from pathlib import Path

import pytest
from handlers import LampTask, index_disk

from bridge import CancellationReason
from bridge.testing import FakeInstance, load


def test_the_lamp_is_on_until_the_run_is_canceled():
    task = LampTask()
    instance = FakeInstance(details={"dev": "HDA Jack"}, trigger="9118718b-ff80-4afe-baf1-d88a4525f3ab", key="jack")

    instance.run(task)
    assert (instance.progress, instance.open_deferrals) == (50, 1)

    instance.cancel(CancellationReason.ExecutionTimeExceeded)
    assert instance.open_deferrals == 0
    assert task.lamp == ["on for HDA Jack", "off: ExecutionTimeExceeded"]


def test_a_class_is_a_handler_too():
    instance = FakeInstance(details={"dev": "HDA Jack"})
    instance.run(LampTask)

    assert instance.open_deferrals == 1


def test_who_connects_late_hears_of_it_too():
    instance = FakeInstance(details={"dev": "HDA Jack"})
    instance.cancel("Abort")
    instance.run(LampTask)

    assert instance.open_deferrals == 0


def test_an_async_function_is_a_handler_too():
    instance = FakeInstance(batch=[{"disk": "sda"}, {"disk": "sdb"}])
    instance.run(index_disk)

    assert (instance.progress, instance.merged, instance.open_deferrals) == (2, 2, 0)


def test_an_error_of_a_handler_is_the_tests():
    with pytest.raises(KeyError, match="dev"):
        FakeInstance().run(LampTask)


def test_a_recording_can_be_looked_at():
    events = load(Path(__file__).parents[1] / "recordings" / "jack.jsonl")

    assert [(each.at, each.origin, each.fields["value"]) for each in events[:2]] == [
        (0, "start", 0),
        (104_000, "live", 1),
    ]
