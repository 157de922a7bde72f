"""How the expressions of rules are searched for in what devices tell. How long that may take is not known here.

Whoever runs rules may end a search from outside: `OutOfTimeError`, raised within `find`, means that it is not known
whether there is anything. A test that was ended some times is not asked any more. So a device that sends what an
expression has no end of costs that one test of one rule, and nothing else.
"""

import re

from bridge.errors import OutOfTimeError

MOST = 3
"""A test whose search was ended so often is given up, until `begin_anew`."""


class Trial:
    """How often the search for one test was ended, and whose test it is, for the log."""

    __slots__ = ("ended", "whose")

    def __init__(self) -> None:
        self.ended = 0
        self.whose = "a match"

    @property
    def is_over(self) -> bool:
        """Whether the test is given up."""
        return self.ended >= MOST


_ended: set[Trial] = set()
"""Those that were ended at all."""


def find(pattern: re.Pattern[str], text: str, trial: Trial) -> re.Match[str] | None:
    """The first place where an expression is found. Raises `OutOfTimeError` where the search is ended, or given up.

    >>> find(re.compile("[0-9]+"), "no. 175", Trial())
    <re.Match object; span=(4, 7), match='175'>
    """
    if trial.is_over:
        raise OutOfTimeError
    try:
        return pattern.search(text)
    except OutOfTimeError:
        trial.ended += 1
        _ended.add(trial)
        raise


def begin_anew() -> None:
    """No test is given up any more."""
    for trial in _ended:
        trial.ended = 0
    _ended.clear()
