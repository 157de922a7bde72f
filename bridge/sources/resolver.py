"""What resolv.conf(5) says: the name servers and the domains to look in. Nothing here reads a file."""

from ipaddress import ip_address

from bridge.sources.network_state import Resolver

RESOLVED = frozenset({"127.0.0.53", "127.0.0.54"})
"""Where systemd-resolved listens; which name servers it asks itself stands in a file of its own."""
_MOST_DOMAINS = 32
_COMMENTS = ("#", ";")


def resolver_of(text: str) -> Resolver:
    r"""The name servers in order, without those that are no addresses, and the last list of domains, as libc has it.

    >>> resolver_of("# by hand\nnameserver 192.0.2.1\nsearch lab.example example.org\n")
    Resolver(nameservers=('192.0.2.1',), domains=('lab.example', 'example.org'))
    """
    nameservers: list[str] = []
    domains: tuple[str, ...] = ()
    for line in text.splitlines():
        if line.startswith(_COMMENTS):
            continue
        match line.split():
            case ["nameserver", address, *_] if _is_address(address):
                nameservers.append(address)
            case ["domain", domain, *_]:
                domains = (domain,)
            case ["search", *several]:
                domains = tuple(each for each in several if each != ".")  # the root: resolved's way to say none
    return Resolver(nameservers=tuple(dict.fromkeys(nameservers)), domains=domains[:_MOST_DOMAINS])


def asks_resolved(resolver: Resolver) -> bool:
    """Whether all name servers are systemd-resolved, which may know none itself."""
    return bool(resolver.nameservers) and RESOLVED.issuperset(resolver.nameservers)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
