"""The kernel's messages about links, addresses and routes, from bytes to values: rtnetlink(7). No socket is here.

Attributes that nobody asks for are passed over, and what is no default route of the main table is none of ours.
"""

import struct
from collections.abc import Iterator, Mapping
from socket import AF_INET, AF_INET6, inet_ntop
from typing import NamedTuple

from bridge.sources.network_state import IPV4, IPV6, Address, Link, Route

NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
NLM_F_REQUEST, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x10, 0x300
FAMILIES = {AF_INET: IPV4, AF_INET6: IPV6}
MAIN_TABLE = 254

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_HOP = struct.Struct("=HBBi")
_ATTRIBUTE = struct.Struct("=HH")
_NUMBER = struct.Struct("=I")
_ERROR = struct.Struct("=i")

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_OPERSTATE, _IFLA_EXT_MASK = 1, 3, 4, 16, 29
_SKIP_STATISTICS = 1 << 3  # RTEXT_FILTER_SKIP_STATS
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING, _IFF_LOWER_UP = 0x1, 0x8, 0x40, 0x10000
_OPERSTATES = ("unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up")

_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFA_F_OPTIMISTIC, _IFA_F_DADFAILED, _IFA_F_TENTATIVE = 0x04, 0x08, 0x40
_RT_SCOPE_LINK = 253  # what has less reaches further

_RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_MULTIPATH, _RTA_TABLE, _RTA_VIA = 4, 5, 6, 9, 15, 18
_RTN_UNICAST = 1
_FAMILY_OF_LENGTH = {4: AF_INET, 16: AF_INET6}
_LOOPBACK = b"\0" * 15 + b"\1"
_ALIGNED = 4

Attributes = Mapping[int, bytes]


class Message(NamedTuple):
    """One message: its type, its flags, the number of the request that it answers, and what it holds.

    A tuple, as a router answers with a hundred thousand of them.
    """

    type: int
    flags: int
    sequence: int
    body: bytes

    def error(self) -> int:
        """The number of the error that the kernel answers or ends with; 0 for none."""
        return -int(_ERROR.unpack_from(self.body)[0]) if len(self.body) >= _ERROR.size else 0


