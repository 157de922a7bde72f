"""However keys are lost and whenever they are read, no line is told that was not typed just so."""

from collections.abc import Collection, Iterator
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from made_inputs import EV_KEY, PipeNode

from bridge.mapping.ports import KeyedText
from bridge.model.codes import code_number
from bridge.model.events import Event
from bridge.monitors.evdev_decode import SYN_DROPPED, Code, pack
from bridge.monitors.evdev_device import EvdevDevice
from bridge.monitors.input_asked import Asked, SpelledPort
from bridge.sources.evdev import InputIdentity
from bridge.sources.typist import PAUSE

QUEUED = 8
"""Events that the made kernel keeps; the real one keeps 64 and more."""
LETTERS = "abc"
KEYS = {letter: (EV_KEY, code_number(EV_KEY, f"KEY_{letter.upper()}")) for letter in LETTERS}
SHIFT, ENTER = (EV_KEY, code_number(EV_KEY, "KEY_LEFTSHIFT")), (EV_KEY, code_number(EV_KEY, "KEY_ENTER"))
SCANNER = InputIdentity(device="/dev/input/event3", name="Scanner")
ASKED = Asked(
    spells=SpelledPort(text=KeyedText(), fields={"port": "lab", "device": SCANNER.device}),
    keys=frozenset({*KEYS.values(), SHIFT, ENTER}),
)


class Kernel(PipeNode):
    """A node that overruns as evdev.c's queue does, and forgets what is queued when it is asked for its keys."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self._queue: list[bytes] = []

    def change(self, code: Code, value: int) -> None:
        self.now += 1000
        self.values[code] = value
        newest = pack(self.now, code, value)
        self._queue = [*self._queue, newest] if len(self._queue) < QUEUED else [pack(self.now, SYN_DROPPED, 0), newest]

    def hand_out(self) -> None:
        self.send_bytes(b"".join(self._queue))
        self._queue = []

    def state(self, event_type: int, numbers: Collection[int], /) -> dict[int, int]:
        self._queue = []
        return super().state(event_type, numbers)


def strokes(line: str) -> Iterator[tuple[Code, int]]:
    for letter in line:
        held = [SHIFT] if letter.isupper() else []
        yield from ((code, 1) for code in (*held, KEYS[letter.lower()]))
        yield from ((code, 0) for code in (KEYS[letter.lower()], *held))
    yield from ((ENTER, value) for value in (1, 0))


def is_part_of(told: list[str], typed: list[str]) -> bool:
    rest = iter(typed)
    return all(line in rest for line in told)


lines = st.lists(st.text(LETTERS + LETTERS.upper(), min_size=1, max_size=6), min_size=1, max_size=6)


@settings(deadline=None)
@given(lines, st.randoms(use_true_random=False), st.integers(1, 12), st.booleans())
def test_lines_that_are_told_were_typed_and_after_a_pause_nothing_is_missing(
    typed: list[str], random: Random, seldom: int, pauses: bool
) -> None:
    kernel = Kernel()
    device = EvdevDevice(identity=SCANNER, node=kernel, clock=lambda: kernel.now)
    found = device.watch(SCANNER, ASKED)

    def read() -> None:
        kernel.hand_out()
        found.extend(device.read())

    for line in typed:
        for stroke in strokes(line):
            kernel.change(*stroke)
            if random.randrange(seldom) == 0:
                read()
        if pauses:
            read()
            kernel.now += PAUSE
    read()
    kernel.now += PAUSE
    for stroke in strokes("Ab"):
        kernel.change(*stroke)
        read()
    device.close()
    told = [str(event.fields["line"]) for event in found if isinstance(event, Event)]

    assert told[-1] == "Ab"
    assert is_part_of(told, [*typed, "Ab"])
    assert device.lost or told == [*typed, "Ab"]
