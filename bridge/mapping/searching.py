"""How the expressions of rules are searched for in what devices tell. How long that may take is not known here.

Whoever runs rules may end a search from outside: `OutOfTimeError`, raised within `find`, means that nothing is found.
So a device that sends what an expression has no end of costs its own rule, and nothing else.
"""

import re
from collections import Counter

from bridge.errors import OutOfTimeError

MOST = 3
"""An expression that was ended so often is not searched for any more, until `begin_anew`."""
_ended: Counter[re.Pattern[str]] = Counter()


def find(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first place where an expression is found; None also where the search was ended, or is given up.

    >>> find(re.compile("[0-9]+"), "no. 175")
    <re.Match object; span=(4, 7), match='175'>
    """
    if _ended and _ended[pattern] >= MOST:
        return None
    try:
        return pattern.search(text)
    except OutOfTimeError:
        _ended[pattern] += 1
        return None


def times_ended(pattern: re.Pattern[str]) -> int:
    """How often the search for an expression was ended."""
    return _ended[pattern]


def begin_anew() -> None:
    """Every expression is searched for again."""
    _ended.clear()
