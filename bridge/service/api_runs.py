"""The methods about single runs: they are requested, canceled, and reported on. What may run, the dispatcher says."""

from collections.abc import Callable, Mapping

from bridge.dispatch.decisions import Progressed
from bridge.dispatch.task import Task
from bridge.model.tasks import RequestResult
from bridge.model.triggers import OwnTrigger, Raised
from bridge.monitors.monitor import Clock
from bridge.pipeline.facts import CancelRun
from bridge.service.access import may_report, require_member, run_for, task_for
from bridge.service.answers import failure, given_details, invalid_parameter, when_written
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.varlink_server import Answer, Parameters, ServedMethod

MOST_PROGRESS = 2**32 - 1
"""Windows' `Progress` is an unsigned number of 32 bits."""


class RunMethods:
    """`RequestTask`, `Cancel`, `ReportProgress`.

    `server_of` is the user whose task server has this run, a uid, or None.
    """

    def __init__(
        self, bridge: Bridge, clock: Clock, server_of: Callable[[str], int | None] = lambda instance_id: None
    ) -> None:
        self._bridge = bridge
        self._clock = clock
        self._server_of = server_of

    def methods(self) -> Mapping[str, ServedMethod]:
        """The methods by their names."""
        return {"RequestTask": self.request, "Cancel": self.cancel, "ReportProgress": self.report_progress}

    def request(self, caller: Caller, parameters: Parameters) -> Answer:
        """`RequestTask`: the task's application trigger goes off, unless a request of before is not answered yet."""
        require_member(caller, "RequestTask")
        dispatcher, name = self._bridge.pipeline.dispatcher, parameters["name"]
        task = task_for(caller, dispatcher.tasks, name)
        details, key = given_details(parameters)
        result = dispatcher.request_result(name)
        if result is not RequestResult.Allowed:
            return {"result": result.name, "reason": self._why(task, result)}
        raised = Raised(at=self._clock(), trigger=OwnTrigger.APPLICATION, key=key, details=details, task=name)
        return when_written(self._bridge, raised, {"result": result.name, "reason": None})

    def _why(self, task: Task, result: RequestResult) -> str:
        if result is RequestResult.UnknownError:
            return "it has no application trigger"
        if result is RequestResult.CurrentlyRunning:
            return "it runs, or waits to run, for an earlier request"
        if task.quarantined:
            return f"it is quarantined: {task.quarantined}"
        return self._bridge.refusal or "the daemon stops"

    def cancel(self, caller: Caller, parameters: Parameters) -> Answer:
        """`Cancel`: the run is asked to end, unless it was before."""
        require_member(caller, "Cancel")
        run = run_for(caller, self._bridge.pipeline.dispatcher.runs, parameters["instance_id"])
        fact = CancelRun(at=self._clock(), instance_id=run.instance.instance_id)
        return when_written(self._bridge, fact, {})

    def report_progress(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`ReportProgress`: how far the run is."""
        instance_id, progress = parameters["instance_id"], parameters["progress"]
        run = self._bridge.pipeline.dispatcher.runs.get(instance_id)
        if run is None:
            raise failure("UnknownInstance", instance_id=instance_id)
        if not may_report(caller, run.instance.task) and self._server_of(instance_id) != caller.uid:
            raise failure("NotAllowed", instance_id=instance_id)
        if not 0 <= progress <= MOST_PROGRESS:
            raise invalid_parameter("progress")
        self._bridge.tell(Progressed(at=self._clock(), instance_id=instance_id, progress=progress))
        return {}
