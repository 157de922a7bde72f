"""GUIDs, the names of custom triggers. Nothing here makes new ones.

Windows shows a trigger id with braces and upper case (`CustomSystemEventTrigger`); so do we, always.
"""

import re

import msgspec

from bridge.errors import InvalidGuidError, NilGuidError

_DIGITS = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_FORMS = re.compile(rf"\{{({_DIGITS})\}}|({_DIGITS})|urn:uuid:({_DIGITS})", re.IGNORECASE)
_SHOWN = re.compile(r"\{[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}\}")
_NIL = "{00000000-0000-0000-0000-000000000000}"


class Guid(msgspec.Struct, frozen=True, order=True):
    """A GUID as it is shown: braces, upper case.

    >>> str(Guid.parse("urn:uuid:9118718b-ff80-4afe-baf1-d88a4525f3ab"))
    '{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}'
    """

    text: str

    def __post_init__(self) -> None:
        if self.text == _NIL:
            raise NilGuidError(self.text)
        if not _SHOWN.fullmatch(self.text):
            raise InvalidGuidError(self.text)

    @classmethod
    def parse(cls, text: str) -> "Guid":
        """The GUID that `text` spells: with or without braces, in any case, or as `urn:uuid:`.

        Raises `InvalidGuidError`, with the text that was given, for anything else; `NilGuidError` for the nil GUID.
        """
        found = _FORMS.fullmatch(text)
        if found is None:
            raise InvalidGuidError(text)
        shown = "{" + (found[1] or found[2] or found[3]).upper() + "}"
        if shown == _NIL:
            raise NilGuidError(text)
        return cls(shown)

    def __str__(self) -> str:
        return self.text
