"""Monitors of others: they come in by their entry points only, and whatever is wrong with one, the daemon goes on."""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from daemon import GUID, Daemon, hwbridge
from made_plugin import WORKING, install

from bridge.errors import DeviceError
from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.playback import Playback
from bridge.service.opened import OpenedMonitor

RULE = f"""
[[rule]]
name = "rung"
source = "bell"
match = {{ door = "front" }}
raise = "{GUID}"
"""
ANY_SYSTEM = f"""
[[rule]]
name = "zone"
source = "system"
match = {{ name = "TimeZoneChange" }}
raise = "{GUID}"
"""
AT_OPEN = 'raise OSError("no bell")'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


@pytest.fixture
def bell(tmp_path: Path, site: Path) -> Iterator[int]:
    """The pipe that the working plugin reads."""
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDWR)
    (tmp_path / "hwbridge.toml").write_text(f'[bell]\npipe = "{tmp_path / "pipe"}"\n')
    yield pipe
    os.close(pipe)


def daemon_with(tmp_path: Path, site: Path) -> Daemon:
    return Daemon(tmp_path, environment={"PYTHONPATH": str(site)})


def refused(daemon: Daemon, monitor: str) -> list[str]:
    return [line for each in daemon.status()["monitors"] if each["source"] == monitor for line in each["refused"]]


def test_a_monitor_of_others_is_found_by_its_entry_point_and_reads_its_table(
    tmp_path: Path, site: Path, bell: int
) -> None:
    install(site, "ding", WORKING, {"bell": "ding:LIVE"})
    daemon = daemon_with(tmp_path, site)
    daemon.rules(RULE)
    daemon.task("porter", "say $HWBRIDGE_KEY $HWBRIDGE_DETAIL_RUNG")

    with daemon:
        os.write(bell, b"back\nfront\n")
        daemon.wait_for_words("front 2")

        assert f"bell: {tmp_path / 'pipe'}\n" in hwbridge("status", "--socket", daemon.socket).out


def test_a_source_of_others_is_known_to_check_replay_explain_and_the_pytest_plugin(tmp_path: Path, site: Path) -> None:
    install(site, "ding", WORKING, {"bell": "ding:LIVE"})
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/bell.toml").write_text(RULE)
    recording = '{"hwbridge-recording": 1}\n{"at": 1, "source": "bell", "door": "front", "rung": 1}\n'
    (tmp_path / "r.jsonl").write_text(recording)
    test = (
        "def test_it(hwbridge):\n    hwbridge.replay(rules='rules')\n    hwbridge.emit('bell', door='front', rung=1)\n"
    )
    (tmp_path / "test_bell.py").write_text(f"{test}    assert len(hwbridge.raised) == 1\n")
    environment = {"PYTHONPATH": str(site)}
    rules = ("--rules", tmp_path / "rules")

    checked = hwbridge("check", tmp_path / "rules", *rules, environment=environment)
    replayed = hwbridge("replay", tmp_path / "r.jsonl", *rules, environment=environment)
    explained = hwbridge("explain", tmp_path / "r.jsonl", *rules, environment=environment)
    unknown = hwbridge("check", tmp_path / "rules", *rules)

    assert (checked.out, checked.err) == ("1 rule, 0 tasks: no errors\n", "")
    assert (replayed.out, replayed.err) == (f"1.000000 raised {GUID} rung\n", "")
    assert (explained.code, explained.err) == (0, "")
    assert "source: expected one of udev, evdev, serial, network, device, system, found" in unknown.err


def test_what_a_part_that_is_not_there_would_tell_is_said_to_be_untold(tmp_path: Path, site: Path) -> None:
    module = (
        "from bridge.sources.system import SYSTEM\nfrom bridge.monitors.plugin import *\n"
        "def open_monitor(*, clock, settings):\n    raise DeviceError('no dial')\n"
        "LIVE = LiveSource(source=SYSTEM, open=open_monitor, tells=frozenset({'TimeZoneChange'}))\n"
    )
    install(site, "dial", module, {"system.clock": "dial:LIVE"})
    daemon = daemon_with(tmp_path, site)
    daemon.rules(ANY_SYSTEM)
    daemon.task("zone", "true")
    with daemon:
        done = hwbridge("explain", "zone", "--socket", daemon.socket)

    assert 'the monitor system.clock is not open: no dial: rule "zone" hears of nothing' in done.out


