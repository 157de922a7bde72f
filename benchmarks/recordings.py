"""Reading recordings, in each format: alone, through 100 rules, many of them, and one that is large.

Each is read twice, as `hwbridge replay` does: checked to its end, then streamed. `python -m benchmarks.recordings FILE`
does that with one file, and says how much memory it took.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.declared import rules_of
from benchmarks.result import Result, in_turns
from bridge.mapping.table import RuleTable
from bridge.model.codes import code_number, names_of
from bridge.recording.jsonl import json_line, line_of_header
from bridge.service.recordings import merged, open_recording
from bridge.testing.replay import Replay

EVENTS = 200_000
FOREIGN_FILES, FOREIGN_EVENTS = 111, 263_000
"""As many as there are in the largest collection of recordings of evemu."""
SMALL, LARGE = 10_000_000, 200_000_000
"""Bytes; that a recording of 1 GB needs no more memory than these do is what they show."""
CHUNK = 100_000
KEYS = names_of(1)[1:101]
MOVED = (("EV_REL", 2, "REL_X", 0), ("EV_REL", 2, "REL_Y", 1), ("EV_SYN", 0, "SYN_REPORT", 0))
DEVICE = {"device": "/dev/input/event3", "name": "Wheel Mouse", "bustype": "0003", "vendor": "046d", "product": "c077"}

Line = Callable[[int, int], str]


def jsonl_line(at: int, number: int) -> str:
    """An event as hwbridge records it: a mouse is moved, and one event in a hundred presses a key."""
    type_, _, code, _, value = _event(number)
    return json_line(at, {"source": "evdev", "origin": "live", **DEVICE, "type": type_, "code": code, "value": value})


def evemu_line(at: int, number: int) -> str:
    """The same as evemu records it."""
    type_, type_number, name, code, value = _event(number)
    comment = (
        f"# {type_} / {name:<20} {value}" if type_number else f"# ------------ {name} (0) ---------- +{number % 16}ms"
    )
    seconds = f"{at // 1_000_000}.{at % 1_000_000:06d}"
    return f"E: {seconds} {type_number:04x} {code:04x} {value:04d}\t{comment}"


HEADERS: dict[Line, str] = {
    jsonl_line: line_of_header({}),
    evemu_line: "# EVEMU 1.3\nN: Wheel Mouse\nI: 0003 046d c077 0111",
}


def measure() -> Iterator[Result]:
    """The rows."""
    rules = rules_of([f'{{ code = "{key}", value = 1 }}' for key in KEYS])
    with tempfile.TemporaryDirectory() as folder:
        files = {name: _write(Path(folder) / name, line, EVENTS) for name, line in _FORMATS.items()}
        for name, file in files.items():
            (rate, baseline) = in_turns(lambda file=file: _read(file), lambda file=file: _lines(file))
            yield Result(
                name=f"recording in {name}, checked and streamed",
                value=rate,
                unit="events/s",
                against="its lines, split",
                baseline=baseline,
            )
        for name, file in files.items():
            (rate,) = in_turns(lambda file=file: EVENTS / _replay([file], rules))
            yield Result(name=f"recording in {name}, through 100 rules", value=rate, unit="events/s", at_least=200_000)
        each = FOREIGN_EVENTS // FOREIGN_FILES + 1
        many = [_write(Path(folder) / str(number), evemu_line, each) for number in range(FOREIGN_FILES)]
        (seconds,) = in_turns(lambda: sum(_replay([file], rules) for file in many), rounds=3)
        yield Result(name=f"{FOREIGN_FILES} recordings, {FOREIGN_EVENTS} events", value=seconds, unit="s", at_most=5)
        for name, line in _FORMATS.items():
            yield _memory(name, line, Path(folder))


_FORMATS: dict[str, Line] = {"jsonl": jsonl_line, "evemu": evemu_line}


def _memory(name: str, line: Line, folder: Path) -> Result:
    peaks = []
    for size in (LARGE, SMALL):
        file = _write(folder / "large", line, size // len(line(10**9, 1)))
        command = [sys.executable, "-m", "benchmarks.recordings", str(file)]
        peaks.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        file.unlink()
    return Result(
        name=f"memory to replay {LARGE // 10**6} MB of {name}",
        value=peaks[0],
        unit="MiB",
        against=f"MiB for {SMALL // 10**6} MB",
        baseline=peaks[1],
        at_most=1.1,
    )


def _event(number: int) -> tuple[str, int, str, int, int]:
    if number % 100 == 0:
        key = KEYS[number // 200 % len(KEYS)]
        return "EV_KEY", 1, key, code_number(1, key), number // 100 % 2
    type_, type_number, name, code = MOVED[number % len(MOVED)]
    return type_, type_number, name, code, number * 7 % 13 - 6 if type_number else 0


def _write(path: Path, line: Line, events: int) -> Path:
    with path.open("w") as file:
        print(HEADERS[line], file=file)
        for start in range(0, events, CHUNK):
            numbers = range(start, min(start + CHUNK, events))
            file.writelines(f"{line(number * 1500, number)}\n" for number in numbers)
    return path


def _read(file: Path) -> float:
    begin = time.perf_counter()
    with open_recording(file) as recording:
        for _ in recording.events():
            pass
    return EVENTS / (time.perf_counter() - begin)


def _lines(file: Path) -> float:
    begin = time.perf_counter()
    with file.open("rb") as lines:
        for line in lines:
            line.split()
    return EVENTS / (time.perf_counter() - begin)


def _replay(files: list[Path], rules: RuleTable) -> float:
    begin = time.perf_counter()
    recordings = [open_recording(file) for file in files]
    for _ in Replay(rules).events(merged(recordings)):
        pass
    for recording in recordings:
        recording.close()
    return time.perf_counter() - begin


def main() -> None:
    """Replays one file, and prints the most memory that it took, in MiB."""
    _replay([Path(sys.argv[1])], rules_of([f'{{ code = "{key}", value = 1 }}' for key in KEYS]))
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())  # ru_maxrss counts the parent's
    print(int(peak) / 1024)


if __name__ == "__main__":
    main()
