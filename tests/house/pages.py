"""What a page of the documentation holds: fenced blocks, links, headings. Nothing here executes or judges any of it."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_NAMED = re.compile(r"`([\w./-]+)`:$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block; `kind` is what stands behind its fence.

    `name` is the file that the block is, where the paragraph before it ends with "`name`:".
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


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    tokens = tokens_of(page)
    found = []
    for index, token in enumerate(tokens):
        if token.type in {"fence", "code_block"}:
            line = (token.map or [0])[0] + 1
            named = _NAMED.search(tokens[index - 2].content) if tokens[index - 1].type == "paragraph_close" else None
            name = named[1] if named else f"line-{line}"
            place = f"{page.relative_to(ROOT)}:{line}"
            found.append(Block(place=place, kind=token.info.strip(), name=name, text=token.content))
    return found


def links_of(page: Path) -> list[str]:
    """Where the links and pictures of a page lead, as they are written."""
    return [
        str(child.attrs.get("href") or child.attrs.get("src"))
        for token in tokens_of(page)
        for child in token.children or ()
        if child.type in {"link_open", "image"}
    ]


def anchors_of(page: Path) -> set[str]:
    """The names that GitHub and most other renderers give to a page's headings."""
    tokens = tokens_of(page)
    texts = [
        "".join(child.content for child in heading.children or ())
        for before, heading in itertools.pairwise(tokens)
        if before.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


def tokens_of(page: Path) -> list[Token]:
    """The page as markdown-it reads it."""
    return MarkdownIt().enable("table").parse(page.read_text())
