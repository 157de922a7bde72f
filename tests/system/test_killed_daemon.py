"""The daemon is killed with KILL at random moments under load: what it accepted it does, as often as it should."""

from pathlib import Path

import pytest
from killed import lives, shown
from killed_said import counted

KILLS = 50


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_it_does_all_that_it_accepted_and_nothing_twice_unless_redelivered(
    tmp_path: Path, seed: int
) -> None:
    with lives(tmp_path, seed) as daemons:
        found = daemons.run(KILLS)

        print(f"seed {seed}: {daemons.kills} kills, {counted(daemons.said())}, {daemons.log()}")  # noqa: T201  # pytest shows it with a failure
        assert not found, shown(found)
        assert counted(daemons.said())["redelivered"] > 0
