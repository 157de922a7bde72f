"""A command host on its loop, as the service has it, with real children; nothing of them may stay."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from bridge.hosts.handlers import HandlerHost
from bridge.hosts.host import Ended
from bridge.hosts.processes import bear_bursts_of_signals, children
from bridge.model.guid import Guid
from bridge.model.tasks import SECOND, Exec, Handler, Instance, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised

GUID = Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
DEADLINE_SECONDS = 30


def shell(script: str) -> tuple[str, ...]:
    """The arguments for a script; its own braces are doubled, so that none is a template."""
    return ("/bin/sh", "-c", script.replace("{", "{{").replace("}", "}}"))


def _fifo(path: Path) -> int:
    os.mkfifo(path)
    path.chmod(0o666)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


class Bench:
    """A host while the `with` block runs; handlers say how far they are in the fifo `said`, and wait at the fifo `go`.

    Leaving the block closes the host, and asserts that no process, zombie, descriptor or accident is left.
    `cgroup` is where the host makes control groups for its runs.
    """

    def __init__(self, folder: Path, cgroup: Path | None = None) -> None:
        self._children = children(os.getpid())
        self._descriptors = len(os.listdir("/proc/self/fd"))
        self._accidents: list[object] = []
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _, context: self._accidents.append(context))
        self.reported: dict[str, Ended] = {}
        self.progress: list[tuple[str, int]] = []
        self.host = HandlerHost(
            self.loop, "/run/test.sock", lambda at: at, self._ended, self._progressed, cgroup=cgroup
        )
        self.loop.add_signal_handler(signal.SIGCHLD, self.host.reap_orphans)
        bear_bursts_of_signals()
        self.said, self.go = folder / "said", folder / "go"
        self._said, self._go = _fifo(self.said), _fifo(self.go)
        self._words: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self.loop.add_reader(self._said, self._hear)

    def _ended(self, ended: Ended) -> None:
        assert ended.instance_id not in self.reported, "a run ends once"
        self.reported[ended.instance_id] = ended
        self._changed.set()

    def _progressed(self, instance_id: str, progress: int) -> None:
        self.progress.append((instance_id, progress))
        self._changed.set()

    def start(
        self,
        *arguments: str,
        instance_id: str = "1",
        details: dict[str, str] | None = None,
        environment: dict[str, str] | None = None,
        cwd: str = "/",
        cancel_grace: int = 5 * SECOND,
        user: str | None = None,
    ) -> None:
        run = Exec(arguments=tuple(map(Template.parse, arguments)), environment=environment or {}, cwd=cwd)
        self.hand(run, instance_id=instance_id, details=details, cancel_grace=cancel_grace, user=user)

    def hand(
        self,
        run: Handler,
        *,
        instance_id: str = "1",
        task: str = "Jack",
        details: dict[str, str] | None = None,
        batch: tuple[dict[str, str], ...] = (),
        cancel_grace: int = 5 * SECOND,
        user: str | None = None,
    ) -> None:
        """Starts a run of a task with this handler."""
        registration = Registration(
            name=task, triggers=(CustomSystemEventTrigger(GUID),), run=run, cancel_grace=cancel_grace, user=user
        )
        raised = Raised(at=104_000, trigger=GUID, rule=None, key="card0", details=details or {})
        self.host.start(
            Instance(instance_id=instance_id, task=registration, raised=raised, merged=max(1, len(batch)), batch=batch)
        )

    def until(self, condition: Callable[[], bool]) -> None:
        """Runs the loop until the condition holds; it is asked whenever a run ended or a handler said something."""

        async def holds() -> None:
            while not condition():
                self._changed.clear()
                await self._changed.wait()

        self.loop.run_until_complete(asyncio.wait_for(holds(), DEADLINE_SECONDS))

    def spin_until(self, condition: Callable[[], bool]) -> None:
        """Runs the loop until the condition holds, which is asked at every turn: for what nobody tells us."""

        async def holds() -> None:
            while not condition():
                await asyncio.sleep(0)

        self.loop.run_until_complete(asyncio.wait_for(holds(), DEADLINE_SECONDS))

    def end(self, instance_id: str = "1") -> Ended:
        """How the run ends, waited for."""
        self.until(lambda: instance_id in self.reported)
        return self.reported[instance_id]

    def run(self, *arguments: str, **options: object) -> Ended:
        self.start(*arguments, **options)  # type: ignore[arg-type]  # start says what each may be
        return self.end()

    def hear(self, *words: str) -> None:
        """Waits until handlers have said these words, in any order."""
        self.until(lambda: not Counter(words) - self._words)
        self._words -= Counter(words)

    def hear_pid(self) -> int:
        """The pid that a handler says, waited for."""
        self.until(lambda: any(map(str.isdigit, self._words)))
        pid = next(filter(str.isdigit, self._words))
        self.hear(pid)
        return int(pid)

    def _hear(self) -> None:
        self._words.update(os.read(self._said, 65536).decode().split())
        self._changed.set()

    def release(self) -> None:
        """Lets one handler that waits at `go` go on."""
        os.write(self._go, b"go\n")

    def close(self) -> None:
        """Closes the host."""
        self.loop.run_until_complete(asyncio.wait_for(self.host.close(), DEADLINE_SECONDS))

    def __enter__(self) -> "Bench":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        self.loop.run_until_complete(asyncio.wait_for(self._alone(), DEADLINE_SECONDS))
        self.loop.remove_signal_handler(signal.SIGCHLD)
        self.loop.remove_reader(self._said)
        self.loop.close()
        os.close(self._said)
        os.close(self._go)
        assert self._accidents == []
        assert len(os.listdir("/proc/self/fd")) == self._descriptors

    async def _alone(self) -> None:
        # What other tests have left to us may have ended meanwhile.
        while set(children(os.getpid())) - set(self._children):
            await asyncio.sleep(0)
