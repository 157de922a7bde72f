"""The tasks of the desk, in Python."""

import asyncio


class LampTask:
    """Turns the lamp on while headphones are in."""

    def run(self, instance):
        self.lamp = [f"on for {instance.details['dev']}"]
        self.deferral = instance.get_deferral()
        instance.canceled.connect(self.on_canceled)
        instance.progress = 50

    def on_canceled(self, instance, reason):
        self.lamp.append(f"off: {reason.name}")
        self.deferral.complete()


async def index_disk(instance):
    await asyncio.sleep(0)
    instance.progress = len(instance.batch)
