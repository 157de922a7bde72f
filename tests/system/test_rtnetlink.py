"""What the kernel answers about its tables, on real netlink sockets in a namespace of each test's own."""

import errno
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_network import FAR, NEAR, ip, plug_cable
from namespace import in_namespace

from bridge.monitors.rtnetlink import ATTEMPTS, Rtnetlink
from bridge.monitors.rtnetlink_messages import (
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    Message,
    addresses_of,
    link_request,
    links_of,
    matters,
    messages_in,
    routes_of,
)
from bridge.sources.network_state import Route

MANY = 2000


@in_namespace
def test_answers_that_are_not_the_kernels_are_not_believed() -> None:
    plug_cable()
    rtnetlink = Rtnetlink()
    true = rtnetlink.tables()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as forger:
        forger.bind((0, 0))
        for sequence in range(1, 100):
            done = struct.pack("=IHHIIi", 20, NLMSG_DONE, 0, sequence, 0, 0)
            forger.sendto(done, (rtnetlink._dumps.getsockname()[0], 0))

    assert rtnetlink.tables() == true
    assert true is not None
    assert {link.name for link in true.links} == {"lo", NEAR, FAR}
    rtnetlink.close()


class Interrupted(Rtnetlink):
    """So many of the kernel's answers say at their end that its tables changed meanwhile."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self._left = answers

    def _answers(self) -> Iterator[Message]:
        for message in super()._answers():
            if message.type == NLMSG_DONE and self._left:
                self._left -= 1
                yield message._replace(flags=NLM_F_DUMP_INTR)
            else:
                yield message


@in_namespace
def test_a_dump_that_was_interrupted_is_asked_for_again_but_not_for_ever() -> None:
    plug_cable()
    with closing(Rtnetlink()) as calm, closing(Interrupted(ATTEMPTS - 1)) as interrupted:
        assert interrupted.tables() == calm.tables()
    with closing(Interrupted(ATTEMPTS)) as interrupted:
        assert interrupted.tables() is None


@in_namespace
def test_what_is_read_while_everything_changes_is_what_was_there_at_some_time() -> None:
    plug_cable()
    there = [f"address add 10.7.{number // 250}.{number % 250}/32 dev {NEAR}\n" for number in range(MANY)]
    counts = [0]
    with (
        closing(Rtnetlink()) as rtnetlink,
        subprocess.Popen(["ip", "-batch", "-"], stdin=subprocess.PIPE, text=True) as storm,
    ):
        assert storm.stdin is not None
        storm.stdin.writelines(there[: MANY // 2])
        storm.stdin.flush()
        while counts[-1] == 0:  # the rest comes when some have been seen
            counts.append(addresses_in(rtnetlink))
        storm.stdin.writelines(there[MANY // 2 :])
        storm.stdin.close()
        while storm.poll() is None:
            counts.append(addresses_in(rtnetlink))
        seen = [count for count in counts if count]

        assert seen[0] < MANY
        assert seen == sorted(seen)
        assert addresses_in(rtnetlink) == MANY


class OutOfMemoryAtFirst(Interrupted):
    """The kernel, which has no memory for the first answer."""

    has_memory = False

    def _answers(self) -> Iterator[Message]:
        if not self.has_memory:
            self.has_memory = True
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        return super()._answers()


@in_namespace
def test_tables_that_changed_after_a_trouble_that_is_over_are_to_be_looked_at_again() -> None:
    with closing(OutOfMemoryAtFirst(ATTEMPTS)) as rtnetlink:
        assert rtnetlink.tables() is None


def addresses_in(rtnetlink: Rtnetlink) -> int:
    """How many there are now; 0 where that did not hold still."""
    tables = rtnetlink.tables()
    return 0 if tables is None else len(tables.addresses)


@in_namespace
def test_what_is_left_of_a_dump_that_was_given_up_is_no_answer() -> None:
    plug_cable()
    ip(
        *(f"link add more{number} type veth peer name far{number}" for number in range(40))
    )  # more than a datagram holds
    with closing(Rtnetlink()) as rtnetlink:
        true = rtnetlink.tables()
        rtnetlink._dumps.sendto(link_request(0), (0, 0))

        assert rtnetlink.tables() == true


def test_the_name_of_a_link_may_be_no_text() -> None:
    (link,) = links_of(Message(RTM_NEWLINK, 0, 1, struct.pack("=BxHiII", 0, 1, 7, 0, 0) + attribute(3, b"eth\xff\0")))

    assert (link.index, link.name) == (7, "eth\\xff")


def test_a_gateway_may_be_of_the_other_family() -> None:
    via = struct.pack("=H", socket.AF_INET6) + socket.inet_pton(socket.AF_INET6, "fe80::1")
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 254, 0, 0, 1, 0)
    (route,) = routes_of(Message(RTM_NEWROUTE, 0, 1, body + attribute(4, struct.pack("=I", 7)) + attribute(18, via)))

    assert route == Route(index=7, family="inet", gateway="fe80::1")


@pytest.mark.parametrize("address", ["169.254.7.7", "127.0.0.1", "fe80::7", "febf::7", "::1"])
def test_an_address_that_does_not_reach_beyond_the_link_is_none_whatever_its_scope(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    body = struct.pack("=BBBBI", family, 24, 0, 0, 7) + attribute(1, socket.inet_pton(family, address))

    assert list(addresses_of(Message(RTM_NEWADDR, 0, 1, body))) == []


@given(
    kind=st.sampled_from([RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE]),
    head=st.sampled_from(
        [bytes(16), struct.pack("=BBBBI", 2, 0, 0, 0, 254), struct.pack("=BBBBBBBBI", 10, *bytes(6), 1, 0)]
    ),
    rest=st.binary(max_size=64),
)
def test_no_message_is_too_bad_to_be_passed_over(kind: int, head: bytes, rest: bytes) -> None:
    data = struct.pack("=IHHII", 16 + len(head) + len(rest), kind, 0, 1, 0) + head + rest
    for message in messages_in(data + rest):
        matters(message)
        for read in (links_of, addresses_of, routes_of):
            assert len(list(read(message))) <= len(data)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
