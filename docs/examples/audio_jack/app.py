"""The application. It waits for a run of its task, also for one that was over before the application started."""

import threading

from register import init_background_task

from bridge import BackgroundTaskCompletedEventArgs, BackgroundTaskRegistration, RunFailedError

finished = threading.Event()


def on_completed(registration: BackgroundTaskRegistration, args: BackgroundTaskCompletedEventArgs) -> None:
    """Called on a thread of the library, once for each run."""
    try:
        args.check_result()
    except RunFailedError as error:
        print(error)
    else:
        print(f"{registration.name} completed:")
        print(args.output, end="")
    finished.set()


if __name__ == "__main__":
    registration = init_background_task()
    registration.completed.connect(on_completed)
    finished.wait()
