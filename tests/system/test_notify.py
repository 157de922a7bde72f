"""What the daemon tells a service manager: that it is ready, reloads, lives, stops; and nothing where nobody asks."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import Daemon, task
from service_manager import Notified

from bridge.service.systemd.notify import MOST_WAITING, ServiceManager, Wanted, take_wanted

WATCHDOG = 100_000
"""Microseconds: a watchdog that is fed in the course of a test."""


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


def tell(wanted: Wanted, what: Callable[[ServiceManager, asyncio.AbstractEventLoop], object]) -> None:
    """Runs `what` with a manager, in a loop that turns until that is done."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        manager = ServiceManager(loop, lambda: 12, wanted)
        try:
            done = what(manager, loop)
            if asyncio.iscoroutine(done):
                await done
        finally:
            manager.close()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["a path", "an abstract socket"])
def test_the_manager_is_told_at_its_socket(kind: str, place: str) -> None:
    address = place if kind == "a path" else f"@hwbridge-test-{os.getpid()}"
    with Notified(address) as notified:
        tell(Wanted(address=address), lambda manager, _: manager.ready("2 rules"))

        assert notified.read() == [{"READY": "1", "STATUS": "2 rules"}]


def test_a_reload_is_told_with_the_time_at_which_it_began(place: str) -> None:
    with Notified(place) as notified:
        tell(Wanted(address=place), lambda manager, _: (manager.reloading(), manager.reloaded("as before")))

        assert notified.read() == [{"RELOADING": "1", "MONOTONIC_USEC": "12"}, {"READY": "1", "STATUS": "as before"}]


def test_a_status_stays_on_its_line(place: str) -> None:
    with Notified(place) as notified:
        tell(Wanted(address=place), lambda manager, _: manager.ready("a\nREADY=0"))

        assert notified.read() == [{"READY": "1", "STATUS": "a\\nREADY=0"}]


def test_a_stop_asks_for_the_time_that_it_takes(place: str) -> None:
    with Notified(place) as notified:
        tell(Wanted(address=place), lambda manager, _: manager.stopping("stopping"))

        assert notified.read() == [{"STOPPING": "1", "STATUS": "stopping"}, {"EXTEND_TIMEOUT_USEC": "15000000"}]


def test_what_a_full_queue_does_not_take_is_told_later_in_its_order(place: str) -> None:
    async def fill_then_read(manager: ServiceManager, _: asyncio.AbstractEventLoop) -> None:
        notified.fill()
        for number in range(3):
            manager.reloaded(str(number))
        while len(said := notified.said("STATUS")) < 3:
            await asyncio.sleep(0)

        assert said == ["0", "1", "2"]

    with Notified(place) as notified:
        tell(Wanted(address=place), fill_then_read)


def test_a_manager_that_never_reads_is_owed_a_bounded_number_of_messages(place: str) -> None:
    async def tell_much(manager: ServiceManager, _: asyncio.AbstractEventLoop) -> None:
        notified.fill()
        for number in range(10_000):
            manager.reloaded(str(number))
        while "9999" not in (said := notified.said("STATUS")):
            await asyncio.sleep(0)

        assert len(said) == MOST_WAITING

    with Notified(place) as notified:
        tell(Wanted(address=place), tell_much)


def test_a_manager_that_is_gone_is_a_warning_and_no_more(place: str, caplog: pytest.LogCaptureFixture) -> None:
    tell(Wanted(address=place), lambda manager, _: manager.ready(""))

    assert [record.getMessage() for record in caplog.records] == [f"NOTIFY_SOCKET={place}: No such file or directory"]


def test_the_watchdog_is_fed_while_the_loop_turns_and_not_before_the_daemon_is_ready(place: str) -> None:
    async def be_ready(manager: ServiceManager, _: asyncio.AbstractEventLoop) -> None:
        manager.reloading()
        assert all("WATCHDOG" not in message for message in notified.read())
        manager.ready("")
        while sum("WATCHDOG" in message for message in notified.read()) < 3:
            await asyncio.sleep(0.001)

    with Notified(place) as notified:
        tell(Wanted(address=place, watchdog=WATCHDOG), be_ready)


def test_a_loop_that_hangs_feeds_no_watchdog(place: str) -> None:
    def hang(manager: ServiceManager, _: asyncio.AbstractEventLoop) -> None:
        manager.ready("")
        fed = sum("WATCHDOG" in message for message in notified.read())
        began = time.monotonic()
        while time.monotonic() < began + 5 * WATCHDOG / 1_000_000:
            pass

        assert sum("WATCHDOG" in message for message in notified.read()) == fed

    with Notified(place) as notified:
        tell(Wanted(address=place, watchdog=WATCHDOG), hang)


