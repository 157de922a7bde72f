"""Text that came from outside, made safe to show. Nothing here prints it."""


def printable(text: str) -> str:
    r"""The same text, with what is not printable escaped, so that it stays on its line and moves no cursor.

    >>> print(printable("first\nsecond \x1b[31m"))
    first\nsecond \x1b[31m
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
