"""Registers the background task. Once is enough: the daemon remembers it. To do it again changes nothing."""

from bridge import (
    BackgroundTaskBuilder,
    BackgroundTaskRegistration,
    CustomSystemEventTrigger,
    Recurrence,
)

TRIGGER = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"  # rules/10-audio-jack.toml raises it
NAME = "fabrikam.audio-jack.connected Task"


def init_background_task() -> BackgroundTaskRegistration:
    """The registered task."""
    builder = BackgroundTaskBuilder()
    builder.set_trigger(CustomSystemEventTrigger(TRIGGER, Recurrence.ONCE))
    builder.task_entry_point = "fabrikam.tasks:AudioJackTask"
    builder.name = NAME
    return builder.register()


if __name__ == "__main__":
    registration = init_background_task()
    print(f"registered {registration.name} {registration.task_id}")
