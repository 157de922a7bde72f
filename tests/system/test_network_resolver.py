"""The resolver of the source `network`: files of a test's own below /etc and /run, and whatever is done to them."""

import errno
import os
import subprocess
from pathlib import Path

import pytest
from made_network import NEAR, Listener, asking, listening, network_monitor, plug_cable, values
from namespace import in_namespace

from bridge.mapping.interest import Interest
from bridge.model.events import Origin
from bridge.monitors import watched_paths

ETC, RUN = Path("/etc"), Path("/run/systemd/resolve")
RESOLV_CONF = ETC / "resolv.conf"
STUB = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n"
NOTHING = Interest("network", ())
RESOLVER = asking("network", '{ kind = "resolver" }')


def own_etc(resolv_conf: str | None = "nameserver 192.0.2.53\nsearch lab.example\n") -> None:
    """An /etc in which there is nothing else."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(ETC)], check=True)
    if resolv_conf is not None:
        RESOLV_CONF.write_text(resolv_conf)


def said(it: Listener) -> dict[str, object]:
    return dict(it.told[-1].fields)


@in_namespace
def test_name_servers_and_domains_are_told_as_found() -> None:
    servers = ("192.0.2.53", "2001:db8::53", "192.0.2.53", "dns.example")
    own_etc("".join(f"nameserver {each}\n" for each in servers) + "# by hand\nsearch lab.example a.example\n")
    with listening(network_monitor(), RESOLVER) as it:
        assert said(it) == {
            "kind": "resolver",
            "value": 1,
            "nameservers": "192.0.2.53 2001:db8::53",
            "domains": "lab.example a.example",
        }
        assert it.told[0].origin is Origin.START


@in_namespace
def test_where_files_cannot_be_watched_the_rest_of_the_network_is() -> None:
    def no_instance_left(**_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    own_etc()
    plug_cable()
    both = asking("network", '{ kind = "resolver" }', f'{{ kind = "link", interface = "{NEAR}" }}')
    with pytest.MonkeyPatch.context() as patched, listening(network_monitor(), NOTHING) as it:
        patched.setattr(watched_paths, "INotify", no_instance_left)
        it.watch(both)
        (refused,) = it.monitor.report().refused

        patched.undo()
        again = it.watch(both)
        report = it.monitor.report()

    assert [each.fields["kind"] for each in it.told] == ["link", "resolver"]
    assert again == it.told[1:]
    assert report.refused == ()
    assert refused.startswith("the resolver is not told: files cannot be watched: Too many open files; sysctl")


@in_namespace
def test_without_a_file_there_is_no_resolver_until_there_is_one() -> None:
    own_etc(None)
    with listening(network_monitor(), RESOLVER) as it:
        assert said(it) == {"kind": "resolver", "value": 0}
        RESOLV_CONF.write_text("nameserver 192.0.2.53\n")

        it.until_told(kind="resolver", value=1, nameservers="192.0.2.53")


@in_namespace
def test_what_is_no_file_says_nothing_and_is_not_waited_for() -> None:
    own_etc(None)
    os.mkfifo(RESOLV_CONF)
    with listening(network_monitor(), RESOLVER) as it:
        assert said(it) == {"kind": "resolver", "value": 0}
        RESOLV_CONF.unlink()
        RESOLV_CONF.mkdir()
        it.settle()
        RESOLV_CONF.rmdir()
        RESOLV_CONF.write_text("nameserver 192.0.2.53\n")

        it.until_told(kind="resolver", value=1, nameservers="192.0.2.53")


@in_namespace
def test_every_way_to_replace_the_file_is_seen() -> None:
    own_etc()
    (ETC / "other").mkdir()
    with listening(network_monitor(), RESOLVER) as it:
        new = ETC / "resolv.conf.new"
        new.write_text("nameserver 192.0.2.1\n")
        new.rename(RESOLV_CONF)
        it.until_told(nameservers="192.0.2.1")

        (ETC / "other" / "resolv.conf").write_text("nameserver 192.0.2.2\n")
        RESOLV_CONF.unlink()
        RESOLV_CONF.symlink_to("other/resolv.conf")
        it.until_told(nameservers="192.0.2.2")

        (ETC / "other" / "resolv.conf").write_text("nameserver 192.0.2.3\n")
        it.until_told(nameservers="192.0.2.3")

        (ETC / "other" / "resolv.conf").unlink()
        it.until_told(value=0)

        assert {event.origin for event in it.told[1:]} == {Origin.LIVE}


@in_namespace
def test_behind_systemd_resolved_are_the_servers_that_it_asks() -> None:
    own_etc(None)
    RUN.mkdir(parents=True)
    (RUN / "stub-resolv.conf").write_text(STUB)
    (RUN / "resolv.conf").write_text("# No DNS servers known.\nsearch .\n")
    RESOLV_CONF.symlink_to(RUN / "stub-resolv.conf")
    with listening(network_monitor(), RESOLVER) as it:
        assert said(it) == {"kind": "resolver", "value": 0}
        new = RUN / "resolv.conf.new"
        new.write_text("nameserver 192.0.2.53\nsearch lab.example\n")
        new.rename(RUN / "resolv.conf")

        assert it.until_told(value=1, nameservers="192.0.2.53").fields["domains"] == "lab.example"


@in_namespace
def test_other_files_beside_it_change_nothing() -> None:
    own_etc()
    with listening(network_monitor(), RESOLVER) as it:
        (ETC / "hosts").write_text("127.0.0.1 localhost\n")
        RESOLV_CONF.write_text(RESOLV_CONF.read_text())
        it.settle()

        assert values(it.told) == [("resolver", 1)]


@in_namespace
def test_a_file_that_is_no_text_says_nothing() -> None:
    own_etc(None)
    RESOLV_CONF.write_bytes(os.urandom(4096).replace(b"nameserver", b""))
    with listening(network_monitor(), RESOLVER) as it:
        assert said(it)["value"] == 0
