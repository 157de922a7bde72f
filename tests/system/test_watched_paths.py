"""Paths are watched whatever is done to what stands there, and whatever leads to it. In a folder of the test's own."""

import os
import resource
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.errors import DeviceError
from bridge.monitors.watched_paths import WatchedPaths

DEADLINE_MILLISECONDS = 60_000


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """A link, as /etc/localtime is one, to one of two files in another directory."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "Berlin").write_text("berlin")
    (tmp_path / "share" / "Tokyo").write_text("tokyo")
    link = tmp_path / "etc" / "localtime"
    link.symlink_to(tmp_path / "share" / "Berlin")
    return link


@pytest.fixture
def watched(zone: Path) -> Iterator[WatchedPaths]:
    watched = WatchedPaths([zone])
    yield watched
    watched.close()


def seen(watched: WatchedPaths) -> set[Path]:
    """What is told before the deadline; the set is empty only where nothing came at all."""
    poll = select.poll()
    poll.register(watched.fileno(), select.POLLIN)
    while poll.poll(DEADLINE_MILLISECONDS):
        if changes := watched.read().paths:
            return set(changes)
    return set()


def is_quiet(watched: WatchedPaths) -> bool:
    """Whether nothing has come; inotify queues what is done before the call that does it returns."""
    return watched.read().paths == frozenset()


def test_a_link_that_is_turned_is_seen(zone: Path, watched: WatchedPaths) -> None:
    zone.unlink()
    assert seen(watched) == {zone}

    zone.symlink_to(zone.parent.parent / "share" / "Tokyo")
    assert seen(watched) == {zone}


def test_a_file_that_is_renamed_over_it_is_seen(zone: Path, watched: WatchedPaths) -> None:
    new = zone.with_name("new")
    new.write_text("x")
    assert is_quiet(watched)

    new.rename(zone)
    assert seen(watched) == {zone}


def test_a_file_that_is_written_through_the_link_is_seen(zone: Path, watched: WatchedPaths) -> None:
    zone.write_text("copied over")

    assert seen(watched) == {zone}


def test_a_new_version_of_the_file_that_the_link_leads_to_is_seen(zone: Path, watched: WatchedPaths) -> None:
    new = zone.parent.parent / "share" / "Berlin.new"
    new.write_text("other rules")
    new.rename(new.with_name("Berlin"))

    assert seen(watched) == {zone}


def test_after_the_link_was_turned_its_new_target_counts_and_the_old_one_does_not(
    zone: Path, watched: WatchedPaths
) -> None:
    share = zone.parent.parent / "share"
    elsewhere = zone.parent.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "Lima").write_text("lima")
    zone.unlink()
    zone.symlink_to(elsewhere / "Lima")
    assert seen(watched) == {zone}
    assert is_quiet(watched)

    (share / "Berlin").write_text("nobody asks any more")
    assert is_quiet(watched)
    (elsewhere / "Lima").write_text("other rules")
    assert seen(watched) == {zone}


def test_a_link_on_the_way_that_is_turned_is_seen(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "settings").write_text(version)
    (tmp_path / "current").symlink_to("1")
    watched = WatchedPaths([tmp_path / "current" / "settings"])

    (tmp_path / "next").symlink_to("2")
    (tmp_path / "next").rename(tmp_path / "current")

    assert seen(watched) == {tmp_path / "current" / "settings"}
    (tmp_path / "1" / "settings").write_text("old")
    assert is_quiet(watched)
    (tmp_path / "2" / "settings").write_text("new")
    assert seen(watched) == {tmp_path / "current" / "settings"}
    watched.close()


def test_a_path_whose_directories_are_not_there_yet_is_seen_when_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "run" / "resolve" / "resolv.conf"
    watched = WatchedPaths([path])

    path.parent.mkdir(parents=True)
    path.write_text("nameserver 127.0.0.53")
    assert seen(watched) == {path}
    watched.read()

    path.write_text("nameserver 127.0.0.54")
    assert seen(watched) == {path}
    watched.close()


def test_directories_that_are_taken_away_and_made_again_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    path.parent.mkdir(parents=True)
    watched = WatchedPaths([path])

    (tmp_path / "a").rename(tmp_path / "old")
    assert seen(watched) == {path}
    path.parent.mkdir(parents=True)
    assert seen(watched) == {path}
    watched.read()

    path.write_text("x")
    assert seen(watched) == {path}
    (tmp_path / "old" / "b" / "file").write_text("no more")
    watched.read()
    assert is_quiet(watched)
    watched.close()


def test_what_is_done_to_others_in_the_directory_is_not_told(zone: Path, watched: WatchedPaths) -> None:
    zone.with_name("passwd").write_text("others")
    zone.with_name("passwd").unlink()

    assert is_quiet(watched)


def test_of_two_paths_only_that_is_told_of_which_something_was_done(zone: Path) -> None:
    other = zone.with_name("timezone")
    watched = WatchedPaths([zone, other])

    other.write_text("Europe/Berlin")

    assert seen(watched) == {other}
    watched.close()


def test_a_queue_that_was_too_short_is_a_loss_and_every_path_is_to_be_looked_at(zone: Path) -> None:
    other = zone.with_name("timezone")
    watched = WatchedPaths([zone, other])
    longest = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(longest // 2 + 1):  # two names in turn: the kernel drops an event that repeats the last one
        os.close(os.open(zone.with_name(f"noise{number % 2}"), os.O_WRONLY | os.O_CREAT))
        os.unlink(zone.with_name(f"noise{number % 2}"))

    changes = watched.read()

    assert changes.lost
    assert changes.paths == {zone, other}
    zone.unlink()
    assert seen(watched) == {zone}
    watched.close()


def test_links_that_lead_in_a_circle_are_no_trap(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    watched = WatchedPaths([tmp_path / "one"])

    (tmp_path / "two").unlink()

    assert seen(watched) == {tmp_path / "one"}
    watched.close()


def test_nothing_is_left_open_after_it(zone: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    WatchedPaths([zone]).close()

    assert set(os.listdir("/proc/self/fd")) == before


def test_where_no_instance_is_to_be_had_the_error_says_what_to_raise(zone: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))  # the same errno as where inotify's own limit is reached
    try:
        with pytest.raises(DeviceError, match=r"fs\.inotify\.max_user_instances"):
            WatchedPaths([zone])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