def test_without_a_watchdog_no_timer_runs(place: str) -> None:
    def be_ready(manager: ServiceManager, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later = None  # type: ignore[method-assign, assignment]  # who calls it fails
        manager.ready("")

    with Notified(place):
        tell(Wanted(address=place), be_ready)
        tell(Wanted(watchdog=WATCHDOG), be_ready)  # and nobody who could be told
        with pytest.raises(TypeError):
            tell(Wanted(address=place, watchdog=WATCHDOG), be_ready)


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, Wanted()),
        ({"NOTIFY_SOCKET": "/run/n"}, Wanted(address="/run/n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "5"}, Wanted(address="@n", watchdog=5)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "7"}, Wanted(address="@n", watchdog=5)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "8"}, Wanted(address="@n")),
    ],
)
def test_what_the_manager_wants_is_taken_out_of_the_environment(environment: dict[str, str], wanted: Wanted) -> None:
    environment["PATH"] = "/bin"

    assert take_wanted(environment, 7) == wanted
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("NOTIFY_SOCKET", "vsock:2:3"), ("NOTIFY_SOCKET", ""), ("WATCHDOG_USEC", "5s"), ("WATCHDOG_USEC", "0")],
)
def test_what_cannot_be_meant_is_named(name: str, value: str, caplog: pytest.LogCaptureFixture) -> None:
    assert take_wanted({name: value}, 7) == Wanted()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"{name}={value}: " in caplog.text


def test_a_daemon_tells_that_it_is_ready_reloads_and_stops(tmp_path: Path, place: str) -> None:
    with Notified(place) as notified:
        with Daemon(tmp_path, environment={"NOTIFY_SOCKET": place}) as daemon:
            assert notified.wait_for("READY") == [{"READY": "1", "STATUS": "0 rules, 0 tasks"}]
            daemon.task("one", "true")
            daemon.reload()
            reloaded = notified.wait_for("READY", times=2)[1]
            daemon.rules("bad = 1")
            daemon.reload()
            refused = notified.wait_for("READY", times=3)[2]
        told = [name for message in notified.read() for name in message if name != "STATUS"]

        assert reloaded["STATUS"] == "0 rules, 1 task"
        assert refused["STATUS"] == "0 rules, 1 task, from before: the files hold errors now"
        reload = ["RELOADING", "MONOTONIC_USEC", "READY"]
        assert told == ["READY", *reload, *reload, "STOPPING", "EXTEND_TIMEOUT_USEC"]


def test_a_reload_begins_after_the_signal_that_asked_for_it(tmp_path: Path, place: str) -> None:
    with Notified(place) as notified, Daemon(tmp_path, environment={"NOTIFY_SOCKET": place}) as daemon:
        asked = time.monotonic_ns() // 1000
        daemon.reload()
        (told,) = notified.wait_for("RELOADING")

        assert asked <= int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_a_daemon_feeds_its_watchdog_also_while_it_waits_for_runs_to_end(tmp_path: Path, place: str) -> None:
    environment = {"NOTIFY_SOCKET": place, "WATCHDOG_USEC": str(WATCHDOG)}
    with Notified(place) as notified, Daemon(tmp_path, environment=environment) as daemon:
        daemon.task("slow", "trap 'say asked' TERM; say begun; read line < go; read line < go")
        daemon.reload()
        notified.wait_for("WATCHDOG", times=2)
        daemon.raise_trigger()
        daemon.wait_for_words("begun")
        daemon.process.send_signal(signal.SIGTERM)
        notified.wait_for("STOPPING")
        daemon.wait_for_words("asked")
        fed = len(notified.wait_for("WATCHDOG"))
        notified.wait_for("WATCHDOG", times=fed + 2)
        daemon.release()
        daemon.release()
        daemon.process.wait(60)


def test_handlers_find_nothing_of_the_manager_in_their_environment(tmp_path: Path, place: str) -> None:
    environment = {"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "60000000", "LISTEN_FDS": "1", "LISTEN_PID": "1"}
    with Notified(place), Daemon(tmp_path, environment=environment) as daemon:
        (tmp_path / "tasks" / "t.toml").write_text(
            task("asks", "say x$(env | grep -E '^(NOTIFY|WATCHDOG|LISTEN|JOURNAL)')", folder=tmp_path)
        )
        daemon.reload()
        daemon.raise_trigger()
        daemon.wait_for_words("x")
