"""Details as a test gives them: what could never reach a handler is refused. Nothing is made into text silently."""

from collections.abc import Mapping

from bridge.errors import InvalidDetailsError
from bridge.model.details import Details, checked_details


def given_details(details: Mapping[str, object]) -> Details:
    """The same details. Raises `InvalidDetailsError` for what is no text, and for names and sizes that none may have.

    >>> given_details({"page": "1"})
    {'page': '1'}
    """
    texts = {}
    for name, value in details.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidDetailsError(str(name), f"details are text, as a handler gets them; {value!r} is none")
        texts[name] = value
    return checked_details(texts)
