"""The command `hwbridge`: where it begins. It knows of verbs only which one can be done at once; `command` knows all.

A plain `raise` is what scripts and other programs call many times: it loads nothing of what the other verbs need.
"""

import sys

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Runs one command; returns its exit code."""
    given = sys.argv[1:] if arguments is None else [*arguments]  # list is one of our verbs
    try:
        if given[:1] == ["raise"]:
            from bridge.cli.raise_at_once import raise_at_once

            code = raise_at_once(given[1:])
            if code is not None:
                return code
        from bridge.cli.command import command

        return command(given)
    except KeyboardInterrupt:
        return 130
