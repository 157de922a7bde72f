"""How deep decoded data is nested, so that what came from outside can be refused before anything walks it.

It decides no limit.
"""

from typing import Any


def is_deeper(value: object, levels: int) -> bool:
    """Whether dicts and lists stand within each other more than `levels` times; it needs no stack to find out.

    >>> is_deeper([[1]], 2), is_deeper([[{}]], 2)
    (False, True)
    """
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        if not level:
            return False
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
    return bool(level)
