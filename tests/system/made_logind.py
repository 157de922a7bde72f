"""A logind made of python-dbusmock, which says of sessions what logind would say."""

from dbus_fast import Variant
from made_bus import MOCK, MadeBus

from bridge.monitors.bus_words import Call, Heard, Properties
from bridge.monitors.session_logind import LOGIND, MANAGER, PATH

SESSION = f"{LOGIND}.Session"


class MadeLogind:
    """On a `MadeBus` that has begun; there when it is made."""

    def __init__(self, bus: MadeBus) -> None:
        self._bus = bus
        self.start()

    def start(self) -> None:
        self._bus.mock("logind", LOGIND)

    def stop(self) -> None:
        """It is gone, with all sessions of the mock."""
        self._bus.unmock(LOGIND)

    def come(self, name: str, user: str = "alice", *, seat: str = "seat0", is_told: bool = True) -> None:
        """A session begins; without `is_told` it was there before anybody looked."""
        self._bus.hand.call(Call(LOGIND, PATH, MOCK, "AddSession", "ssusb", (name, seat, 1000, user, True)))
        if is_told:
            self._bus.hand.emit(Heard(LOGIND, PATH, MANAGER, "SessionNew", (name, path_of(name))), "so")

    def go(self, name: str) -> None:
        """A session ends."""
        self._bus.hand.call(Call(LOGIND, PATH, MOCK, "RemoveObject", "s", (path_of(name),)))
        self._bus.hand.emit(Heard(LOGIND, PATH, MANAGER, "SessionRemoved", (name, path_of(name))), "so")

    def turn(self, name: str, **values: bool | str | int) -> None:
        """Properties of a session change: `LockedHint=True`."""
        kinds = {bool: "b", str: "s", int: "i"}
        changed = {each: Variant(kinds[type(value)], value) for each, value in values.items()}
        self._bus.hand.update(Properties(LOGIND, path_of(name), SESSION), changed)

    def turn_silently(self, name: str, member: str, value: bool | str | int) -> None:
        """A property changes, and logind does not say so."""
        self.answers("Whisper", "", f"objects[{path_of(name)!r}].props[{SESSION!r}][{member!r}] = {value!r}")
        self._bus.hand.call(Call(LOGIND, PATH, MANAGER, "Whisper"))

    def prepare_for_sleep(self, begins: bool) -> None:
        """The machine is about to sleep, or has woken up."""
        self._bus.hand.emit(Heard(LOGIND, PATH, MANAGER, "PrepareForSleep", (begins,)), "b")

    def say(self, member: str, signature: str, *values: object) -> None:
        """Any signal of the manager."""
        self._bus.hand.emit(Heard(LOGIND, PATH, MANAGER, member, values), signature)

    def answers(self, member: str, signature: str, code: str, takes: str = "") -> None:
        """From now on the manager answers so: `code` sets `ret`."""
        values = (MANAGER, member, takes, signature, code)
        self._bus.hand.call(Call(LOGIND, PATH, MOCK, "AddMethod", "sssss", values))

    def inhibitors(self) -> int:
        """How many hold sleep."""
        (found,) = self._bus.hand.call(Call(LOGIND, PATH, MANAGER, "ListInhibitors"))
        return len(found)


def path_of(name: str) -> str:
    """The object of a session."""
    return f"{PATH}/session/{name}"
