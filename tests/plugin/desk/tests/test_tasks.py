import pytest

SCAN = "{3D2B6C14-7F0A-4E95-8B61-2C9D5E7A1F08}"
TASKS = f"""
    [[task]]
    name = "send"
    triggers = [{{ custom = "{SCAN}" }}, {{ application = true }}]
    conditions = ["InternetAvailable"]
    cancel_on_condition_loss = true
    run = {{ exec = ["send", "{{page}}"] }}
    retry = {{ attempts = 3, backoff = "10s" }}

    [[task]]
    name = "tidy"
    triggers = [{{ time = "15m" }}]
    run = {{ exec = ["tidy"] }}
    """


@pytest.fixture
def scanner(hwbridge):
    hwbridge.replay(tasks=TASKS)
    return hwbridge


def say(hwbridge, name, value):
    hwbridge.emit("system", name=name, value=value)


def test_what_comes_offline_waits_and_is_one_run(scanner):
    for page in "123":
        assert scanner.raise_trigger(SCAN, page=page) == 1
    assert [(each.task, each.merged) for each in scanner.latched] == [("send", 1), ("send", 2), ("send", 3)]
    scanner.restart(reboot=True)
    say(scanner, "InternetAvailable", 1)

    (run,) = scanner.activations
    assert (run.merged, run.details, run.redelivered) == (3, {"page": "3"}, False)


def test_a_run_ends_when_its_condition_does(scanner):
    scanner.set_condition("InternetAvailable", True)
    held = scanner.hold("send")
    scanner.raise_trigger(SCAN, page="1")
    scanner.set_condition("InternetAvailable", False)

    (run,) = held.runs
    assert run.reason == "ConditionLoss"


def test_a_failed_run_is_tried_again_later(scanner):
    scanner.set_condition("InternetAvailable", True)
    held = scanner.hold("send")
    assert scanner.request("send", page="1").name == "Allowed"
    assert scanner.request("send", page="2").name == "CurrentlyRunning"
    held.fail()
    scanner.advance("10s")
    held.again()
    scanner.advance("40s")
    held.complete()

    assert [(run.at, run.attempt, run.state) for run in scanner.activations] == [
        (0, 1, "failed"),
        (10, 2, "again"),
        (30, 2, "succeeded"),
    ]


def test_what_is_done_every_quarter_of_an_hour_goes_on_after_a_restart(scanner):
    scanner.advance("20m")
    scanner.restart()
    scanner.advance("20m")

    assert [(run.at, run.trigger) for run in scanner.activations] == [(900, "TimeTrigger"), (1800, "TimeTrigger")]


def test_a_task_that_always_fails_is_quarantined(scanner):
    scanner.set_condition("InternetAvailable", True)
    held = scanner.hold("send")
    for _ in range(10):
        scanner.raise_trigger(SCAN)
        for _ in range(3):
            held.fail()
            scanner.advance("20s")
    assert scanner.quarantined == ["send"]
    scanner.reset("send")
    assert scanner.quarantined == []


def test_who_is_not_registered_any_more_hears_nothing(scanner):
    scanner.raise_trigger(SCAN, page="1")
    scanner.unregister("send")

    assert [(each.task, each.reason) for each in scanner.dropped] == [("send", "Unregistered")]
    assert scanner.raise_trigger(SCAN, page="2") == 0
