"""The test of the field `since`: how long ago the subject's previous event was. Nothing here measures time."""

import msgspec

from bridge.errors import InvalidValueError
from bridge.mapping.match import AnyOf, Not, Present, Range
from bridge.model.checks import Test
from bridge.model.durations import format_duration, parse_duration
from bridge.model.events import Field
from bridge.toml.values import describe

_SIDES = ("min", "max", "below")


class Lapse(msgspec.Struct, frozen=True):
    """A range of durations, in microseconds."""

    range: Range

    def __call__(self, value: Field | None, /) -> bool:
        """Whether so many microseconds lie in the range."""
        return self.range(value)

    def exact(self) -> None:
        """No list: a range stands for many durations."""

    def __str__(self) -> str:
        sides = zip(_SIDES, (self.range.minimum, self.range.maximum, self.range.below), strict=True)
        return (
            "{ " + ", ".join(f'{name} = "{format_duration(side)}"' for name, side in sides if side is not None) + " }"
        )


def parse_lapse(value: object) -> Test:
    """The test that the value of `since` stands for. Raises `InvalidValueError`.

    >>> short = parse_lapse({"below": "3s"})
    >>> short(2_999_999), short(3_000_000), short(None)
    (True, False, False)
    """
    match value:
        case True:
            return Present()
        case list():
            return AnyOf(tuple(parse_lapse(each) for each in value))
        case {"not": test, **others} if not others:
            return Not(parse_lapse(test))
        case dict() if value and value.keys() <= {*_SIDES}:
            sides = {name: parse_duration(side) for name, side in value.items()}
            try:
                return Lapse(Range(minimum=sides.get("min"), maximum=sides.get("max"), below=sides.get("below")))
            except InvalidValueError as error:
                shown = ", ".join(f'{name} = "{side}"' for name, side in value.items())
                raise InvalidValueError(f"nothing lies in {{ {shown} }}") from error
        case _:
            raise InvalidValueError(
                f"{describe(value)} is no test of a time: a table of min, max, below with durations, "
                'as in { below = "3s" }'
            )
