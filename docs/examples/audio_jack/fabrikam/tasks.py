"""What runs when a jack is plugged in. The daemon runs it in a process of its own, whether the application is there."""

from bridge import BackgroundTaskInstance, CancellationReason


class AudioJackTask:
    """An `IBackgroundTask`: a new object for each run."""

    def __init__(self) -> None:
        self._canceled: CancellationReason | None = None

    def run(self, instance: BackgroundTaskInstance) -> None:
        """Called when it is time to run the task. What it prints is kept with the run."""
        instance.canceled.connect(self.on_canceled)
        channels = ("left", "right")
        for place, channel in enumerate(channels):
            if self._canceled is not None:
                raise InterruptedError(f"canceled: {self._canceled.name}")
            print(f"{channel} channel of the {instance.details['jack']} jack is on")
            instance.progress = 100 * (place + 1) // len(channels)

    def on_canceled(self, instance: BackgroundTaskInstance, reason: CancellationReason) -> None:
        """Called on another thread when the run is to end: it has five seconds."""
        self._canceled = reason
