"""The scenario for the README's table: hwbridge, triggerhappy and acpid get the same events of the same jacks.

Each has a handler that notes a word: `in`, `out`, and `end`, which is how we know that it has been told all. What each
noted is what is told; which of it is right is not said here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.lab.inside.daemon import Daemon
from tests.lab.inside.jack import HEADPHONE, LINE_OUT, MICROPHONE, Jack
from tests.lab.inside.others import Other, acpid, triggerhappy
from tests.lab.inside.waiting import wait_until
from tests.lab.inside.workplace import Workplace

Seen = dict[str, object]
Noted = dict[str, list[str]]
"""By the program's name what its handlers noted."""

HWBRIDGE, TRIGGERHAPPY, ACPID = EVERYBODY = ("hwbridge", "triggerhappy", "acpid")
BOUNCES = 5
FLIPS = 2000
"""So often another switch turns while all are frozen; the kernel keeps some dozens of events for each reader."""

NOTE = """#!/bin/sh
# note FILE WORD: notes the word, and runs on as long as there is FILE.hold, unless the word is "end".
echo "$2" >>"$1"
while [ "$2" != end ] && [ -e "$1.hold" ]; do sleep 0.1; done
"""
TRIGGERS = """
[triggers]
"lab.in" = "{2C0F6A1D-8B35-47E9-9F24-6D1E0B7C5A38}"
"lab.out" = "{93E1D7B4-5C62-4A0F-8E1B-F07A2C9D4B65}"
"lab.end" = "{5B7A40E2-19CD-4F38-A6D0-3E82C5F1B794}"
"""
PLAIN, BOUNCING, KEPT = "hwbridge lab jack", "hwbridge lab bouncing jack", "hwbridge lab jack that is kept"
FILTERS = {
    PLAIN: {"in": 'start_state = "always"'},
    BOUNCING: {"in": 'debounce = "2s"', "out": 'debounce = "2s"', "end": 'debounce = "4s"'},
    KEPT: {"out": 'start_state = "if-changed"'},
}
"""What the rules of each jack say besides, by the word that they lead to."""
VALUES = {"in": ("SW_HEADPHONE_INSERT", 1), "out": ("SW_HEADPHONE_INSERT", 0), "end": ("SW_MICROPHONE_INSERT", 1)}
SWITCHES = (HEADPHONE, LINE_OUT, MICROPHONE)
TASKS = """
[[task]]
name = "headphones"
triggers = [{{ custom = "lab.in" }}, {{ custom = "lab.out" }}]
run = {{ exec = ["{note}", "{notes}", "{{word}}"] }}

[[task]]
name = "end"
triggers = [{{ custom = "lab.end" }}]
run = {{ exec = ["{note}", "{notes}", "end"] }}
"""


def beside_others(place: Workplace) -> Seen:
    """Each situation, one after the other; told is what each noted in it."""
    seen: dict[str, Noted] = {}
    _declare(place)
    with ExitStack() as first:
        jack = first.enter_context(Jack(name=PLAIN, switches=SWITCHES, plugged=True))
        with _all(place, place.directory / "first", jack) as everybody:
            seen["in before they start"] = everybody.noted(jack)
            seen["taken out, put in"] = _taken_out_and_put_in(everybody, jack)
            seen["taken out while all are stalled"] = _flooded(everybody, jack)
            seen["four times during a run"] = _during_a_run(everybody, jack)
            seen["a device that comes later"], another = _comes_later(everybody)
            seen["back as another node"] = another
            seen["contacts bounce"] = _bounces(everybody)
            kept = first.enter_context(Jack(name=KEPT, switches=SWITCHES))
            everybody.wait_for(kept)
            kept.plug()
            everybody.noted(kept)
        kept.unplug()
        with _all(place, place.directory / "second", kept) as everybody:
            seen["taken out while none runs"] = everybody.noted(kept)
    return {"noted": seen}


class Everybody:
    """The three programs, while they run, and what their handlers noted."""

    def __init__(self, daemon: Daemon, others: Mapping[str, Other], notes: Mapping[str, Path]) -> None:
        self.daemon = daemon
        self._others = others
        self._notes = notes

    def wait_for(self, jack: Jack) -> None:
        """Waits until all listen to the jack."""
        self.daemon.wait_for_device(jack.node)
        for name, other in self._others.items():
            wait_until(lambda other=other: other.has_open(jack.node), what=f"{name} listens to {jack.node}")

    def noted(self, jack: Jack) -> Noted:
        """What each has noted since it was asked last, when all have been told all."""
        jack.turn(MICROPHONE, 1)
        for name, notes in self._notes.items():
            wait_until(lambda notes=notes: "end" in _words(notes), what=f"{name} is told of the end")
        for each in (self.daemon, *self._others.values()):
            wait_until(each.is_idle, what="no handler runs")
        jack.turn(MICROPHONE, 0)
        return self.noted_yet()

    def noted_yet(self) -> Noted:
        """What each has noted since it was asked last."""
        noted = {name: [word for word in _words(notes) if word != "end"] for name, notes in self._notes.items()}
        for notes in self._notes.values():
            notes.write_text("")
        return noted

    def count(self, name: str) -> int:
        """How many words one of them has noted since it was asked last."""
        return len(_words(self._notes[name]))

    def hold(self) -> None:
        """Handlers run on from now on."""
        for notes in self._notes.values():
            Path(f"{notes}.hold").touch()

    def let_end(self) -> None:
        """Handlers may end."""
        for notes in self._notes.values():
            Path(f"{notes}.hold").unlink()

    def freeze(self) -> None:
        """Stops all where they stand."""
        for each in (self.daemon, *self._others.values()):
            each.freeze()

    def thaw(self) -> None:
        """Lets all go on."""
        for each in (self.daemon, *self._others.values()):
            each.thaw()


