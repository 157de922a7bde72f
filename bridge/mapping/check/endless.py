r"""Regular expressions that some texts keep busy for ever: a part is repeated that does nothing but repeat something.

It is told from the expression as it is written, and only where that is sure; others may take long as well.

>>> endless_part(r"^([a-z]+)+$"), endless_part(r"\x02(?:[^\x03]*)*\x03"), endless_part(r"^([a-z]+;)+$")
('([a-z]+)+', '(?:[^\\x03]*)*', None)
"""

import re

_ONE = r"(?:\\x[0-9a-fA-F]{2}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\()\[\]|^$*+?{}])"
_MANY = r"(?:[*+]|\{[0-9]*,\})"
_REPEATED = re.compile(rf"\((?:\?:|\?P<\w+>)?{_ONE}{_MANY}\){_MANY}", re.DOTALL)
_ESCAPED = re.compile(r"(?:[^\\]|^)(?:\\\\)*\\$", re.DOTALL)


def endless_part(regex: str) -> str | None:
    r"""The part of an expression that is repeated though it repeats one thing; None where none is sure to be one.

    >>> endless_part(r"(?P<word>\w*){2,}x"), endless_part(r"\(a+)+"), endless_part(r"(a+)?b")
    ('(?P<word>\\w*){2,}', None, None)
    """
    for found in _REPEATED.finditer(regex):
        if not _ESCAPED.search(regex[: found.start()]):
            return found[0]
    return None