BROKEN = {
    "it cannot be imported": ("import nothing_of_the_kind", "cannot be loaded: ModuleNotFoundError: "),
    "its module raises": ("1 / 0", "cannot be loaded: ZeroDivisionError: division by zero"),
    "it names something else": ("LIVE = 5", "is no LiveSource, but int"),
    "it names nothing": ("", "cannot be loaded: AttributeError: "),
    "it tells of another source": (WORKING, "tells of bell, but its entry point is system.weather"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_plugin_that_cannot_be_loaded_is_named_and_the_others_go_on(how: str, tmp_path: Path, site: Path) -> None:
    module, said = BROKEN[how]
    install(site, "weather", module, {"system.weather": "weather:LIVE"})
    daemon = daemon_with(tmp_path, site)
    daemon.rules(ANY_SYSTEM)

    with daemon:
        (why,) = refused(daemon, "system.weather")
        status = hwbridge("status", "--socket", daemon.socket).out

        assert said in why
        assert "weather:LIVE of weather" in why
        assert f"hwbridge: system.weather: {why}\n" in daemon.log()
        assert f"system.weather: nothing\n  {why}\n" in status
        assert {"udev", "system.clock"} <= {each["source"] for each in daemon.status()["monitors"]}


@pytest.mark.parametrize("how", BROKEN)
def test_a_rule_on_the_source_of_a_broken_plugin_is_refused_with_the_reason(
    how: str, tmp_path: Path, site: Path
) -> None:
    if how == "it tells of another source":
        module, said = WORKING.replace('name="bell"', 'name="ball"'), "tells of ball, but its entry point is bell"
    else:
        module, said = BROKEN[how]
    install(site, "ding", module, {"bell": "ding:LIVE"})
    (tmp_path / "rules.toml").write_text(RULE)

    done = hwbridge("check", tmp_path / "rules.toml", environment={"PYTHONPATH": str(site)})

    assert done.code == 1
    assert f'rules.toml:4: [rule "rung"] source: source bell cannot be used: bell: ding:LIVE of ding {said}' in done.err


MISTAKES = {
    "open raises": ("self.rung = 0", AT_OPEN, "OSError: no bell (a mistake in its code, ding.py:"),
    "open gives no monitor": ("def resync", "def resynch", "what it opens is no monitor: Bell has no resync"),
    "its descriptor is none": ("return self.pipe", "return 'pipe'", "its descriptor is 'pipe', not an integer"),
    "its descriptor cannot be waited for": (
        "return self.pipe",
        "return os.open(__file__, os.O_RDONLY)",
        "cannot be waited for: Operation not permitted",
    ),
    "watch raises": ("return self.snapshot()", AT_OPEN, "OSError: no bell (a mistake in its code, ding.py:"),
    "watch tells nonsense": ("return self.snapshot()", "return [5]", "it told 5, which is no event of a source"),
    "watch tells no list": ("return self.snapshot()", "return None", "TypeError: "),
    "watch tells of a field that it does not have": (
        "return self.snapshot()",
        'return [Event("bell", 0, {"door": "front", "tone": 1})]',
        "it told an event of bell that cannot be: 'tone' is no field of bell",
    ),
    "watch tells of the future": (
        "return self.snapshot()",
        'return [Event("bell", self.clock() + 3600_000_000, {"door": "front", "rung": 1})]',
        "at is an integer of microseconds by the clock that it was given, which is at ",
    ),
    "watch tells of a time that is no integer": (
        "return self.snapshot()",
        'return [Event("bell", self.clock() / 1.0, {"door": "front", "rung": 1})]',
        "at is an integer of microseconds by the clock that it was given, which is at ",
    ),
    "watch ends the process": ("return self.snapshot()", "raise SystemExit(3)", "SystemExit: 3 (a mistake in its code"),
    "watch tells what has no subject": (
        "return self.snapshot()",
        'return [Event("bell", 0, {"rung": 1})]',
        "KeyError: 'door'",
    ),
}


@pytest.mark.parametrize("how", MISTAKES)
def test_a_plugin_that_cannot_watch_is_named_and_the_daemon_goes_on(
    how: str, tmp_path: Path, site: Path, bell: int
) -> None:
    before, after, said = MISTAKES[how]
    assert before in WORKING
    install(site, "ding", WORKING.replace(before, after, 1), {"bell": "ding:LIVE"})
    daemon = daemon_with(tmp_path, site)
    daemon.rules(RULE)
    daemon.task("porter", "say open")

    with daemon:
        (why,) = refused(daemon, "bell")
        daemon.raise_trigger()
        daemon.wait_for_words("open")

        assert said in why
        assert f"hwbridge: bell: {why}\n" in daemon.log()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("lines = os.read(", "lines = (os.read(self.pipe, 9) and open('/nowhere')) or os.read(", "FileNotFoundError: "),
        (
            "self.rung += 1",
            "self.rung = 'often'",
            "it told an event of bell that cannot be: rung is 'often', not an integer",
        ),
        ("self.rung += 1", "raise SystemExit(3)", "SystemExit: 3 (a mistake in its code, ding.py:"),
        (
            '(str(fields["door"]), "")',
            '[str(fields["door"])]',
            "the subject of an event of bell is ['front'], not two texts",
        ),
    ],
    ids=["it raises", "it tells what cannot be", "it ends the process", "its subjects are no pairs"],
)
def test_a_plugin_that_fails_later_is_closed_and_named_and_opened_again_by_a_reload(
    before: str, after: str, said: str, tmp_path: Path, site: Path, bell: int
) -> None:
    install(site, "ding", WORKING.replace(before, after, 1), {"bell": "ding:LIVE"})
    daemon = daemon_with(tmp_path, site)
    daemon.rules(RULE)

    with daemon:
        os.write(bell, b"front\n")
        daemon.wait_for_log("bell: ")
        daemon.wait_until(lambda: refused(daemon, "bell") != [], "its failure is told")
        assert said in refused(daemon, "bell")[0]
        assert "it is not listened to any more" in daemon.log()

        daemon.reload()
        assert refused(daemon, "bell") == []