def messages_in(data: bytes) -> Iterator[Message]:
    """The messages of one datagram."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield Message(kind, flags, sequence, data[offset + _HEADER.size : offset + length])
        offset += _aligned(length)


def matters(message: Message) -> bool:
    """Whether what happened may change a level: all of links and addresses does, of routes the default ones.

    A busy router has others come and go all day.
    """
    if message.type in (RTM_NEWROUTE, RTM_DELROUTE) and len(message.body) >= _ROUTE.size:
        return message.body[1] == 0  # the length of the destination
    return True


def link_request(sequence: int) -> bytes:
    """Asks for all links."""
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + _NUMBER.size, _IFLA_EXT_MASK) + _NUMBER.pack(_SKIP_STATISTICS)
    return _request(RTM_GETLINK, sequence, _LINK.pack(0, 0, 0, 0, 0) + attribute)


def address_request(sequence: int) -> bytes:
    """Asks for all addresses."""
    return _request(RTM_GETADDR, sequence, _ADDRESS.pack(0, 0, 0, 0, 0))


def route_request(sequence: int, family: int) -> bytes:
    """Asks for the routes of the main table of one family."""
    return _request(RTM_GETROUTE, sequence, _ROUTE.pack(family, 0, 0, 0, MAIN_TABLE, 0, 0, 0, 0))


def links_of(message: Message) -> Iterator[Link]:
    """The interface that the answer to a `link_request` tells of."""
    if message.type != RTM_NEWLINK or len(message.body) < _LINK.size:
        return
    _, _, index, flags, _ = _LINK.unpack_from(message.body)
    attributes = _attributes(message.body, _LINK.size)
    state = int.from_bytes(attributes.get(_IFLA_OPERSTATE, b"")[:1], "little")
    yield Link(
        index=index,
        name=attributes.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode(errors="backslashreplace"),
        runs=all(flags & each for each in (_IFF_UP, _IFF_RUNNING, _IFF_LOWER_UP)),
        operstate=_OPERSTATES[state] if state < len(_OPERSTATES) else str(state),
        is_loopback=bool(flags & _IFF_LOOPBACK),
        carrier=bool(flags & _IFF_LOWER_UP) if flags & _IFF_UP else None,
        mac=attributes.get(_IFLA_ADDRESS, b"").hex(":"),
        mtu=_number(attributes, _IFLA_MTU),
    )


def addresses_of(message: Message) -> Iterator[Address]:
    """The address that the answer to an `address_request` tells of, if it is of use beyond the link."""
    if message.type != RTM_NEWADDR or len(message.body) < _ADDRESS.size:
        return
    family, _, flags, scope, index = _ADDRESS.unpack_from(message.body)
    attributes = _attributes(message.body, _ADDRESS.size)
    flags = _number(attributes, _IFA_FLAGS) or flags
    packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS) or b""
    is_sound = family in FAMILIES and _FAMILY_OF_LENGTH.get(len(packed)) == family
    if is_sound and scope < _RT_SCOPE_LINK and _is_ready(flags) and not _is_of_link(packed):
        yield Address(index=index, family=FAMILIES[family], address=inet_ntop(family, packed))


def routes_of(message: Message) -> Iterator[Route]:
    """The default routes that the answer to a `route_request` tells of, one for each hop; cut off ones, too."""
    if message.type != RTM_NEWROUTE or len(message.body) < _ROUTE.size:
        return
    family, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(message.body)
    if length or family not in FAMILIES or kind != _RTN_UNICAST:
        return
    attributes = _attributes(message.body, _ROUTE.size)
    if (_number(attributes, _RTA_TABLE) or table) != MAIN_TABLE:
        return
    metric = _number(attributes, _RTA_PRIORITY) or 0
    for index, about in (
        (_number(attributes, _RTA_OIF) or 0, attributes),
        *_hops(attributes.get(_RTA_MULTIPATH, b"")),
    ):
        if index:
            yield Route(index=index, family=FAMILIES[family], metric=metric, gateway=_gateway(about))


def _hops(data: bytes) -> Iterator[tuple[int, Attributes]]:
    offset = 0
    while offset + _HOP.size <= len(data):
        length, _, _, index = _HOP.unpack_from(data, offset)
        if length < _HOP.size:
            return
        yield index, _attributes(data[offset : offset + length], _HOP.size)
        offset += _aligned(length)


def _gateway(attributes: Attributes) -> str:
    """The gateway; one of the other family (RFC 5549) stands behind that family."""
    packed = attributes.get(_RTA_GATEWAY) or attributes.get(_RTA_VIA, b"")[2:]
    family = _FAMILY_OF_LENGTH.get(len(packed))
    return "" if family is None else inet_ntop(family, packed)


def _is_of_link(packed: bytes) -> bool:
    """Whether it is 169.254.0.0/16, 127.0.0.0/8, fe80::/10 or ::1, which some set without their scope."""
    if len(packed) == len(_LOOPBACK):
        return (packed[0] == 0xFE and packed[1] & 0xC0 == 0x80) or packed == _LOOPBACK
    return packed[:2] == b"\xa9\xfe" or packed[0] == 127


def _is_ready(flags: int) -> bool:
    """Whether it is known that nobody else has the address, or the kernel uses it meanwhile (RFC 4429)."""
    is_tentative = bool(flags & _IFA_F_TENTATIVE) and not flags & _IFA_F_OPTIMISTIC
    return not is_tentative and not flags & _IFA_F_DADFAILED


def _request(kind: int, sequence: int, body: bytes) -> bytes:
    length = _HEADER.size + len(body)
    return _HEADER.pack(length, kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, 0) + body


def _attributes(body: bytes, offset: int) -> Attributes:
    found: dict[int, bytes] = {}
    while offset + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = body[offset + _ATTRIBUTE.size : offset + length]  # above it: nested, byte order
        offset += _aligned(length)
    return found


def _number(attributes: Attributes, kind: int) -> int | None:
    packed = attributes.get(kind, b"")
    return int(_NUMBER.unpack(packed)[0]) if len(packed) == _NUMBER.size else None


def _aligned(length: int) -> int:
    return -(-length // _ALIGNED) * _ALIGNED
