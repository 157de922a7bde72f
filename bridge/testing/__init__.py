"""For tests, ours and a user's: the pytest plugin, the replay driver, a fake instance. Nothing here touches a device.

A name is looked up in its module when it is first used, so that pytest starts as fast as without the plugin.
"""

from importlib import import_module

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from bridge.testing.bench import Bench as Bench
    from bridge.testing.fake_instance import FakeInstance as FakeInstance
    from bridge.testing.given import load as load

_HOMES = {
    "Bench": "bridge.testing.bench",
    "FakeInstance": "bridge.testing.fake_instance",
    "load": "bridge.testing.given",
}
__all__ = ["Bench", "FakeInstance", "load"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'bridge.testing' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
