"""The server: what each call is answered, and who may have a connection."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from varlink_serving import DEADLINE_SECONDS, HELLO, HELLO_BACK, INTERFACE, UNLIMITED, Methods, Peer, Serving, serve

from bridge.service.varlink_server import VarlinkServer
from bridge.varlink.framing import MOST_MESSAGE_BYTES
from bridge.varlink.service import ServiceDescription


@pytest.mark.parametrize(
    ("call", "error", "parameters"),
    [
        ({"method": "foo"}, "MethodNotFound", {"method": "foo"}),
        ({"method": "org.example.test.Nope"}, "MethodNotFound", {"method": "org.example.test.Nope"}),
        ({"method": "org.example.test.__init__"}, "MethodNotFound", {"method": "org.example.test.__init__"}),
        ({"method": "org.example.none.Echo"}, "InterfaceNotFound", {"interface": "org.example.none"}),
        ({"method": "org.example.test.Echo"}, "InvalidParameter", {"parameter": "text"}),
        (HELLO | {"parameters": {"text": 5}}, "InvalidParameter", {"parameter": "text"}),
        (HELLO | {"parameters": {"text": "a", "z": 1}}, "InvalidParameter", {"parameter": "z"}),
        (HELLO | {"upgrade": True}, "InvalidParameter", {"parameter": "upgrade"}),
    ],
)
def test_a_wrong_call_is_answered_with_a_named_error_and_the_connection_stays(
    serving: Serving, call: dict[str, Any], error: str, parameters: dict[str, str]
) -> None:
    with Peer(serving.path) as peer:
        assert peer.ask(call) == {"error": f"org.varlink.service.{error}", "parameters": parameters}
        assert peer.ask(HELLO) == HELLO_BACK


def test_a_method_fails_with_an_error_of_its_interface(serving: Serving) -> None:
    with Peer(serving.path) as peer:
        answer = peer.ask({"method": "org.example.test.Fail", "parameters": {"reason": "no"}})

    assert answer == {"error": "org.example.test.Failed", "parameters": {"reason": "no"}}


def test_a_oneway_call_is_made_and_not_answered(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(HELLO | {"oneway": True, "parameters": {"text": "unanswered"}})
        peer.send({"method": "org.example.test.Nope", "oneway": True})

        assert peer.ask(HELLO) == HELLO_BACK
        assert methods.calls == 2


def test_a_call_with_more_is_answered_once(serving: Serving) -> None:
    with Peer(serving.path) as peer:
        assert peer.ask(HELLO | {"more": True}) == HELLO_BACK
        assert peer.ask({"method": "org.varlink.service.GetInfo"})["parameters"]["product"] == "test"


def test_calls_sent_ahead_are_answered_in_their_order_even_after_the_peer_has_said_its_last(
    serving: Serving, methods: Methods
) -> None:
    calls = [{"method": "org.example.test.Echo", "parameters": {"text": str(number)}} for number in range(100)]
    with Peer(serving.path) as peer:
        peer.send({"method": "org.example.test.Hold"})
        methods.wait_until_held()
        peer.socket.sendall(b"".join(json.dumps(call).encode() + b"\0" for call in calls))
        peer.socket.shutdown(socket.SHUT_WR)
        methods.release.release()
        assert peer.receive() == {"parameters": {}}
        answers = [peer.receive() for _ in calls]

        assert answers == [{"parameters": call["parameters"]} for call in calls]
        assert peer.receive() is None


def test_the_longest_call_is_answered(serving: Serving) -> None:
    text = "y" * (MOST_MESSAGE_BYTES - len(b'{"method": "org.example.test.Echo", "parameters": {"text": ""}}'))
    with Peer(serving.path) as peer:
        assert peer.ask(HELLO | {"parameters": {"text": text}}) == {"parameters": {"text": text}}


def test_a_bug_in_a_method_ends_that_connection_and_is_told_to_the_loop(serving: Serving, other: Peer) -> None:
    crash = b'{"method":"org.example.test.Crash"}'
    hello = b'{"method":"org.example.test.Echo","parameters":{"text":"hello"}}'
    with Peer(serving.path) as peer:
        assert peer.ask(crash) is None
    with Peer(serving.path) as peer:  # here it happens in a later turn
        peer.send(b"\0".join([hello] * 20 + [crash]))
        while peer.receive() is not None:
            pass

    assert other.ask(HELLO) == HELLO_BACK
    assert [type(accident) for accident in serving.accidents] == [ZeroDivisionError, ZeroDivisionError]


def test_a_caller_is_who_the_kernel_says(serving: Serving) -> None:
    with Peer(serving.path) as peer:
        answer = peer.ask({"method": "org.example.test.WhoAmI"})

    assert answer["parameters"] == {
        "uid": os.geteuid(),
        "gid": os.getegid(),
        "pid": os.getpid(),
        "groups": sorted(set(os.getgroups())),
    }


def test_all_supplementary_groups_of_a_caller_are_known_however_many(serving: Serving) -> None:
    program = """
import json, os, sys
from bridge.client.connection import Connection
with Connection(sys.argv[1], timeout_seconds=60) as connection:
    print(json.dumps([sorted(os.getgroups()), connection.call("org.example.test.WhoAmI", {})["groups"]]))
"""
    many = {"extra_groups": range(5000, 5300)} if os.geteuid() == 0 else {}  # others keep those that they have
    child = subprocess.run(
        [sys.executable, "-c", program, str(serving.path)],
        stdout=subprocess.PIPE,
        check=True,
        timeout=DEADLINE_SECONDS,
        **many,
    )
    own, seen = json.loads(child.stdout)

    assert seen == own
    assert len(seen) == 300 or os.geteuid() != 0


def test_a_server_that_closes_ends_its_connections_and_leaves_no_socket(tmp_path: Path, methods: Methods) -> None:
    with serve(tmp_path / "s", methods) as serving, Peer(serving.path) as peer:
        assert peer.ask(HELLO) == HELLO_BACK
        serving.stop()

        assert peer.receive() is None
        assert not serving.path.exists()


def test_methods_and_interface_must_agree(methods: Methods) -> None:
    service = ServiceDescription(vendor="", product="", version="", url="", interfaces=(INTERFACE,))
    served = methods.by_name() | {"org.example.test.Shout": methods.echo}
    del served["org.example.test.Fail"]

    with pytest.raises(ValueError, match=r"org\.example\.test\.Fail, org\.example\.test\.Shout"):
        VarlinkServer(service, served, UNLIMITED, methods.streamed())
