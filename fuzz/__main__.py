"""`python -m fuzz READER SECONDS FOLDER`: gives a reader what atheris makes up, for so long. It judges nothing itself.

FOLDER, which is empty, takes what is found on the way, and the bytes that break a reader as `crash-*` or `timeout-*`.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bridge.recording", "bridge.sources", "bridge.model"]):
    from fuzz.targets import HEADER, READERS, check

ROOT = Path(__file__).parents[1]
RECORDINGS = (*ROOT.glob("hw_fixtures/*/*.jsonl"), *(ROOT.parent / "shared" / "recordings" / "evemu").glob("*.*"))
LINES = (
    HEADER,
    b"# EVEMU 1.3\n",
    b"N: a\n",
    b"I: 0003 0001 0002 0003\n",
    b"S: 00 1\n",
    b"E: 1.000000 0005 0002 0001\n",
)
LONGEST = 4096
"""Bytes that are made up at once: some dozens of lines."""


def main(reader: str, seconds: str, folder: str) -> None:
    """Never returns: libFuzzer ends the process, with 0 if nothing was found."""
    seeds = (*LINES, b"".join(LINES[1:]), *(path.read_bytes()[-LONGEST:] for path in RECORDINGS))
    for number, seed in enumerate(seeds):
        (Path(folder) / f"seed-{number}").write_bytes(seed)
    options = ("-verbosity=0", "-print_final_stats=1", f"-max_len={LONGEST}", "-timeout=10")
    places = (f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", folder)
    atheris.Setup([sys.argv[0], *options, *places], lambda content: check(READERS[reader], content))
    atheris.Fuzz()


main(*sys.argv[1:])
