"""The methods that raise a trigger, and that wait for one to be raised. What it leads to, the dispatcher decides."""

import asyncio
from collections.abc import Mapping, Sequence

from bridge.dispatch.decisions import Finished
from bridge.dispatch.dispatcher import Dispatcher
from bridge.model.guid import Guid
from bridge.model.tasks import InstanceState
from bridge.model.triggers import Raised
from bridge.monitors.monitor import Clock
from bridge.service.access import Reach, may_read, reach_of, require_member
from bridge.service.answers import MOST_PAGE_BYTES, failure, given_details, invalid_parameter, when_written
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.following import Activation, Following
from bridge.service.named_triggers import names_of, trigger_of
from bridge.service.varlink_server import Answer, Parameters, ServedMethod
from bridge.service.waiting_callers import WaitingCallers
from bridge.store.history import MOST_OUTPUT, end_of


class RaiseMethods:
    """`Raise` and `Wait`."""

    def __init__(self, bridge: Bridge, clock: Clock) -> None:
        self._bridge = bridge
        self._clock = clock
        self._followers = bridge.telling.followers
        self._callers = WaitingCallers(asyncio.get_running_loop(), bridge.telling)

    def methods(self) -> Mapping[str, ServedMethod]:
        """The methods by their names."""
        return {"Raise": self.raise_trigger, "Wait": self.wait}

    def raise_trigger(self, caller: Caller, parameters: Parameters) -> Answer:
        """`Raise`: the trigger goes off now, as if a rule had raised it."""
        raised, given = self._raised(caller, parameters), parameters["trigger"]
        dispatcher, waits = self._dispatcher, bool(parameters.get("wait"))
        subscribers = dispatcher.subscribers(raised.trigger, raised.owner)
        if not subscribers:
            self._bridge.tell(raised)
            outcomes: Parameters = {"outcomes": []} if waits else {}
            return {"outcome": "NoSubscribers", "subscribers": 0, **outcomes}
        if dispatcher.busy(raised.trigger, raised.key, raised.owner):
            raise failure("Busy", trigger=given)
        if not dispatcher.accepts:
            raise failure("StoreFull", reason=self._bridge.refusal)
        answer = {"outcome": "Raised", "subscribers": subscribers}
        return self._when_over(caller, raised, answer) if waits else when_written(self._bridge, raised, answer)

    def _raised(self, caller: Caller, parameters: Parameters) -> Raised:
        """The fact that the caller tells, if he may."""
        rules, given = self._bridge.pipeline.rules, parameters["trigger"]
        trigger = trigger_of(rules, given)
        is_custom = isinstance(trigger, Guid)
        reach = reach_of(caller, trigger, names_of(rules, trigger), self._dispatcher.tasks) if is_custom else Reach.NONE
        if reach is Reach.NONE:
            raise failure("NotAllowed", trigger=given)
        details, key = given_details(parameters)
        return Raised(
            at=self._clock(),
            trigger=trigger,
            key=key,
            details=details,
            owner=caller.uid if reach is Reach.OWN else None,
            cause=self._bridge.run_of(caller.pid),
        )

    def _when_over(self, caller: Caller, raised: Raised, answer: Parameters) -> asyncio.Future[Parameters]:
        """Tells the fact; the answer comes when every activation is over that it leads to, and that is written."""
        following = Following(raised)
        over: asyncio.Future[Parameters] = asyncio.get_running_loop().create_future()

        def give(why_not: str) -> None:
            if not over.done():
                over.set_result({**answer, "outcomes": _outcomes(caller, following.activations)})

        def refuse(why_not: str) -> None:
            if why_not and not over.done():
                over.set_exception(failure("StoreFull", reason=why_not))

        self._followers.add(following, lambda: self._bridge.when_done(give))
        over.add_done_callback(lambda _: self._followers.remove(following))
        self._bridge.tell(raised, flush=True, then=refuse)
        return over

    def wait(self, caller: Caller, parameters: Parameters) -> Answer:
        """`Wait`: the next raise of a trigger."""
        require_member(caller, "Wait")
        rules, given = self._bridge.pipeline.rules, parameters["trigger"]
        key, timeout = parameters.get("key"), parameters.get("timeout")
        if timeout is not None and timeout < 0:
            raise invalid_parameter("timeout")
        trigger = trigger_of(rules, given)
        reach = reach_of(caller, trigger, names_of(rules, trigger), self._dispatcher.tasks)
        if reach is Reach.NONE:
            raise failure("NotAllowed", trigger=given)
        reader = caller.uid if reach is Reach.OWN else None
        return self._callers.wait(str(trigger), key, reader, timeout / 1_000_000 if timeout is not None else None)

    @property
    def _dispatcher(self) -> Dispatcher:
        return self._bridge.pipeline.dispatcher


def _outcomes(caller: Caller, activations: Sequence[Activation]) -> list[Mapping[str, object]]:
    """What became of them; as much of what they printed as fits into one answer."""
    most = min(MOST_OUTPUT, MOST_PAGE_BYTES // 2 // max(1, len(activations)))
    return [_outcome(caller, activation, most) for activation in activations]


def _outcome(caller: Caller, activation: Activation, most_output: int) -> Mapping[str, object]:
    """What became of an activation, as the type `Outcome` of the interface; of others' tasks less is told."""
    ending = activation.ending
    if not isinstance(ending, Finished):
        return {"task": activation.task, **({"dropped": ending.reason} if ending is not None else {})}
    # Who asks to be run again, and is not as the task is gone, has not done what was asked.
    state = InstanceState.FAILED if ending.state is InstanceState.AGAIN else ending.state
    outcome: dict[str, object] = {"task": activation.task, "state": state}
    owner = ending.instance.task.owner
    if may_read(caller, {owner} if owner is not None else set()):
        outcome["instance_id"] = ending.instance.instance_id
        if ending.reason is not None:
            outcome["reason"] = ending.reason.name
        outcome["detail"] = ending.detail
        outcome["output"] = end_of(ending.output, most_output)
    return outcome
