"""What a page of the documentation holds: fenced blocks, links, headings. Nothing here executes or judges any of it.

It reads the part of Markdown that our pages use, and refuses a page in which it could overlook a block: fences stand at
the beginning of a line, and no other line begins with a tab or four spaces.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("hw_fixtures/**/*.md")])
_FENCED = re.compile(r"^```(?P<kind>[^`\n]*)\n(?P<text>.*?)^```\n", re.DOTALL | re.MULTILINE)
_OVERLOOKED = re.compile(r"^(?:\t| {4}|\s*(?:```|~~~))", re.MULTILINE)
_NAMED = re.compile(r"`([\w./-]+)`:\n\n$")
_CODE = re.compile(r"`[^`]+`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block; `kind` is what stands behind its fence.

    `name` is the file that the block is, where the line before it ends with "`name`:".
    """

    place: str
    kind: str
    name: str
    text: str

    def commands(self) -> list[tuple[str, str]]:
        """What a reader types behind `$ `, each with what is printed then."""
        assert self.text.startswith("$ "), f"{self.place}: begins with no command"
        typed = [each.rstrip("\n").partition("\n") for each in f"\n{self.text}".split("\n$ ")[1:]]
        return [(command, printed) for command, _, printed in typed]


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = page.read_text()
    overlooked = _OVERLOOKED.search(_FENCED.sub("", text))
    assert overlooked is None, f"{page}: {overlooked[0]!r} may begin a block that would not be executed"
    for fenced in _FENCED.finditer(text):
        line = text.count("\n", 0, fenced.start()) + 1
        named = _NAMED.search(text, 0, fenced.start())
        name, place = named[1] if named else f"line-{line}", f"{page.relative_to(ROOT)}:{line}"
        yield Block(place=place, kind=fenced["kind"], name=name, text=fenced["text"])


def links_of(page: Path) -> list[str]:
    """Where the links and pictures of a page lead, as they are written."""
    return _LINK.findall(_prose_of(page))


def anchors_of(page: Path) -> set[str]:
    """The names that GitHub and most other renderers give to a page's headings."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _prose_of(page: Path) -> str:
    return _CODE.sub("", _FENCED.sub("", page.read_text()))
