"""Templates: text with `{name}` in it, as rules and tasks write them. Nothing here runs a shell or splits words.

`{{` and `}}` stand for the braces themselves.
"""

import re
from collections.abc import Mapping

import msgspec

from bridge.errors import InvalidValueError

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


class Template(msgspec.Struct, frozen=True):
    """Literal texts and names in turn: `texts[0] names[0] texts[1] names[1] ... texts[-1]`.

    >>> template = Template.parse("jack {dev}")
    >>> template.names, template.expand({"dev": "card0"})
    (('dev',), 'jack card0')
    """

    texts: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """The template that `text` spells. Raises `InvalidValueError` for a brace without its other half."""
        if "\0" in text:
            raise InvalidValueError(f"{text!r} holds NUL")
        if "{" not in text and "}" not in text:
            return cls((text,), ())
        texts: list[str] = []
        names: list[str] = []
        literal: list[str] = []  # joined once: a text may have thousands of braces
        for piece in _PIECE.finditer(text):
            match piece[0]:
                case "{{" | "}}" as doubled:
                    literal.append(doubled[0])
                case "{" | "}":
                    raise InvalidValueError(f"{text!r} has a lone brace; write {{{{ or }}}} for the brace itself")
                case "{}":
                    raise InvalidValueError(f"{text!r} has a template without a name; write {{name}}")
                case other if piece[1] is None:
                    literal.append(other)
                case _:
                    names.append(piece[1])
                    texts.append("".join(literal))
                    literal.clear()
        return cls((*texts, "".join(literal)), tuple(names))

    def expand(self, values: Mapping[str, str | int]) -> str:
        """The text with every name replaced by its value; a name without a value leaves nothing, as in udev rules."""
        if not self.names:
            return self.texts[0]
        pieces = [self.texts[0]]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            pieces += (str(values.get(name, "")), text)
        return "".join(pieces)
