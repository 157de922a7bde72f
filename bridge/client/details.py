"""The details and the key that an application gives a raise, before they are sent. Limits are the daemon's to say."""

from collections.abc import Mapping

from bridge.errors import InvalidValueError


def sent_details(details: object) -> dict[str, str]:
    """As they are sent. Raises `InvalidValueError` for what is no mapping of names to texts.

    >>> sent_details({"level": 5})
    Traceback (most recent call last):
    bridge.errors.InvalidValueError: details map names to texts, found 'level': 5; say str(5)
    """
    if details is None:
        return {}
    if not isinstance(details, Mapping):
        raise InvalidValueError(f"details map names to texts, found {details!r}")
    for name, value in details.items():
        if not isinstance(name, str) or not isinstance(value, str):
            meant = f"say str({value!r})" if isinstance(name, str) else "a name is a text"
            raise InvalidValueError(f"details map names to texts, found {name!r}: {value!r}; {meant}")
    return dict(details)


def sent_key(key: object) -> str:
    """As it is sent. Raises `InvalidValueError` for what is no text."""
    if not isinstance(key, str):
        raise InvalidValueError(f"a key is a text, found {key!r}")
    return key
