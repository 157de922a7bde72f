"""hwbridge: hardware events on Linux run the tasks registered for them. The public names; nothing heavy is imported.

A name is looked up in its module when it is first used, so `import bridge` loads neither asyncio nor a device library.
"""

from importlib import import_module

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from bridge.errors import BridgeError as BridgeError
    from bridge.model.guid import Guid as Guid
    from bridge.model.tasks import CancellationReason as CancellationReason

__version__ = "0.1.0"

_HOMES = {
    "BridgeError": "bridge.errors",
    "CancellationReason": "bridge.model.tasks",
    "Guid": "bridge.model.guid",
}
__all__ = ["BridgeError", "CancellationReason", "Guid"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'bridge' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
