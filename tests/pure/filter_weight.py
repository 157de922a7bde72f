"""How much an object keeps: so a test sees what grows, wherever it is kept. Nothing here knows what it weighs."""

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, int)


def weight(root: object) -> int:
    """The number of objects that are kept by an object, and those that they keep, but for code and numbers."""
    seen = {id(root): root}
    new = [root]
    while new:
        new = [each for each in gc.get_referents(*new) if id(each) not in seen and not isinstance(each, _SHARED)]
        seen.update((id(each), each) for each in new)
        new = list({id(each): each for each in new}.values())
    return len(seen)
