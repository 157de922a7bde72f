"""The verbs, each with what it does in a few words, and where its module is. No module is loaded here.

Each verb is the module `bridge.cli.VERB` (`raise_` for raise), with `configure(parser)` and `run(arguments)`.
"""

VERBS = {
    "run": "run the daemon",
    "check": "check rules and tasks files, and show every error in them",
    "replay": "show what recorded events lead to, without any hardware",
    "record": "write down what devices tell, to be replayed",
    "explain": "show why a task does not run, or why rules raised at recorded events or not",
    "raise": "raise a trigger",
    "wait": "wait until a trigger is raised",
    "start": "request a run of a task that has an application trigger",
    "cancel": "ask a run to end",
    "list": "list the registered tasks",
    "show": "show a task, what runs of it and what waits",
    "unregister": "end the registration of a task that no file has",
    "reset": "end the quarantine of a task",
    "history": "show what happened: raises, runs, registrations",
    "monitor": "show what happens, as it happens",
    "status": "show what the daemon is and does",
    "progress": "say from within a run how far it is",
}
NOT_YET = frozenset({"convert", "timeline", "suggest", "doctor"})
"""Verbs of the contract that a later version brings; they are refused by name."""
COMPLETE = "complete"
"""A verb for the shells' completion only: neither the help nor the manual shows it."""
_MODULES = {"raise": "raise_"}


def module_of(verb: str) -> str:
    """The full name of a verb's module."""
    return f"bridge.cli.{_MODULES.get(verb, verb)}"
