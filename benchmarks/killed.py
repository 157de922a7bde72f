"""1000 times KILL for the daemon under load (tests/system/killed.py): what was promised and not kept, which is nothing.

Each few hundred are on a state directory of their own, with another seed, so that one fault is not counted forever.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.result import Result

KILLS = 1000
KILLS_A_SEED = 250
HARNESS = Path(__file__).parents[1] / "tests/system"


def measure() -> Iterator[Result]:
    """One row, and what was not kept on stderr."""
    sys.path.append(str(HARNESS))  # its files import each other as the tests beside it do
    from killed import lives, shown

    broken = 0
    for seed in range(1000, 1000 + KILLS // KILLS_A_SEED):
        with tempfile.TemporaryDirectory() as folder, lives(Path(folder), seed) as daemons:
            found = daemons.run(KILLS_A_SEED)
            broken += len(found)
            if found:
                print(f"seed {seed}:\n{shown(found)}", file=sys.stderr)
    yield Result(name=f"promises broken in {KILLS} kills under load", value=broken, unit="", at_most=0)
