"""`make bench`: runs every benchmark, prints a table and writes bench.json. A missed goal is shown, and no error."""

import compileall
import json
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    durable_raises,
    evdev_pipeline,
    hostile,
    idle,
    import_time,
    journal,
    killed,
    mouse,
    raise_start,
    recordings,
    registrations,
    round_trip,
    rule_count,
    start,
    timers,
    uevent,
    warm_handler,
    watchers,
)
from benchmarks.result import Missing, Result

BENCHMARKS: tuple[Callable[[], Iterator[Result | Missing]], ...] = (
    evdev_pipeline.measure,
    rule_count.measure,
    timers.measure,
    recordings.measure,
    journal.measure,
    durable_raises.measure,
    warm_handler.measure,
    registrations.measure,
    uevent.measure,
    start.measure,
    import_time.measure,
    raise_start.measure,
    idle.measure,
    mouse.measure,
    killed.measure,
    watchers.measure,
    round_trip.measure,
    hostile.measure,
)
OUTPUT = Path("bench.json")
PACKAGE = Path(__file__).parents[1] / "bridge"


def main() -> None:
    """Runs them all, on a package that is compiled, as an installed one is."""
    compileall.compile_dir(PACKAGE, quiet=2)
    rows: list[Result | Missing] = []
    for measure in BENCHMARKS:
        for row in measure():
            rows.append(row)
            print(_line(row), flush=True)
    machine = {"python": platform.python_version(), "kernel": platform.release(), "machine": platform.machine()}
    OUTPUT.write_text(json.dumps({**machine, "results": [_record(row) for row in rows]}, indent=2) + "\n")
    print(f"written to {OUTPUT}", file=sys.stderr)


def _line(row: Result | Missing) -> str:
    if isinstance(row, Missing):
        return f"{row.name:<62} not run: {row.reason}"
    baseline = f"{_number(row.baseline)} {row.against}" if row.baseline is not None else ""
    ratio = f"{row.ratio:.2f} x" if row.ratio is not None else ""
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    return f"{row.name:<62} {_number(row.value):>10} {row.unit:<9} {ratio:>8} {row.goal:>10} {verdict:<7} {baseline}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _record(row: Result | Missing) -> dict[str, object]:
    if isinstance(row, Missing):
        return {"name": row.name, "not_run": row.reason}
    return {
        "name": row.name,
        "value": row.value,
        "unit": row.unit,
        "against": row.against,
        "baseline": row.baseline,
        "ratio": row.ratio,
        "goal": row.goal,
        "met": row.met,
    }


if __name__ == "__main__":
    main()
