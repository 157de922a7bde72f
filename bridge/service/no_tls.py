"""Loads asyncio without TLS, for the daemon, which speaks to Unix sockets only. Imported for its effect, and first.

asyncio imports `ssl` if it can, and with it OpenSSL: more than 4 of 30 MiB. Whoever imports `ssl` after this gets it;
only asyncio's own TLS is not there.
"""

import sys

sys.modules["ssl"] = None  # type: ignore[assignment]  # "not there", as the import system has it
import asyncio  # noqa: E402  # this import is what the line before is for

del sys.modules["ssl"]

__all__ = ["asyncio"]
