"""The table [network] of hwbridge.toml: what it may say, and what is said of anything else."""

from pathlib import Path

import pytest

from bridge.errors import DeclarationError
from bridge.monitors.network_settings import INTERVAL, NetworkSettings, ProbeAddress, read_settings
from bridge.service.declarations import read_settings as read_file
from bridge.toml.document import parse
from bridge.toml.schema import root_table


def read(tmp_path: Path, text: str) -> NetworkSettings:
    config = tmp_path / "hwbridge.toml"
    config.write_text(text)
    return NetworkSettings.of(read_file(config, given=True)["network"])


def test_without_a_table_nothing_is_metered_and_nothing_is_probed() -> None:
    settings = NetworkSettings.of(read_settings(root_table(parse("hwbridge.toml", b""), [])))

    assert settings == NetworkSettings(metered=(), probe=None, probe_interval=INTERVAL)


def test_a_table_says_what_is_metered_and_what_is_probed_how_often(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        '[network]\nmetered = ["wwan*", "ppp0"]\nprobe = "http://check.example:8080/a?b=c"\nprobe_interval = "10m"\n',
    )

    assert settings == NetworkSettings(
        metered=("wwan*", "ppp0"),
        probe=ProbeAddress(host="check.example", port=8080, path="/a?b=c", shown="http://check.example:8080/a?b=c"),
        probe_interval=600_000_000,
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('metred = ["wwan*"]', "metred: unknown key; did you mean metered?"),
        ('metered = "wwan*"', 'metered: expected an array, found string "wwan*"'),
        ('metered = ["wwan*", 4]', "metered[2]: expected a string, found integer 4"),
        ('metered = [" "]', "metered[1]: an interface has a name: meant is one like wwan*"),
        ("probe = true", "probe: expected a string, found boolean true"),
        ('probe = ""', "probe: '' is no URL to probe: meant is http://host/path, no https"),
        ('probe = "check.example"', "probe: 'check.example' is no URL"),
        ('probe = "https://check.example/"', "probe: 'https://check.example/' is no URL"),
        ('probe = "http:///online"', "probe: 'http:///online' is no URL"),
        ('probe = "http://me:word@check.example/"', "probe: 'http://me:word@check.example/' is no URL"),
        ('probe = "http://check.example:99999/"', "probe: 'http://check.example:99999/' is no URL"),
        ('probe = "http://[::1/"', "probe: 'http://[::1/' is no URL"),
        ('probe = "http://check.example/ HTTP/1.1"', "probe: 'http://check.example/ HTTP/1.1' is no URL"),
        ('probe = "http://check.example/#there"', "probe: 'http://check.example/#there' is no URL"),
        ('probe_interval = "60s"', "probe_interval: there is no probe that it could be the interval of"),
        ('probe = "http://a/"\nprobe_interval = "1s"', "probe_interval: '1s' is too often"),
        ('probe = "http://a/"\nprobe_interval = 60', "probe_interval: expected a string, found integer 60"),
        ('probe = "http://a/"\nprobe_interval = "soon"', "probe_interval: 'soon' is not a duration"),
    ],
)
def test_anything_else_is_an_error_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read(tmp_path, f"[network]\n{line}\n")

    (problem,) = caught.value.problems
    number = 1 + len(line.splitlines())
    assert str(problem).startswith(f"{tmp_path}/hwbridge.toml:{number}: [network] {said}")