def _taken_out_and_put_in(everybody: Everybody, jack: Jack) -> Noted:
    jack.unplug()
    first = everybody.noted(jack)
    jack.plug()
    return _both(first, everybody.noted(jack))


def _flooded(everybody: Everybody, jack: Jack) -> Noted:
    everybody.freeze()
    jack.unplug()
    jack.flip(LINE_OUT, FLIPS)
    everybody.thaw()
    return everybody.noted(jack)


def _during_a_run(everybody: Everybody, jack: Jack) -> Noted:
    """The headphones are in, out, in and out; all handlers run until all that will start at once has started."""
    raised = everybody.daemon.status()["raised"]
    everybody.hold()
    jack.plug()
    wait_until(lambda: all(everybody.count(name) for name in EVERYBODY), what="the first handlers run")
    jack.unplug()
    jack.plug()
    jack.unplug()
    wait_until(lambda: everybody.count(TRIGGERHAPPY) == 4, what="triggerhappy has started a handler for each")
    wait_until(lambda: everybody.daemon.status()["raised"] == raised + 4, what="hwbridge has been told of each")
    at_once = everybody.noted_yet()
    everybody.let_end()
    return _both(at_once, everybody.noted(jack))


def _comes_later(everybody: Everybody) -> tuple[Noted, Noted]:
    """A device comes, and headphones are put in; then it goes, and comes back as another node."""
    with Jack(name=PLAIN, switches=SWITCHES) as jack:
        everybody.wait_for(jack)
        jack.plug()
        first, node = everybody.noted(jack), jack.node
    with Jack(name="hwbridge lab decoy") as decoy, Jack(name=PLAIN, switches=SWITCHES) as jack:
        if decoy.node != node:
            raise AssertionError(f"the decoy is {decoy.node}, and was to be {node}")
        everybody.wait_for(jack)
        jack.plug()
        return first, everybody.noted(jack)


def _bounces(everybody: Everybody) -> Noted:
    with Jack(name=BOUNCING, switches=SWITCHES) as jack:
        everybody.wait_for(jack)
        jack.flip(HEADPHONE, BOUNCES)
        jack.plug()
        return everybody.noted(jack)


def _both(first: Noted, second: Noted) -> Noted:
    """What was noted at first, `then`, and what was noted after it."""
    return {name: [*words, *(["then", *second[name]] if second[name] else [])] for name, words in first.items()}


@contextmanager
def _all(place: Workplace, folder: Path, jack: Jack) -> Iterator[Everybody]:
    """All three run, and listen to the jack; what the others need is in `folder`."""
    folder.mkdir()
    notes = {name: place.directory / f"{name}.notes" for name in EVERYBODY}
    for file in notes.values():
        file.write_text("")
    with ExitStack() as running:
        others = {
            name: running.enter_context(start(place.tools, folder / name, _note(place, name)))
            for name, start in ((TRIGGERHAPPY, triggerhappy), (ACPID, acpid))
        }
        daemon = running.enter_context(Daemon(place))
        everybody = Everybody(daemon, others, notes)
        everybody.wait_for(jack)
        yield everybody


def _declare(place: Workplace) -> None:
    note = place.directory / "note"
    note.write_text(NOTE)
    note.chmod(0o755)
    place.add_rules(TRIGGERS + "".join(_rule(jack, word) for jack in FILTERS for word in VALUES))
    (place.tasks / "lab.toml").write_text(TASKS.format(note=note, notes=place.directory / f"{HWBRIDGE}.notes"))


def _rule(jack: str, word: str) -> str:
    code, value = VALUES[word]
    return f"""
[[rule]]
name = "{jack}: {word}"
source = "evdev"
match = {{ name = "{jack}", code = "{code}", value = {value} }}
raise = "lab.{word}"
details = {{ word = "{word}" }}
{FILTERS[jack].get(word, "")}
"""


def _note(place: Workplace, name: str) -> Callable[[str], str]:
    return lambda word: f"{place.directory}/note {place.directory}/{name}.notes {word}"


def _words(notes: Path) -> list[str]:
    return notes.read_text().split()


BESIDE_SCENARIOS = {beside_others.__name__: beside_others}