DEADLINE = """
    def deadline(self):
        return "soon" if self.rung else None

    def close(self):
"""


def test_a_plugin_whose_deadline_is_no_time_is_closed_and_named(tmp_path: Path, site: Path, bell: int) -> None:
    install(site, "ding", WORKING.replace("\n    def close(self):\n", DEADLINE), {"bell": "ding:LIVE"})
    daemon = daemon_with(tmp_path, site)
    daemon.rules(RULE)

    with daemon:
        os.write(bell, b"front\n")
        daemon.wait_until(lambda: refused(daemon, "bell") != [], "its failure is told")

        assert "its deadline is 'soon', not an integer of microseconds, or None" in refused(daemon, "bell")[0]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("None", "its report is no MonitorReport, but NoneType"),
        ("MonitorReport(devices=(5,))", "its report cannot be: MonitorReport(devices=(5,)"),
        ("MonitorReport(devices=None)", "its report cannot be: MonitorReport(devices=None"),
        ("MonitorReport(refused=7)", "its report cannot be: MonitorReport(devices=(), refused=7"),
    ],
)
def test_a_plugin_whose_report_is_none_is_named_where_it_would_be_shown(
    report: str, said: str, tmp_path: Path, site: Path, bell: int
) -> None:
    module = WORKING.replace("return MonitorReport(devices=(self.place,))", f"return {report}")
    install(site, "ding", module, {"bell": "ding:LIVE"})
    daemon = daemon_with(tmp_path, site)
    daemon.rules(RULE)

    with daemon:
        (why,) = refused(daemon, "bell")

        assert said in why


