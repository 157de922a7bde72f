"""Power supplies that umockdev makes up: a sysfs and uevents that every process sees which umockdev is loaded into.

A test that needs them is run by a child with umockdev's library in front of libc; nothing of the machine is changed.
"""

import ctypes
import functools
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import pytest
from namespace import run_child, run_test

WRAPPER = "umockdev-wrapper"
LIBRARY, PRELOADED = "libumockdev.so.0", "libumockdev-preload.so.0"


def with_mocked_supplies(test: Callable[[], None]) -> Callable[[], None]:
    """The test, run by a child that may make a `MockedSupplies`; skipped where there is no umockdev."""

    @functools.wraps(test)
    def outside() -> None:
        if shutil.which(WRAPPER) is None:
            pytest.skip(f"{WRAPPER} (umockdev) is not installed")
        module = sys.modules[test.__module__].__file__
        assert module is not None
        run_child([WRAPPER, sys.executable, "-W", "error", __file__, module, test.__name__])

    return outside


class MockedSupplies:
    """A testbed without any device yet; there can be one at a time in a process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(LIBRARY)
        self._library.umockdev_testbed_new.restype = ctypes.c_void_p
        for name in ("get_root_dir", "add_devicev"):
            getattr(self._library, f"umockdev_testbed_{name}").restype = ctypes.c_char_p
        self._bed = ctypes.c_void_p(self._library.umockdev_testbed_new())
        self._paths: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._library.g_object_unref(self._bed)

    @property
    def environment(self) -> Mapping[str, str]:
        """What another process needs to see these supplies, too."""
        root = self._call("get_root_dir").decode()
        return {"UMOCKDEV_DIR": root, "LD_PRELOAD": PRELOADED}

    def add(self, name: str, **attributes: str) -> None:
        """A supply comes, and is told of."""
        self._paths[name] = self._call(
            "add_devicev", b"power_supply", name.encode(), None, _array(attributes), _array({})
        )

    def add_other(self, subsystem: str, name: str, **properties: str) -> None:
        """A device that is no supply comes, and is told of."""
        self._call("add_devicev", subsystem.encode(), name.encode(), None, _array({}), _array(properties))

    def set(self, name: str, **attributes: str) -> None:
        """A supply is otherwise from now on, and nobody is told."""
        for attribute, value in attributes.items():
            self._call("set_attribute", self._paths[name], attribute.encode(), value.encode())

    def tell(self, name: str, action: str = "change") -> None:
        """A uevent."""
        self._call("uevent", self._paths[name], action.encode())

    def remove(self, name: str) -> None:
        """A supply goes, and is told of."""
        self.tell(name, "remove")
        self._call("remove_device", self._paths.pop(name))

    def _call(self, function: str, *arguments: object) -> bytes:
        return getattr(self._library, f"umockdev_testbed_{function}")(self._bed, *arguments) or b""


def _array(of: Mapping[str, str]) -> "ctypes.Array[ctypes.c_char_p]":
    listed = [each.encode() for pair in of.items() for each in pair]
    return (ctypes.c_char_p * (len(listed) + 1))(*listed, None)


if __name__ == "__main__":
    os.environ.pop("LD_PRELOAD")  # of our own children only those that are to see it get it
    run_test(*sys.argv[1:])
