"""NetworkManager's word on the internet, from the system bus. Where it is not there it has none, and is not started.

What the word is worth is decided elsewhere (`sources/internet`).
"""

from bridge.monitors.bus import Bus
from bridge.monitors.bus_words import Disconnected, Known, Properties, Told, Unknown, Vanished
from bridge.sources.internet import Word, word_of

SERVICE = "org.freedesktop.NetworkManager"
PROPERTIES = Properties(SERVICE, "/org/freedesktop/NetworkManager", SERVICE)


class NetworkManager:
    """What it says, as far as it has said anything."""

    def __init__(self) -> None:
        """Asks, and waits for no answer."""
        self.word = Word()
        self.is_heard = False
        """Whether its word is known, or that there is none."""
        self._bus = Bus()
        self._bus.want(PROPERTIES)

    def fileno(self) -> int:
        """Readable when `read` is to be called."""
        return self._bus.fileno()

    def read(self) -> bool:
        """Whether its word is another now, or known at last."""
        before = self.word, self.is_heard
        for told in self._bus.read():
            self._hear(told)
        return (self.word, self.is_heard) != before

    def look(self) -> None:
        """Has it say everything once more."""
        self._bus.look()

    def close(self) -> None:
        """Asks no more; its thread is over."""
        self._bus.close()

    def _hear(self, told: Told) -> None:
        match told:
            case Known(of=of, values=values) if of == PROPERTIES:
                self.word, self.is_heard = word_of(values), True
            case Vanished() | Disconnected() | Unknown():
                self.word, self.is_heard = Word(), True
