"""The offset in force and its next change come from the zone file alone."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from made_zones import HOUR, zone_file

from bridge.sources.time_zone import LOOKED_AHEAD, TimeZone, name_in, time_zone

BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
BEFORE, AFTER = 1_700_000_000, 1_700_003_600


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Seconds since 1970."""
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


@pytest.fixture
def foreign_environment() -> Iterator[None]:
    """`TZ` and the C library say another zone than the file."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_the_next_change_is_the_second_at_which_summer_time_begins_by_the_files_rule() -> None:
    winter = time_zone("Europe/Berlin", zone_file(BERLIN), at(2027, 1, 15))

    assert winter == TimeZone(zone="Europe/Berlin", offset=HOUR, until=at(2027, 3, 28, 1))


def test_at_its_first_second_the_other_offset_holds_and_until_summer_time_ends() -> None:
    summer = time_zone("Europe/Berlin", zone_file(BERLIN), at(2027, 3, 28, 1))

    assert summer == TimeZone(zone="Europe/Berlin", offset=2 * HOUR, until=at(2027, 10, 31, 1))


def test_one_second_before_the_former_offset_holds() -> None:
    zone = time_zone("Europe/Berlin", zone_file(BERLIN), at(2027, 3, 28, 1) - 1)

    assert (zone.offset, zone.until) == (HOUR, at(2027, 3, 28, 1))


def test_a_change_that_the_file_lists_comes_before_what_its_rule_says() -> None:
    listed = zone_file("MAD-2", [(AFTER, 2 * HOUR)], before=HOUR)

    assert time_zone("Made", listed, BEFORE) == TimeZone(zone="Made", offset=HOUR, until=AFTER)
    assert time_zone("Made", listed, AFTER).offset == 2 * HOUR


def test_a_change_of_the_names_or_of_summer_time_alone_is_no_change_of_the_offset() -> None:
    listed = zone_file("NEW-1", [(AFTER, HOUR)], before=HOUR)

    assert time_zone("Made", listed, BEFORE).until == BEFORE + LOOKED_AHEAD


def test_a_zone_without_changes_is_looked_at_again_when_nobody_knows_any_more() -> None:
    assert time_zone("Made", zone_file("MAD-5:30"), BEFORE).until == BEFORE + LOOKED_AHEAD


def test_offsets_of_half_and_quarter_hours_and_of_seconds_are_told_as_they_are() -> None:
    assert time_zone("Made", zone_file("MAD-5:45"), BEFORE).offset == 5 * HOUR + 45 * 60
    assert time_zone("Made", zone_file("LMT+0:01:15"), BEFORE).offset == -75


def test_without_a_file_it_is_utc() -> None:
    assert time_zone("UTC", b"", BEFORE).offset == 0


def test_the_environment_does_not_matter(foreign_environment: None) -> None:
    assert time.timezone == -9 * HOUR  # the C library believes it
    assert time_zone("Europe/Berlin", zone_file(BERLIN), at(2027, 1, 15)).offset == HOUR


@pytest.mark.parametrize("content", [b"x", b"TZif", b"\0" * 44, b"TZif9" + b"\xff" * 100, b"Europe/Berlin\n"])
def test_what_is_no_zone_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no zone file"):
        time_zone("Made", content, BEFORE)


@pytest.mark.parametrize("length", range(1, len(zone_file(BERLIN, [(BEFORE, HOUR)]))))
def test_a_zone_file_that_is_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="no zone file"):
        time_zone("Made", zone_file(BERLIN, [(BEFORE, HOUR)])[:length], BEFORE)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/usr/share/zoneinfo/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("/usr/share/zoneinfo/posix/Asia/Tokyo", "posix/Asia/Tokyo"),
        ("/etc/zoneinfo/UTC", "UTC"),
        ("/usr/share/zoneinfo/", None),
        ("/var/lib/timezone/localtime", None),
    ],
)
def test_a_zone_is_named_by_its_place_among_the_zones(path: str, name: str | None) -> None:
    assert name_in(path) == name
