"""A small call and its answer over the daemon's socket, against bare JSON lines over asyncio, in two processes each.

Both clients block, and both answers have the same text; the bare server neither checks what it is asked nor who asks.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.daemon import daemon, socket_of
from benchmarks.result import Result, in_turns
from bridge.client.connection import Connection

CALLS = 500
ROUNDS = 21
STATUS = "org.hwbridge.Status"
INFO = "org.varlink.service.GetInfo"

BARE = """
import asyncio, json, sys
answers = json.loads(sys.argv[2])
async def serve(reader, writer):
    while line := await reader.readline():
        call = json.loads(line)
        writer.write(json.dumps({"parameters": answers[call["method"]]}).encode() + b"\\n")
async def main():
    server = await asyncio.start_unix_server(serve, sys.argv[1])
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def measure() -> Iterator[Result]:
    """Two rows: what the daemon is and does, and what the service is."""
    with daemon() as process, Connection(socket_of(process), timeout_seconds=60) as connection:
        answers = {method: connection.call(method, {}) for method in (STATUS, INFO)}
        with _bare(answers) as bare:
            for method in answers:
                ours, theirs = in_turns(
                    lambda method=method: _each(lambda: connection.call(method, {})),
                    lambda method=method: _each(lambda: bare(method)),
                    rounds=ROUNDS,
                )
                name = f"round trip of {method.rpartition('.')[2]}"
                yield Result(name=name, value=ours, unit="us", against="bare JSON lines", baseline=theirs, at_most=1.2)


def _each(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - begin) / CALLS * 1_000_000


@contextmanager
def _bare(answers: dict[str, dict[str, object]]) -> Iterator[Callable[[str], object]]:
    """A call to a server that answers so."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "socket")
        command = [sys.executable, "-c", BARE, path, json.dumps(answers)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            server.stdout.readline()
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
                connected.connect(path)
                with connected.makefile("rb") as lines:

                    def call(method: str) -> object:
                        connected.sendall(json.dumps({"method": method, "parameters": {}}).encode() + b"\n")
                        return json.loads(lines.readline())["parameters"]

                    yield call
            server.kill()
