"""The zone in force, whatever is done to /etc/localtime and /etc/timezone: the real ones, in a mount namespace."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from clock_heard import Heard
from made_zones import HOUR, make_zones, zone_file
from namespace import in_namespace

from bridge.model.events import Origin
from bridge.monitors.clock import LIVE, ClockMonitor
from bridge.service.clock import monotonic

LOCALTIME, TIMEZONE, ZONES = Path("/etc/localtime"), Path("/etc/timezone"), Path("/usr/share/zoneinfo")
EAST, WEST = ("Made/East", 5 * HOUR + HOUR // 2), ("Made/West", -3 * HOUR)
TO_EAST = (Origin.LIVE, "TimeZoneChange", *EAST)
TO_WEST = (Origin.LIVE, "TimeZoneChange", *WEST)
TO_UTC = (Origin.LIVE, "TimeZoneChange", "UTC", 0)


def in_the_west() -> Heard:
    """A machine whose zone is Made/West, by a link; what is /etc and where zones are is empty otherwise."""
    for folder in ("/etc", "/usr/share/zoneinfo"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    make_zones(ZONES)
    LOCALTIME.symlink_to("../usr/share/zoneinfo/Made/West")
    return watched()


def watched(*names: str) -> Heard:
    monitor = LIVE.open(clock=monotonic, settings={})
    assert isinstance(monitor, ClockMonitor)
    return Heard(monitor, *names)


def command(line: str) -> None:
    """Runs programs, one behind the other."""
    for program in line.split("; "):
        subprocess.run(program.split(), check=True)


@in_namespace
def test_the_zone_that_is_found_is_told_as_start() -> None:
    heard = in_the_west()

    assert heard.start == [(Origin.START, "TimeZoneChange", *WEST)]
    assert heard.monitor.report().devices == ("zone Made/West, UTC-03:00",)


@in_namespace
def test_a_link_that_is_made_anew_is_one_change() -> None:
    heard = in_the_west()

    command("rm /etc/localtime; ln -s /usr/share/zoneinfo/Made/East /etc/localtime")
    assert heard.wait() == [TO_EAST]
    command("ln -sf /usr/share/zoneinfo/Made/West /etc/localtime")
    assert heard.wait() == [TO_WEST]


@in_namespace
def test_a_link_that_is_renamed_over_it_is_one_change() -> None:
    heard = in_the_west()

    command("ln -s /usr/share/zoneinfo/Made/East /etc/new; mv -T /etc/new /etc/localtime")

    assert heard.wait() == [TO_EAST]


@in_namespace
def test_a_zone_file_that_is_copied_is_known_by_what_it_holds() -> None:
    heard = in_the_west()

    command("rm /etc/localtime; cp /usr/share/zoneinfo/Made/East /etc/localtime")
    assert heard.wait() == [TO_EAST]
    command("cp /usr/share/zoneinfo/Made/West /etc/localtime")
    assert heard.wait() == [TO_WEST]


@in_namespace
def test_a_file_that_was_copied_is_not_believed_to_be_what_an_old_timezone_file_says() -> None:
    heard = in_the_west()
    TIMEZONE.write_text("Made/West\n")

    command("rm /etc/localtime; cp /usr/share/zoneinfo/Made/East /etc/localtime")

    assert heard.wait() == [TO_EAST]


@in_namespace
def test_of_two_names_of_one_zone_the_timezone_file_chooses() -> None:
    heard = in_the_west()
    command("ln -s East /usr/share/zoneinfo/Made/Eastern")

    TIMEZONE.write_text("Made/Eastern\n")
    command("cp --remove-destination /usr/share/zoneinfo/Made/East /etc/localtime")
    assert heard.wait() == [(Origin.LIVE, "TimeZoneChange", "Made/Eastern", EAST[1])]
    TIMEZONE.write_text("Made/East\n")
    assert heard.wait() == [TO_EAST]


@in_namespace
def test_where_no_zones_are_installed_the_timezone_file_says_the_name() -> None:
    heard = in_the_west()
    other = zone_file("MAD-2", before=2 * HOUR)
    shutil.rmtree(ZONES / "Made")

    TIMEZONE.write_text("Europe/Helsinki\n")
    LOCALTIME.unlink()
    LOCALTIME.write_bytes(other)
    assert heard.wait()[-1] == (Origin.LIVE, "TimeZoneChange", "Europe/Helsinki", 2 * HOUR)
    TIMEZONE.unlink()
    assert heard.wait() == [(Origin.LIVE, "TimeZoneChange", "localtime", 2 * HOUR)]


@in_namespace
def test_without_a_zone_file_it_is_utc() -> None:
    heard = in_the_west()

    LOCALTIME.unlink()
    assert heard.wait() == [TO_UTC]
    LOCALTIME.symlink_to(ZONES / "Made" / "East")
    assert heard.wait() == [TO_EAST]


@in_namespace
def test_a_link_to_a_zone_that_is_not_installed_is_utc_by_its_name_and_status_says_so() -> None:
    heard = in_the_west()

    command("ln -sf /usr/share/zoneinfo/Made/Nowhere /etc/localtime")

    assert heard.wait() == [(Origin.LIVE, "TimeZoneChange", "Made/Nowhere", 0)]
    leads = "/etc/localtime leads to /usr/share/zoneinfo/Made/Nowhere, which is not there: UTC holds"
    assert heard.monitor.report().refused == (leads,)


@in_namespace
def test_a_file_that_is_no_zone_file_is_utc_and_status_says_so() -> None:
    heard = in_the_west()

    LOCALTIME.unlink()
    LOCALTIME.write_text("Europe/Berlin\n")

    assert heard.wait() == [(Origin.LIVE, "TimeZoneChange", "localtime", 0)]
    (refused,) = heard.monitor.report().refused
    assert refused.startswith("/etc/localtime: no zone file: ")


@in_namespace
def test_what_leaves_zone_and_offset_as_they_are_is_no_change() -> None:
    heard = in_the_west()

    command("ln -sf /usr/share/zoneinfo/Made/West /etc/localtime")
    command("touch -h /etc/localtime")
    TIMEZONE.write_text("Made/East\n")
    Path("/etc/passwd").write_text("1\n")
    command("rm /etc/localtime; cp /usr/share/zoneinfo/Made/West /etc/localtime")

    assert heard.all() == []


@in_namespace
def test_new_rules_for_the_zone_in_force_are_a_change_if_the_offset_is_another_one_now() -> None:
    heard = in_the_west()
    west = ZONES / "Made" / "West"

    for offset in (-3 * HOUR, -2 * HOUR):
        west.with_name("West.new").write_bytes(zone_file(f"MAD+{-offset // HOUR}", before=offset))
        west.with_name("West.new").rename(west)

    assert heard.wait() == [(Origin.LIVE, "TimeZoneChange", "Made/West", -2 * HOUR)]


@in_namespace
def test_a_link_to_a_link_outside_of_the_zones_is_followed() -> None:
    heard = in_the_west()

    command("mkdir /etc/writable; ln -s /usr/share/zoneinfo/Made/East /etc/writable/localtime")
    command("ln -sf writable/localtime /etc/localtime")
    assert heard.wait() == [TO_EAST]
    command("ln -sf /usr/share/zoneinfo/Made/West /etc/writable/localtime")
    assert heard.wait() == [TO_WEST]


@in_namespace
def test_a_change_that_inotify_could_not_tell_is_found_by_a_look_at_everything() -> None:
    heard = in_the_west()

    command("mkdir /run/other; ln -s /usr/share/zoneinfo/Made/East /run/other/localtime; mount --bind /run/other /etc")
    assert heard.all() == []

    (event,) = heard.monitor.resync()
    assert (event.origin, event.fields["zone"]) == (Origin.RESYNC, "Made/East")


@in_namespace
def test_the_environment_does_not_change_the_zone() -> None:
    os.environ["TZ"] = "MAD-9"
    time.tzset()
    heard = in_the_west()

    assert heard.start == [(Origin.START, "TimeZoneChange", *WEST)]
    os.environ["TZ"] = "MAD-10"
    time.tzset()
    assert heard.all() == []


@in_namespace
def test_the_second_at_which_the_offset_changes_is_told_when_it_comes_though_nobody_touches_a_file() -> None:
    in_the_west().monitor.close()
    heard, soon = watched_shortly_before_summer()
    while heard.start == [(Origin.START, "TimeZoneChange", "Made/Summer", 2 * HOUR)]:  # summer was faster
        heard.monitor.close()
        heard, soon = watched_shortly_before_summer()

    assert heard.start == [(Origin.START, "TimeZoneChange", "Made/Summer", HOUR)]
    assert heard.wait() == [(Origin.LIVE, "TimeZoneChange", "Made/Summer", 2 * HOUR)]
    assert time.clock_gettime(time.CLOCK_REALTIME) >= soon


def watched_shortly_before_summer() -> tuple[Heard, int]:
    """A machine whose offset changes in two seconds at most, and the second in which it does."""
    soon = int(time.clock_gettime(time.CLOCK_REALTIME)) + 2
    content = zone_file("MAD-2", [(soon, 2 * HOUR)], before=HOUR)
    LOCALTIME.unlink()
    LOCALTIME.write_bytes(content)
    TIMEZONE.write_text("Made/Summer")
    (ZONES / "Made" / "Summer").write_bytes(content)
    return watched(), soon


@in_namespace
def test_who_asks_for_steps_alone_has_no_file_watched() -> None:
    in_the_west().monitor.close()
    before = len(os.listdir("/proc/self/fd"))
    heard = watched("ClockStep", "Resume")
    assert len(os.listdir("/proc/self/fd")) == before + 2  # the timer, and the epoll

    command("ln -sf /usr/share/zoneinfo/Made/East /etc/localtime")

    assert heard.start == heard.all() == []
    assert heard.monitor.snapshot() == []
