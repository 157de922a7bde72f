"""The documentation is true: every block of it is executed, every link leads somewhere, what is generated is new."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import PAGES, ROOT, anchors_of, blocks_of, links_of
from reader import Reader

NOT_EXECUTED = {
    "text picture": "it is looked at",
    "console live": "a hand has to plug something in; tests/lab does it in a guest, with devices that are made up",
    "console setup": "it sets up a checkout and runs its tests, as was done for this test",
    "console systemd": "a systemd has to run; tests/system/test_service.py boots one with the same units",
    "systemd": "systemd has to read it; tests/system/test_packaging.py has systemd-analyze read it",
    "udev root": "udevd has to read it; tests/lab does the same in a guest",
}
"""What is not executed, by the words behind a block's fence, and why."""


@pytest.fixture
def reader() -> Iterator[Reader]:
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:  # a short path: sockets are made in it
        Path(folder).chmod(0o755)  # the demo gives up root's rights
        reader = Reader(Path(folder))
        yield reader
        reader.end_daemon()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_does_what_the_page_says(page: Path, reader: Reader) -> None:
    for block in blocks_of(page):
        if block.kind not in NOT_EXECUTED:
            reader.do(block)
    reader.end_daemon()


def test_every_reason_not_to_execute_a_block_is_needed() -> None:
    assert {block.kind for page in PAGES for block in blocks_of(page)} >= NOT_EXECUTED.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links_of(page) if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    if re.match(r"https://[a-z.]+/", link):  # other people's pages: a test asks no network
        return True
    file, _, anchor = link.partition("#")
    target = (page.parent / file).resolve() if file else page
    return target.is_relative_to(ROOT) and target.exists() and (not anchor or anchor in anchors_of(target))


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    coming = [ROOT / "README.md"]
    while coming:
        page = coming.pop()
        if page in reached or page not in PAGES:
            continue
        reached.add(page)
        coming += [(page.parent / link.partition("#")[0]).resolve() for link in links_of(page)]

    assert reached == set(PAGES)


def test_what_is_generated_says_what_the_code_says() -> None:
    made = subprocess.run(
        [sys.executable, "docs/reference/make.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert made.returncode == 0, made.stdout + made.stderr
