"""Tier 4: real recordings in which something was changed are refused with file and line, or read as they then are."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.targets import READERS, check

ROOT = Path(__file__).parents[2]
FILES = sorted(
    (*ROOT.glob("hw_fixtures/*/recording.jsonl"), *(ROOT.parent / "shared/recordings/evemu").glob("*.*")),
    key=lambda path: path.name,
)
LONGEST = 3000
PIECES = tuple(piece for path in FILES for piece in (path.read_bytes()[:LONGEST], path.read_bytes()[-LONGEST:]))
"""The beginnings and the ends of all."""

changes = st.tuples(
    st.integers(0, LONGEST),
    st.integers(0, 30),
    st.binary(max_size=4)
    | st.sampled_from([b"\n", b"-", b"0", b"#", b"1e9", b"\0", *(piece[-200:] for piece in PIECES)]),
)


@pytest.mark.parametrize("name", READERS)
@given(content=st.sampled_from(PIECES), changed=st.lists(changes, max_size=4))
def test_no_change_leads_to_anything_but_events_in_order_or_an_error_with_file_and_line(
    name: str, content: bytes, changed: list[tuple[int, int, bytes]]
) -> None:
    for start, length, instead in changed:
        content = content[:start] + instead + content[start + length :]

    check(READERS[name], content)
