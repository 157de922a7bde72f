"""Makes the shells' completion and the manual page from the parsers that --help is made from. Nothing is made by hand.

python packaging/from_parsers/make.py          writes them
python packaging/from_parsers/make.py --check  writes nothing; names the files that are not up to date, then fails
"""

import sys
from pathlib import Path

import bash
import fish
import man
import zsh
from spoken import spoken_verbs

PACKAGING = Path(__file__).parents[1]
MADE = {
    "completion/hwbridge.bash": bash.script,
    "completion/_hwbridge": zsh.script,
    "completion/hwbridge.fish": fish.script,
    "man/hwbridge.1": man.page,
}

if __name__ == "__main__":
    verbs = spoken_verbs()
    new = {PACKAGING / name: make(verbs) for name, make in MADE.items()}
    old = [file for file, text in new.items() if not file.exists() or file.read_text() != text]
    if sys.argv[1:] == ["--check"]:
        sys.exit("".join(f"{file.name} is old: python packaging/from_parsers/make.py\n" for file in old) or 0)
    for file in old:
        file.write_text(new[file])
