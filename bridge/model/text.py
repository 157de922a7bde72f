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


def count_of(number: int, word: str) -> str:
    """So many of something, for people.

    >>> count_of(1, "rule"), count_of(2, "rule")
    ('1 rule', '2 rules')
    """
    return f"{number} {word}{'' if number == 1 else 's'}"
