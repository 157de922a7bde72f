"""What the rows of a `store.db` mean now, in the times of this boot. Nothing here reads a file.

Within a boot the monotonic clock tells how long ago something was. Over a boot only the wall clock does, and it may
have been set since: what is owed from an earlier boot was raised before this one began, whatever the clock says.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from bridge.dispatch.kept import Kept, Restored, TaskState
from bridge.mapping.memory import Memory
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import LONGEST_BACKOFF
from bridge.model.triggers import OwnTrigger, Raised, TriggerId
from bridge.store.content import OwedContent, TaskContent, read
from bridge.store.reading import Found
from bridge.store.values import Definition, Remembered, Times

_Content = TypeVar("_Content", bound=msgspec.Struct | dict[str, str])
_TRIGGERS: Mapping[str, TriggerId] = {str(trigger): trigger for trigger in (*OwnTrigger, *SystemTriggerType)}


def remembered(found: Found, times: Times, boot: str) -> Remembered:
    """The meaning of these rows. Rows that mean nothing are added to the faults."""
    return _Meaning(found, times, boot).remembered()


@dataclass(frozen=True, slots=True)
class _Meaning:
    found: Found
    times: Times
    boot: str

    def remembered(self) -> Remembered:
        tasks = [task for row in self.found.tasks if (task := self._content(row[1], TaskContent)) is not None]
        owed = self._owed()
        return Remembered(
            restored=Restored(
                at=self.times.now,
                tasks=tuple(map(self._state, tasks)),
                owed=owed,
                earlier_boot=frozenset(kept.number for kept in owed if kept.raised.at + self.times.asleep < 0),
            ),
            definitions=tuple(
                Definition(name=task.name, definition=task.definition, owner=task.owner)
                for task in tasks
                if not task.from_file
            ),
            memory=self._memory(),
            unclean=tuple(_text(name) for name, boot in self.found.starts if _text(boot) == self.boot),
        )

    def _owed(self) -> tuple[Kept, ...]:
        batches: defaultdict[int, list[Mapping[str, str]]] = defaultdict(list)
        for _, number, content, _ in self.found.batch:
            details = self._content(content, dict[str, str])
            if details is not None:
                batches[number].append(details)
        owed = []
        for number, content, _ in self.found.owed:
            row = self._content(content, OwedContent)
            if row is not None:
                owed.append(self._kept(number, row, tuple(batches[number])))
        return tuple(owed)

    def _content(self, content: bytes, kind: type[_Content]) -> _Content | None:
        try:
            return read(content, kind)
        except ValueError as error:
            self.found.faults.append(f"{kind.__name__}: {error}")
            return None

    def _kept(self, number: int, owed: OwedContent, batch: tuple[Mapping[str, str], ...]) -> Kept:
        raised = Raised(
            at=owed.at - self.times.asleep if owed.boot == self.boot else self._before_this_boot(owed.wall),
            trigger=_TRIGGERS.get(owed.trigger) or Guid.parse(owed.trigger),
            rule=owed.rule,
            key=owed.key,
            details=owed.details,
            origin=owed.origin,
            task=owed.only_task,
        )
        return Kept(
            number=number,
            task=owed.task,
            raised=raised,
            merged=owed.merged,
            instance_id=owed.instance_id,
            attempt=owed.attempt,
            again=owed.again,
            due=self._due(owed),
            latched=owed.latched,
            redelivered=owed.redelivered,
            batch=batch,
        )

    def _before_this_boot(self, wall: int) -> int:
        return min(-1 - self.times.asleep, self.times.now - max(0, self.times.wall - wall))

    def _due(self, owed: OwedContent) -> int | None:
        if owed.due is None or owed.wall_due is None:
            return None
        if owed.boot == self.boot:
            return owed.due - self.times.asleep
        return self.times.now + max(0, min(LONGEST_BACKOFF, owed.wall_due - self.times.wall))

    def _state(self, task: TaskContent) -> TaskState:
        if task.boot != self.boot:
            return TaskState(
                name=task.name,
                definition=task.definition,
                spent=frozenset(task.spent),
                due={place: self.times.now + wall - self.times.wall for place, (_, wall) in task.due.items()},
                package=task.package,
            )
        return TaskState(
            name=task.name,
            definition=task.definition,
            spent=frozenset(task.spent),
            spent_in_boot=frozenset(task.spent_in_boot),
            due={place: awake_and_asleep - self.times.asleep for place, (awake_and_asleep, _) in task.due.items()},
            failures=task.failures,
            quarantined=task.quarantined,
            package=task.package,
        )

    def _memory(self) -> Memory:
        return Memory(
            raised_this_boot={
                (_text(rule), _text(key)) for boot, rule, key in self.found.raised_in_boot if _text(boot) == self.boot
            },
            true={(_text(rule), (_text(owner), _text(rest))) for rule, owner, rest in self.found.true_levels},
        )


def _text(text: bytes) -> str:
    return text.decode(errors="surrogatepass")
