"""What a restart of the bench keeps and what it forgets, as the daemon and its store do."""

import pytest

from tests.plugin.benches import bench_with, explained, task


def test_a_restart_keeps_the_phase_and_what_is_declared_again_too() -> None:
    tasks = task(triggers='{ time = "10s" }')
    bench = bench_with(tasks)
    bench.advance("7s")
    bench.restart()
    bench.replay(tasks=tasks)
    bench.restart(reboot=True)
    bench.advance("4s")

    assert [run.at for run in bench.activations] == [10.0]


def test_a_reboot_ends_a_quarantine() -> None:
    bench = bench_with(task())
    held = bench.hold("send")
    for _ in range(10):
        bench.raise_trigger("scan.arrived")
        held.fail()
    bench.restart(reboot=True)

    assert bench.quarantined == []
    assert bench.raise_trigger("scan.arrived") == 1
    assert len(held.runs) == 1


@pytest.mark.parametrize("kill", [False, True])
@pytest.mark.parametrize("reboot", [False, True])
def test_what_was_running_and_what_waited_comes_again_after_a_restart(kill: bool, reboot: bool) -> None:
    bench = bench_with(task('concurrency = "queue"'))
    held = bench.hold("send")
    bench.raise_trigger("scan.arrived", page="1")
    bench.raise_trigger("scan.arrived", page="2")
    bench.restart(reboot=reboot, kill=kill)
    held.complete()

    assert [(run.details["page"], run.redelivered, run.state, run.reason) for run in bench.activations] == [
        ("1", False, "lost" if kill else "canceled", None if kill else "Terminating"),
        ("1", True, "succeeded", None),
        ("2", False, "running", None),
    ]


@pytest.mark.parametrize("kill", [False, True])
def test_latches_and_batches_survive_whatever_ends_the_daemon(kill: bool) -> None:
    bench = bench_with(task('conditions = ["docked"]\nconcurrency = "batch"'))
    for page in "12":
        bench.raise_trigger("scan.arrived", page=page)
        bench.restart(reboot=page == "2", kill=kill)
    assert bench.activations == []
    bench.set_condition("docked", True)

    (run,) = bench.activations
    assert (run.merged, run.batch, run.redelivered) == (2, ({"page": "1"}, {"page": "2"}), False)


def test_what_expires_with_the_boot_survives_a_restart_and_no_reboot() -> None:
    bench = bench_with(task('conditions = ["docked"]\nexpires = "boot"'))
    bench.raise_trigger("scan.arrived", page="1")
    bench.restart()
    assert bench.dropped == []
    bench.restart(reboot=True)
    assert [(each.reason, each.merged) for each in bench.dropped] == [("Expired", 1)]
    bench.raise_trigger("scan.arrived", page="2")
    bench.restart()
    bench.set_condition("docked", True)

    assert [run.details["page"] for run in bench.activations] == ["2"]


def test_what_is_spent_is_spent_after_a_restart_and_once_a_boot_until_a_reboot() -> None:
    trigger = '{{ custom = "scan.arrived", recurrence = "{}" }}'
    once, one_shot = (task(triggers=trigger.format(word), name=word) for word in ("once", "one-shot"))
    bench = bench_with(once, one_shot)
    for _ in range(2):
        bench.raise_trigger("scan.arrived")
    bench.restart()
    assert bench.raise_trigger("scan.arrived") == 0
    assert explained(bench) == [
        "tasks that ran, and are held up:",
        "once: scan.arrived went off, and does so once a boot",
        "one-shot: scan.arrived went off, and does so once only",
    ]
    bench.restart(reboot=True)
    assert bench.raise_trigger("scan.arrived") == 1

    assert [run.task for run in bench.activations] == ["once", "one-shot", "once"]


def test_a_device_watcher_is_told_of_a_device_once_a_boot() -> None:
    bench = bench_with(task(triggers='{ device_watcher = { subsystem = "tty" } }'))

    def found() -> list[list[str]]:
        bench.emit("udev", origin="start", action="add", subsystem="tty", devpath="/tty/USB0")
        bench.advance("1s")
        return [[each["kind"] for each in run.batch] for run in bench.activations]

    assert found() == [["Add"]]
    bench.restart()
    assert found() == [["Add"]]
    bench.restart(reboot=True)
    assert found() == [["Add"], ["Add"]]
    assert bench.raised[0].batch == bench.activations[0].batch
    bench.emit("udev", action="remove", subsystem="tty", devpath="/tty/USB0")
    bench.advance("1s")
    assert found() == [["Add"], ["Add"], ["Remove"], ["Add"]]


def test_a_task_of_a_caller_stays_over_restarts_and_other_files_until_it_is_unregistered() -> None:
    bench = bench_with(task(name="other"))
    bench.register({"name": "send", "triggers": [{"custom": "scan.arrived"}], "run": {"exec": ["x"]}})
    held = bench.hold("send")
    bench.raise_trigger("scan.arrived")
    bench.replay(tasks="")
    bench.restart(reboot=True)
    assert [(run.task, run.redelivered) for run in held.runs] == [("send", True)]
    bench.unregister("send")
    bench.restart()

    assert bench.raise_trigger("scan.arrived") == 0
