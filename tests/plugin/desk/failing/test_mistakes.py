import pytest

from bridge.testing import FakeInstance


@pytest.fixture
def desk(hwbridge):
    hwbridge.replay(rules="../rules", tasks="../tasks")
    return hwbridge


def test_no_recording(desk):
    desk.replay("../recordings/jak.jsonl")


def test_no_rules(hwbridge):
    hwbridge.replay(rules="../rule", tasks=["../tasks", "../tusks/desk.toml"])


def test_wrong_rules(hwbridge):
    hwbridge.replay(
        rules="""
        [[rule]]
        name = "door"
        sauce = "udev"
        match = { action = "add" }
        raise = "door.opened"
        """
    )


def test_wrong_recording(desk):
    desk.replay("test_mistakes.py")


def test_unknown_task(desk):
    desk.hold("lampe")


def test_no_task(hwbridge):
    hwbridge.hold("lamp")
    hwbridge.replay(tasks="")


def test_unknown_condition(desk):
    desk.set_condition("on-main", True)


def test_no_duration(desk):
    desk.advance(-1)


def test_unknown_field(desk):
    desk.emit("evdev", code="KEY_A", valeu=1)


def test_unknown_code(desk):
    desk.emit("evdev", code="KEY_AA", value=1)


def test_unknown_source(desk):
    desk.emit("evdef", code="KEY_A", value=1)


def test_no_open_run(desk):
    desk.hold("lamp").complete()


def test_no_reason(desk):
    FakeInstance().cancel("Abortion")
