"""The bench of the fixture: what it replays is what the command line prints, and what it is given is checked."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli import main
from bridge.errors import BridgeError, DeclarationError, InvalidValueError
from bridge.testing.bench import Bench
from bridge.testing.expected import Expectations
from bridge.testing.explanation import LONGEST_LINE, MOST_LINES
from bridge.testing.journal import MOST_FACTS
from tests.plugin.strangers import PROJECT

ROOT = Path(__file__).parents[2]
FIXTURES = sorted(path for path in (ROOT / "hw_fixtures").iterdir() if path.is_dir())
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
RULES = f"""\
[[rule]]
name = "any key"
source = "evdev"
match = {{ type = "EV_KEY", value = 1 }}
raise = "{GUID}"
"""
TASKS = f"""\
[[task]]
name = "task"
triggers = [{{ custom = "{GUID}" }}]
run = {{ exec = ["x"] }}
concurrency = "parallel"
max_running = 10
"""


def bench_in(folder: Path = PROJECT, *, update: bool = False) -> Bench:
    return Bench(folder, Expectations(update=update))


@pytest.fixture
def bench() -> Bench:
    return bench_in()


def press(bench: Bench, **fields: str | int) -> None:
    bench.emit("evdev", **{"code": "KEY_A", "value": 1, **fields})


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
@pytest.mark.parametrize("until", [None, "0s", "3s"])
def test_a_replay_is_that_of_the_command_line(
    folder: Path, until: str | None, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (recording,) = folder.glob("recording.[!e]*")
    options = ["--until", until] if until is not None else []
    main(["replay", str(recording), "--rules", str(ROOT / "rules"), "--tasks", str(tmp_path), *options])
    expected = tmp_path / "all.expected"
    expected.write_bytes(capsysbinary.readouterr().out)

    bench = bench_in(folder)
    bench.replay(recording.name, rules="../../rules", tasks=tmp_path, until=until)

    bench.expect(expected)


def test_a_time_in_seconds_is_its_microseconds_divided(bench: Bench) -> None:
    bench.replay(rules=RULES, tasks=TASKS)
    for microseconds in (104_000, 1, 333_333):
        bench.advance(f"{microseconds}us")
    press(bench)

    assert bench.now == bench.raised[0].at == bench.activations[0].at == 437_334 / 1_000_000


@pytest.mark.parametrize("rules", ["", "\n", "# none\n", [], [""]])
def test_no_rules_can_be_said(bench: Bench, rules: str | list[str]) -> None:
    bench.replay(rules=RULES)
    bench.replay(rules=rules)
    press(bench)

    assert bench.raised == []


def test_a_text_that_names_a_file_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "a = b.toml").write_text(RULES)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "more.toml").write_text(RULES.replace("any", "each"))
    bench = bench_in(tmp_path)
    bench.replay(rules=["a = b.toml", tmp_path / "a = b.toml", "rules"])
    press(bench)

    assert [each.rule for each in bench.raised] == ["any key", "each key"]


def test_of_several_texts_an_error_says_which_it_is_in(bench: Bench) -> None:
    with pytest.raises(DeclarationError) as caught:
        bench.replay(rules=[RULES, RULES.replace("evdev", "evdef").replace("any", "no")], tasks="[[task]]\nx = 1\n")

    assert str(caught.value).splitlines()[0].startswith('<rules 2>:3: [rule "no key"] source: ')
    assert "<tasks>:2: [task 1] x: unknown key" in str(caught.value)


def test_what_was_declared_stays_where_the_new_is_wrong(bench: Bench) -> None:
    bench.replay(rules=RULES, tasks=TASKS)
    with pytest.raises(DeclarationError):
        bench.replay(rules="", tasks="x = 1")
    with pytest.raises(DeclarationError):
        bench.replay(tasks="x = 1")
    press(bench)

    assert len(bench.activations) == 1


def test_of_a_bad_recording_nothing_happens(bench: Bench, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes((PROJECT / "recordings" / "jack.jsonl").read_bytes() + b"{")
    with pytest.raises(BridgeError, match=r"bad\.jsonl:6: "):
        bench.replay(bad, rules="rules")

    assert (bench.now, bench.raised) == (0, [])


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda bench: bench.replay(rules=5), "rules: 5 is no folder, file or TOML text"),
        (lambda bench: bench.replay(tasks=[b"x"]), "tasks: b'x' is no folder, file or TOML text"),
        (lambda bench: bench.replay(5), "5 is no path of a recording"),
        (lambda bench: bench.replay(until=10), "10 is not a duration: "),
        (lambda bench: bench.advance("-1s"), "'-1s' is not a duration: "),
        (lambda bench: bench.set_condition("docked", 1), "a condition holds (True), does not (False) or is unknown"),
        (lambda bench: bench.emit("evdev", at=5, code="KEY_A", value=1), "an event is emitted now, and has no at"),
        (lambda bench: bench.emit("evdev", origin="later", code="KEY_A", value=1), "emit('evdev'): origin is 'later'"),
        (lambda bench: bench.emit("evdev", code="KEY_A", value=True), "emit('evdev'): value is True, neither"),
        (lambda bench: bench.emit("evdev", code="KEY_A"), "emit('evdev'): an event of evdev has a code and a value"),
        (lambda bench: bench.emit("udev", actoin="add"), "emit('udev'): 'actoin' is no field of udev; did you mean"),
        (lambda bench: bench.emit("evdev", gone="x", value=1), "emit('evdev'): a line that says what is gone has"),
        (lambda bench: bench.hold(None), "a task is held by its name, not by None"),
        (lambda bench: bench.expect(PROJECT), "desk: cannot be read: Is a directory"),
    ],
)
def test_a_mistake_has_a_named_error(bench: Bench, mistake: Callable[[Bench], None], message: str) -> None:
    bench.replay(rules='[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { subsystem = "dock" }\n')
    with pytest.raises(BridgeError) as caught:
        mistake(bench)

    assert message in str(caught.value)


def test_a_run_that_is_over_cannot_be_ended_again(bench: Bench) -> None:
    bench.replay(rules=RULES, tasks=TASKS)
    held = bench.hold("task")
    press(bench, device="a")
    press(bench, device="b")
    first, second = held.runs
    held.complete(second)
    with pytest.raises(InvalidValueError, match="is no open run of the task 'task'"):
        held.complete(second)
    with pytest.raises(InvalidValueError, match="is no open run of the task 'task'"):
        held.complete(second, first)

    assert [each.state for each in bench.activations] == ["running", "succeeded"]


def test_lists_may_be_cleared_between_the_parts_of_a_test(bench: Bench) -> None:
    bench.replay(rules=RULES, tasks=TASKS)
    held = bench.hold("task")
    press(bench)
    bench.raised.clear()
    bench.activations.clear()

    held.complete()
    assert (bench.raised, bench.activations, held.runs) == ([], [], [])


def test_a_level_that_was_stored_is_known_after_a_restart_and_a_reboot(bench: Bench) -> None:
    bench.replay(rules=RULES + 'start_state = "if-changed"\nedge = true\n')
    for reboot in (False, True):
        press(bench, origin="start")
        bench.restart(reboot=reboot)
    press(bench, origin="start")
    assert len(bench.raised) == 1

    press(bench, value=0)
    bench.restart()
    press(bench, origin="start")
    assert len(bench.raised) == 2


def test_an_explanation_is_bounded_and_says_what_is_left_out(bench: Bench) -> None:
    rules = "".join(RULES.replace("any", f"{number} " + "x" * 120 * (number % 3)) for number in range(100))
    tasks = "".join(TASKS.replace('"task"', f'"task {number}"').replace("911", "811") for number in range(100))
    bench.replay(rules=rules, tasks=tasks)
    for _ in range(200):
        press(bench, device="x" * 1000)
    lines = bench.explanation().splitlines()

    assert len(lines) < 3 * (MOST_LINES + 3)
    assert max(map(len, lines)) <= LONGEST_LINE + 3
    assert [line.strip() for line in lines if "..." in line[:6]] == [
        f"... {200 * 100 - MOST_LINES} lines before",
        f"... and {100 - MOST_LINES} more rules",
        f"... and {100 - MOST_LINES} more tasks",
    ]


def test_what_is_behind_until_explains_nothing(bench: Bench) -> None:
    bench.replay("recordings/mains.jsonl", rules=RULES, until="1.5s")

    assert "any key: never: no event of evdev came" in bench.explanation()


def test_of_many_events_the_last_explain(bench: Bench) -> None:
    bench.replay(rules=RULES + 'while = ["docked"]\n[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { X = 1 }')
    bench.emit("udev", action="add", X="1")
    for _ in range(MOST_FACTS):
        press(bench, value=0)
    assert bench.raised == []

    assert f"(asked of the last {MOST_FACTS} events; there were 2 before)" in bench.explanation()
    assert "any key: never: closest at 0.000000: value is 0, wanted 1" in bench.explanation()


@given(st.lists(st.sampled_from(["press", "release", "wait", "restart", "rules", "set"]), max_size=12))
def test_an_explanation_counts_what_was_raised(steps: list[str]) -> None:
    rules = RULES + 'hold_for = "2s"\nwhile = ["docked"]\n'
    rules += '[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { X = 1 }\n'
    bench = bench_in()
    do: dict[str, Callable[[], None]] = {
        "press": lambda: press(bench),
        "release": lambda: press(bench, value=0),
        "wait": lambda: bench.advance("1s"),
        "restart": bench.restart,
        "rules": lambda: bench.replay(rules=rules + "\n" * len(bench.raised)),
        "set": lambda: bench.set_condition("docked", True),
    }
    bench.replay(rules=rules)
    for step in steps:
        if step == "rules":
            bench.raised.clear()
        do[step]()

    assert ("raised 1 time" in bench.explanation()) == (len(bench.raised) == 1)
    assert ("never" in bench.explanation()) == (not bench.raised)


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (b"", ["--- x.expected", "+++ replayed", "@@ -0,0 +1 @@", f"+0.000000 raised {GUID} any key"]),
        (b"\xff\x1b[2J\r", [r"-\udcff\x1b[2J\r", "\\ No newline at end of file"]),
        (b"\n" * 5000, ["... and 4904 lines more"]),
    ],
    ids=["nothing", "anything", "much"],
)
def test_what_differs_from_the_expected_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bytes, shown: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.expected").write_bytes(wanted)
    bench = bench_in(tmp_path)
    bench.replay(rules=RULES)
    press(bench)
    with pytest.raises(AssertionError) as caught:
        bench.expect("x.expected")

    lines = str(caught.value).split("\n")
    assert (lines[0], lines[-1]) == (
        "this is not what was expected:",
        "pytest --update-expected writes what was replayed",
    )
    assert [line for line in lines if line in shown] == shown
    assert str(caught.value).replace("\n", "").isprintable()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    bench = bench_in(tmp_path, update=True)
    bench.replay(rules=RULES)
    press(bench)
    with pytest.raises(BridgeError, match=r"no/x\.expected: cannot be written: No such file or directory"):
        bench.expect("no/x.expected")


def test_the_time_can_be_put_far_away(bench: Bench) -> None:
    bench.advance("365000d")

    assert math.isclose(bench.now, 365_000 * 86_400)
