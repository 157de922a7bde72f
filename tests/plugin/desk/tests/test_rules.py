from pathlib import Path

import pytest

from bridge.errors import BridgeError

JACK = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
PROJECT = Path(__file__).parents[1]


def plug(hwbridge, value, **more):
    hwbridge.emit("evdev", code="SW_HEADPHONE_INSERT", value=value, name="HDA Jack", **more)


def plug_disk(hwbridge, name, size="500"):
    hwbridge.emit(
        "udev", action="add", subsystem="block", devpath=f"/devices/{name}", DEVTYPE="disk", **{"attr.size": size}
    )


@pytest.fixture
def desk(hwbridge):
    hwbridge.replay(rules="../rules", tasks="../tasks")
    return hwbridge


def test_a_recording_raises_and_activates(hwbridge):
    hwbridge.replay("../recordings/jack.jsonl", rules="../rules", tasks=PROJECT / "tasks")

    first, second = hwbridge.raised
    assert (first.at, first.trigger, first.rule, first.key) == (0.104, JACK, "headphones-in", "/dev/input/event5")
    assert (first.details, first.origin) == ({"jack": "headphone", "dev": "HDA Jack"}, "live")
    assert second.at == hwbridge.now == 4
    run = hwbridge.activations[0]
    assert (run.at, run.task, run.trigger, run.key) == (0.104, "lamp", JACK, "/dev/input/event5")
    assert (run.details, run.merged, run.batch) == (first.details, 1, ())
    assert (run.state, run.reason, run.progress) == ("succeeded", None, 0)
    hwbridge.expect("jack.expected")


def test_recordings_are_merged_and_filters_run_out(hwbridge):
    hwbridge.replay("../recordings/jack.jsonl", "../recordings/mains.jsonl", rules="../rules")

    assert [(each.rule, each.at) for each in hwbridge.raised] == [
        ("headphones-in", 0.104),
        ("headphones-in", 4.0),
        ("power-held", 5.0),
    ]


def test_until_is_the_end_of_time(hwbridge):
    hwbridge.replay("../recordings/mains.jsonl", rules="../rules", until="4.999999s")
    assert (hwbridge.raised, hwbridge.now) == ([], 4.999999)

    hwbridge.advance("1us")
    assert [each.rule for each in hwbridge.raised] == ["power-held"]


def test_events_behind_until_do_not_happen(hwbridge):
    hwbridge.replay("../recordings/jack.jsonl", rules="../rules", until="3s")

    assert (len(hwbridge.raised), hwbridge.now) == (1, 3)


def test_a_second_recording_plays_from_now_on(desk):
    desk.replay("../recordings/jack.jsonl", until="10s")
    desk.replay("../recordings/jack.jsonl")

    assert [each.at for each in desk.raised] == [0.104, 4.0, 10.104, 14.0]


def test_evemu_is_read_too(desk):
    desk.set_condition("on-mains", True)
    desk.replay("../recordings/power.evemu")

    assert [(each.rule, each.at) for each in desk.raised] == [("power-held", 3.0)]


def test_rules_are_folders_files_text_and_lists_of_them(hwbridge):
    more = """
        [[rule]]
        name = "any-key"
        source = "evdev"
        match = { type = "EV_KEY" }
        raise = "power.held"
        """
    for rules in (more.replace("power.held", JACK), [Path("../rules/desk.toml"), more], ["../rules", more]):
        hwbridge.raised.clear()
        hwbridge.replay(rules=rules)
        hwbridge.emit("evdev", code="KEY_A", value=1)

        assert [each.rule for each in hwbridge.raised] == ["any-key"]


def test_what_is_not_given_anew_stays(desk):
    plug(desk, 1)
    desk.replay(tasks="[[task]]\nname = 'other'\ntriggers = [{ custom = 'jack.connected' }]\nrun = { exec = ['x'] }")
    plug(desk, 1)
    plug(desk, 0)
    plug(desk, 1)
    desk.replay(tasks="")
    plug(desk, 0)
    plug(desk, 1)

    assert len(desk.raised) == 3
    assert [each.task for each in desk.activations] == ["lamp", "other"]


def test_a_condition_is_unknown_until_it_is_set(desk):
    for value in (None, False, True):
        desk.set_condition("on-mains", value)
        desk.emit("evdev", code="KEY_POWER", value=1)
        desk.advance("3s")
        desk.emit("evdev", code="KEY_POWER", value=0)

    assert [each.at for each in desk.raised] == [9.0]


def test_a_disk_without_a_medium_raises_nothing(desk):
    plug_disk(desk, "sda")
    plug_disk(desk, "sdb", size="0")

    assert [each.key for each in desk.raised] == ["/devices/sda"]


def test_what_is_found_at_the_start_raises_once_a_boot(desk):
    def found():
        plug(desk, 1, origin="start", device="/dev/input/event5")
        return [each.origin for each in desk.raised]

    assert found() == ["start"]
    desk.restart()
    assert found() == ["start"]
    desk.restart(reboot=True)
    assert found() == ["start", "start"]


def test_a_restart_forgets_levels_timers_and_conditions_and_no_time(desk):
    desk.set_condition("on-mains", True)
    desk.advance("1s")
    desk.emit("evdev", code="KEY_POWER", value=1)
    plug(desk, 1)
    desk.restart()
    desk.advance("9s")
    plug(desk, 1)
    desk.emit("evdev", code="KEY_POWER", value=1)
    desk.advance("9s")

    assert [(each.at, each.rule) for each in desk.raised] == [(1.0, "headphones-in"), (10.0, "headphones-in")]


def test_a_device_that_goes_takes_its_levels_with_it(desk):
    plug(desk, 1, device="/dev/input/event5")
    desk.emit("evdev", gone="/dev/input/event5")
    plug(desk, 1, device="/dev/input/event5")

    assert len(desk.raised) == 2


def test_what_is_written_is_compared_later(hwbridge):
    hwbridge.replay("../recordings/mains.jsonl", rules="../rules", tasks="../tasks")

    hwbridge.expect("mains.expected")


def test_a_mistake_is_an_error_of_hwbridge(desk):
    with pytest.raises(BridgeError, match="did you mean lamp"):
        desk.hold("lampe")
