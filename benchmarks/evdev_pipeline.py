"""Input events through decoding and pipeline, in memory, against reading them and looking each up in a dict.

Three kinds of codes: those that nobody asks about (the kernel's mask keeps them from us, where it has one), those that
a rule asks about with another value, and those that raise a trigger.
"""

import struct
import time
from collections.abc import Iterator

from benchmarks.declared import pipeline_of, rules_of
from benchmarks.result import Result, in_turns
from bridge.monitors.evdev_decode import Code, decode, pack, prepare

EVENTS = 200_000
READ = 64
"""Events in one read of a device."""
_PACKED = struct.Struct("@LLHHi")
_IDENTITY = {"device": "/dev/input/event3", "name": "HDA Intel PCH Headphone", "bustype": "0003", "vendor": "046d"}
HEADPHONE: Code = (5, 2)
REL_X: Code = (2, 0)


def measure() -> Iterator[Result]:
    """A row for each kind of code."""
    kinds = (
        ("codes that no rule asks about", REL_X, 1),
        ("codes that a rule asks about, value other", HEADPHONE, 0),
        ("codes that raise a trigger", HEADPHONE, 1),
    )
    for name, code, value in kinds:
        reads = [pack(at, code, value) * READ for at in range(EVENTS // READ)]
        rate, baseline = in_turns(lambda reads=reads: _pipeline(reads), lambda reads=reads: _by_hand(reads))
        yield Result(
            name=f"evdev events in memory, {name}",
            value=rate,
            unit="events/s",
            against="read and look up in a dict",
            baseline=baseline,
            at_least=1_000_000,
        )


def _pipeline(reads: list[bytes]) -> float:
    pipeline = pipeline_of(rules_of(['{ code = "SW_HEADPHONE_INSERT", value = 1 }']))
    prepared = prepare(_IDENTITY, [HEADPHONE])
    begin = time.perf_counter()
    for data in reads:
        events, _ = decode(data, prepared)
        for event in events:
            pipeline.receive(event)
    return len(reads) * READ / (time.perf_counter() - begin)


def _by_hand(reads: list[bytes]) -> float:
    wanted = {(*HEADPHONE, 1): "headphones"}
    found = 0
    begin = time.perf_counter()
    for data in reads:
        for _seconds, _microseconds, of_type, code, value in _PACKED.iter_unpack(data):
            if (of_type, code, value) in wanted:
                found += 1
    return len(reads) * READ / (time.perf_counter() - begin)
