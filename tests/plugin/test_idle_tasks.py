"""A test that fails is told why a task did not run: what its raises wait for, or that there was none."""

from collections.abc import Callable

import pytest

from bridge.testing.bench import Bench
from tests.plugin.benches import bench_with, explained, task


@pytest.mark.parametrize(
    ("more", "reasons"),
    [
        ('conditions = ["InternetAvailable"]', "condition 'InternetAvailable' is not known yet"),
        ('conditions = ["docked"]', "condition 'docked' does not hold"),
        ('conditions = [{ not = "UserPresent" }]', "{ not = 'UserPresent' } does not hold"),
        (
            'conditions = ["docked", "SessionConnected"]',
            "condition 'docked' does not hold; condition 'SessionConnected' is not known yet",
        ),
    ],
)
def test_what_a_latch_waits_for_is_explained(more: str, reasons: str) -> None:
    bench = bench_with(task(more))
    bench.set_condition("docked", False)
    bench.set_condition("UserPresent", True)
    bench.raise_trigger("scan.arrived")
    bench.raise_trigger("scan.arrived")

    assert explained(bench) == [
        "tasks that did not run:",
        f"send: scan.arrived was raised; 2 raises wait: {reasons}",
    ]


def prepare_open_run(bench: Bench) -> None:
    bench.hold("send")
    for _ in range(3):
        bench.raise_trigger("scan.arrived")


def prepare_other_key(bench: Bench) -> None:
    bench.hold("send")
    for key in "ab":
        bench.raise_trigger("scan.arrived", key)


def prepare_failed(bench: Bench) -> None:
    held = bench.hold("send")
    bench.raise_trigger("scan.arrived")
    held.fail()


def prepare_battery(bench: Bench) -> None:
    bench.set_condition("mains of the machine", False)
    bench.advance("15m")


@pytest.mark.parametrize(
    ("registered", "prepare", "shown"),
    [
        (task(), prepare_open_run, "send: 2 raises wait: a run of its key is open"),
        (task(), prepare_other_key, "send: 1 raise waits: max_running = 1, and 1 run open"),
        (
            task("retry = { attempts = 2 }"),
            prepare_failed,
            "send: 1 raise waits: it is run again: until 1.000000",
        ),
        (
            task(triggers='{ maintenance = "15m" }'),
            prepare_battery,
            "send: MaintenanceTrigger was raised, and is due at 1800.000000; 1 raise waits: there is no mains power",
        ),
        (task(), lambda bench: None, "send: scan.arrived was not raised"),
        (
            task(triggers='{ application = true }, { system = "TimeZoneChange" }'),
            lambda bench: None,
            "send: ApplicationTrigger or TimeZoneChange was not raised",
        ),
        (
            task('conditions = ["docked"]\nexpires = "1s"'),
            lambda bench: (bench.raise_trigger("scan.arrived"), bench.advance("1s")),
            "send: scan.arrived was raised; 1 raise dropped: Expired",
        ),
    ],
)
def test_every_other_reason_is_explained(registered: str, prepare: Callable[[Bench], object], shown: str) -> None:
    bench = bench_with(registered)
    prepare(bench)

    assert explained(bench)[-1] == shown
