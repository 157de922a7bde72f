"""What is said of the keys of hwbridge.toml; which there are, and what holds without one, is asked of the code.

Nothing is made here: `make` does that.
"""

from collections.abc import Mapping

Said = Mapping[str, tuple[str, str, str]]
"""For each key its value, what holds without it where the code's word for that is no good, and what it means."""

DURATIONS = {"settle", "most", "probe_interval", "poll", "away_after", "hold_sleep"}
"""The keys of which the code holds microseconds."""
_GROUP: Said = {
    "group": (
        "`auto`, `udev`, `kernel`",
        "",
        "who tells of devices: udevd, or the kernel without udev's properties and tags; `auto` is udevd where one runs",
    )
}

ABOUT: Mapping[str, str] = {
    "store": "what the daemon keeps",
    "udev": "the source `udev`",
    "evdev": "the source `evdev`",
    "device": "the source `device`",
    "network": "the source `network`, and what the machine knows of the internet",
    "power": "`PowerStateChange`, `BackgroundWorkCostChange`",
    "session": "`UserPresent`, `UserAway`, `Suspend`",
}
SETTINGS: Mapping[str, Said] = {
    "store": {
        "durability": (
            "`full`, `normal`, `memory`",
            "",
            "when a raise is on the disk that was accepted: before it is answered, within 20 ms, never",
        ),
        "rows": ("integer, at least 100", "", "how many lines the history has at most"),
        "bytes": ("integer, at least 1048576", "", "how large the database is at most"),
    },
    "udev": _GROUP,
    "evdev": _GROUP,
    "device": {
        **_GROUP,
        "settle": ("duration", "", "how long nothing of a device has to come before it is told to have arrived"),
        "most": ("duration, not less than `settle`", "", "after so long it is told, ready or not"),
    },
    "network": {
        "metered": ("array of globs", "none", "interfaces that cost by what goes over them: not FreeNetworkAvailable"),
        "probe": (
            "URL, `http://` only",
            "not asked",
            "asked whether the internet is there: it answers 204, or with NetworkManager's word `online`",
        ),
        "probe_interval": (
            "duration, at least 10s",
            "",
            "beside `probe`: how often it is asked while there is a default route",
        ),
    },
    "power": {
        "poll": (
            "duration, at least 1s, or `off`",
            "",
            "how often supplies are looked at, since some tell nothing; only with a battery",
        ),
        "capacity_step": ("1 to 100", "", "by how many percent the charge changes before that is told"),
        "low": ("0 to 100", "", "with so many percent or less, background work costs most"),
        "pressure": (
            "table of `cpu`, `memory`, `io`: 1 to 100, or `off`",
            "`{ cpu = 60, memory = 20, io = 60 }`",
            "percent of ten seconds in which something waited for it, from which on background work costs most",
        ),
        "upower": ("true, false", "", "whether UPower is asked, where it runs, for what sysfs does not have"),
    },
    "session": {
        "away_after": (
            "duration, 10s to 1d",
            "",
            "without input for so long, the user is away, where no logind says it",
        ),
        "hold_sleep": (
            "duration, 0s to 30s",
            "",
            "how long the daemon holds up sleep at most, for what `Suspend` runs",
        ),
    },
}
