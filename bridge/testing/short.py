"""Tracebacks that end at the line of the test. What an error says is for whoever raises it."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from bridge.errors import BridgeError

P = ParamSpec("P")
R = TypeVar("R")


def short(function: Callable[P, R]) -> Callable[P, R]:
    """The same function; of a test's mistake or failure pytest shows the test's line, and none of those in here."""

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> R:
        __tracebackhide__ = True
        try:
            return function(*arguments, **named)
        except (BridgeError, AssertionError) as error:
            raise error.with_traceback(None) from None

    return call
