"""Facts and outcomes in short, for a person who reads how a promise was broken. Nothing depends on it."""

from msgspec import Struct
from msgspec.structs import fields

from bridge.dispatch.kept import TaskState
from bridge.model.tasks import Instance, Registration
from bridge.model.triggers import Raised
from bridge.pipeline.facts import Declared, RegisterTask

UNSAID = {"run", "definition", "user", "group", "owner", "from_file"}


def told(value: object) -> str:
    """One fact or outcome in one line, without what is as ever."""
    match value:
        case RegisterTask() | Declared():
            tasks = (value.registration,) if isinstance(value, RegisterTask) else value.tasks
            return f"{type(value).__name__}(at={value.at}) " + " ".join(map(_described, tasks))
        case Registration(name=name):
            return f"<{name}>"
        case Raised():
            return f"Raised({value.trigger} {value.key!r} n={value.details.get('n')} at={value.at} of={value.task})"
        case Instance():
            flags = " redelivered" * value.redelivered
            batch = [each.get("n") for each in value.batch] or ""
            which = f"run {value.instance_id} of {value.task.name}: {told(value.raised)}"
            return f"<{which} merged={value.merged} {batch} attempt={value.attempt}{flags}>"
        case tuple():
            return f"({', '.join(map(told, value))})"
        case TaskState() | Struct():
            said = [
                f"{field.name}={told(shown)}"
                for field in fields(value)
                if field.name not in UNSAID
                and (shown := getattr(value, field.name)) != field.default
                and shown not in ((), frozenset(), {}, "")
            ]
            return f"{type(value).__name__}({' '.join(said)})"
        case _:
            return repr(value)


def _described(task: Registration) -> str:
    said = [f"{field.name}={getattr(task, field.name)}" for field in fields(task) if field.name not in UNSAID]
    return f"<{' '.join(said)}>"