def door(value: object, origin: object = Origin.LIVE) -> Event:
    return Event("network", 0, {"interface": "eth0", "kind": "link", "value": 1, "address": value}, origin)  # type: ignore[arg-type]  # as plugins may


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (door(None), "address is None, neither a text nor an integer"),
        (door(1.5), "address is 1.5, neither a text nor an integer"),
        (door(["a"]), "address is ['a'], neither a text nor an integer"),
        (door(True), "address is True, neither a text nor an integer"),
        (door("a\0"), "address holds NUL"),
        (door("\udcff"), "address holds half a surrogate pair"),
        (door("a", "live"), "with the origin 'live', which is no Origin"),
        (DeviceGone("network", 0, ["eth0"]), "that a device of network is gone, ['eth0'], which is no text"),  # type: ignore[arg-type]  # likewise
    ],
)
def test_what_no_recording_could_have_is_refused_of_a_plugin(event: Event | DeviceGone, said: str) -> None:
    told = Playback("r.jsonl", [event], lambda: 0)
    monitor = OpenedMonitor(told, told.fileno(), clock=lambda: 0, is_foreign=True)

    with closing(monitor), pytest.raises(DeviceError, match=re.escape(said)):
        monitor.watch(Interest("network", ()))


def test_a_plugin_has_no_part_in_a_table_of_ours_whose_name_ends_alike(tmp_path: Path, site: Path) -> None:
    install(site, "acme", WORKING.replace('name="bell"', 'name="acme"'), {"acme.power": "acme:LIVE"})
    daemon = daemon_with(tmp_path, site)
    daemon.settings("[power]\nlow = 30\n")
    daemon.rules(RULE.replace('"bell"', '"acme"'))

    with daemon:
        (why,) = refused(daemon, "acme.power")

    assert why == "[power] of hwbridge.toml is the table of system.power: its own name must end otherwise"


def test_what_is_told_late_starts_a_run_that_has_all_of_its_time(tmp_path: Path, site: Path, bell: int) -> None:
    module = WORKING.replace('Event("bell", self.clock()', 'Event("bell", max(0, self.clock() - 30_000_000)')
    install(site, "ding", module, {"bell": "ding:LIVE"})
    daemon = daemon_with(tmp_path, site)
    daemon.rules(RULE)
    daemon.task("porter", "read line < go; say opened", run_limit="29s")

    with daemon:
        os.write(bell, b"front\n")
        daemon.wait_for_log("activated porter")
        daemon.release()
        daemon.wait_until_idle()

        assert daemon.said() == ["opened"]
        assert "ExecutionTimeExceeded" not in daemon.log()


def test_of_two_plugins_of_one_name_the_first_is_used_and_the_other_named(
    tmp_path: Path, site: Path, bell: int
) -> None:
    install(site, "ding", WORKING, {"bell": "ding:LIVE"})
    install(tmp_path / "second", "dong", "1 / 0", {"bell": "dong:LIVE"})
    daemon = daemon_with(tmp_path, Path(f"{site}:{tmp_path / 'second'}"))
    daemon.rules(RULE)

    with daemon:
        assert refused(daemon, "bell") == []
        assert "bell: dong:LIVE of dong is installed under this name too, and not used\n" in daemon.log()


def test_settings_of_a_plugin_that_are_wrong_are_refused_with_their_line(tmp_path: Path, site: Path) -> None:
    install(site, "ding", WORKING, {"bell": "ding:LIVE"})
    (tmp_path / "hwbridge.toml").write_text("[bell]\npipe = 5\n")

    done = hwbridge(
        *("run", "--config", tmp_path / "hwbridge.toml", "--rules", tmp_path / "none", "--tasks", tmp_path / "none"),
        environment={"PYTHONPATH": str(site)},
    )

    assert (done.code, done.err) == (
        78,
        f"{tmp_path / 'hwbridge.toml'}:2: [bell] pipe: expected a string, found integer 5\n",
    )


def test_the_source_of_a_plugin_can_be_recorded(tmp_path: Path, site: Path, bell: int) -> None:
    install(site, "ding", WORKING, {"bell": "ding:LIVE"})
    os.write(bell, b"front\n")

    done = hwbridge(
        *("record", "--config", tmp_path / "hwbridge.toml", "--source", "bell", "--count", "1"),
        environment={"PYTHONPATH": str(site)},
    )

    assert (done.code, done.err) == (0, "")
    assert '"source": "bell", "origin": "live", "door": "front", "rung": 1}' in done.out
