"""How a method answers: with a named error, when what it did is written down, or with one message of many values.

Nothing here knows a method.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from bridge.errors import CallFailedError, InvalidDetailsError
from bridge.model.details import checked_details, checked_key
from bridge.pipeline.pipeline import Fact
from bridge.service.bridge import Bridge
from bridge.service.varlink_server import Parameters

MOST_PAGE_BYTES = 192 * 1024
"""Of values in one answer, so that with its frame it has no more than a call may have."""


def failure(error: str, **parameters: Any) -> CallFailedError:
    """An error of the interface, by its name there."""
    return CallFailedError(f"org.hwbridge.{error}", parameters)


def invalid_parameter(parameter: str) -> CallFailedError:
    """Varlink's own error for a parameter that is not what it may be."""
    return CallFailedError("org.varlink.service.InvalidParameter", {"parameter": parameter})


def when_written(bridge: Bridge, fact: Fact, answer: Parameters) -> asyncio.Future[Parameters]:
    """Tells the fact; the answer comes when what it leads to is on the disk, as far as the store is that durable."""
    written: asyncio.Future[Parameters] = asyncio.get_running_loop().create_future()

    def tell(why_not: str) -> None:
        if written.done():
            return
        if why_not:
            written.set_exception(failure("StoreFull", reason=why_not))
        else:
            written.set_result(answer)

    bridge.tell(fact, flush=True, then=tell)
    return written


def given_details(parameters: Parameters) -> tuple[Mapping[str, str], str]:
    """The details and the key of a raise. Raises `CallFailedError` InvalidDetails."""
    try:
        key = checked_key(parameters.get("key") or "")
        return checked_details(parameters.get("details") or {}), key
    except InvalidDetailsError as error:
        raise failure("InvalidDetails", field=error.field, reason=error.reason) from error


def page_of(values: Iterable[Mapping[str, object]]) -> tuple[list[msgspec.Raw], bool]:
    """The first of these values, encoded, as many as go into one answer; and whether there are more.

    One value always goes in: none is much larger than a call may be.

    >>> values, more = page_of({"text": "x" * 100_000} for _ in range(3))
    >>> len(values), more
    (1, True)
    """
    page: list[msgspec.Raw] = []
    size = 0
    for value in values:
        encoded = msgspec.json.encode(value)
        size += len(encoded)
        if page and size > MOST_PAGE_BYTES:
            return page, True
        page.append(msgspec.Raw(encoded))
    return page, False
