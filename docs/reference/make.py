"""Makes the parts of the reference that the code knows: keys, fields, limits, help texts. The prose is written by hand.

    python docs/reference/make.py          writes them into the pages, between `<!-- made: NAME -->` and `<!-- end -->`
    python docs/reference/make.py --check  writes nothing; says which pages are old, and fails if there are any

What a key means is said here; which keys there are, and what a key that is left out means, is asked of the code.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from bridge.cli import NOT_YET as VERBS_NOT_YET
from bridge.cli import VERBS, main
from bridge.dispatch.load import load_tasks
from bridge.mapping.load import load_rules
from bridge.model.details import MOST_BYTES, MOST_NAMES
from bridge.model.durations import format_duration
from bridge.model.tasks import Concurrency, Registration
from bridge.model.guid import Guid
from bridge.recording.jsonl import LONGEST_LINE
from bridge.sources import NOT_YET as SOURCES_NOT_YET
from bridge.sources import SOURCES
from bridge.toml.document import SIZE_LIMIT, Problem, parse
from bridge.toml.values import NOT_THERE_YET

PAGES = Path(__file__).parent
_MADE = re.compile(r"(<!-- made: ([a-z -]+) -->\n).*?(<!-- end -->)", re.DOTALL)
