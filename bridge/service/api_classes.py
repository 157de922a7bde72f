"""The methods of task servers: classes are registered and revoked, runs completed. Which run goes where, the host says.

Source of the semantics: COM's `CoRegisterClassObject`, `CoRevokeClassObject` and `REGCLS`.
"""

from collections.abc import Mapping

import msgspec

from bridge.errors import InvalidGuidError
from bridge.hosts.classes import ClassHost, ServedBy
from bridge.hosts.served import REGISTERED, Completion
from bridge.model.guid import Guid
from bridge.service.access import may_complete, may_serve, require_member
from bridge.service.answers import failure, invalid_parameter
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.owners import class_owner
from bridge.service.streams import Outlet, Stream, StreamedMethod
from bridge.service.varlink_server import Parameters, ServedMethod
from bridge.varlink.calls import encode_answer, encode_continued


class ClassMethods:
    """`RegisterClass`, `RevokeClass`, `Complete`."""

    def __init__(self, bridge: Bridge, classes: ClassHost) -> None:
        self._bridge = bridge
        self._classes = classes

    def methods(self) -> Mapping[str, ServedMethod]:
        """The methods that answer once, by their names."""
        return {"RevokeClass": self.revoke, "Complete": self.complete}

    def streamed(self) -> Mapping[str, StreamedMethod]:
        """The method that answers more than once."""
        return {"RegisterClass": self.register}

    def register(self, caller: Caller, parameters: Parameters) -> Stream:
        """`RegisterClass`: the caller is handed the runs of the class."""
        require_member(caller, "RegisterClass")
        clsid = _clsid(parameters)
        self._refuse_class_of_another(caller, clsid)
        return _ServedClass(self._classes, clsid, caller, is_single=parameters.get("use") == "single")

    def revoke(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`RevokeClass`: what the calling process serves under this CLSID is handed no more runs."""
        require_member(caller, "RevokeClass")
        clsid = _clsid(parameters)
        if not self._classes.revoke(clsid, caller.uid, caller.pid, caller):
            self._refuse_class_of_another(caller, clsid)
        return {}

    def _refuse_class_of_another(self, caller: Caller, clsid: Guid) -> None:
        owner = class_owner(self._bridge.pipeline.dispatcher.registrations, clsid)
        if not may_serve(caller, self._classes.first_served_by(clsid) if owner is None else owner):
            raise failure("NotAllowed", clsid=str(clsid))

    def complete(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`Complete`: a run that a server was handed is over."""
        completion = msgspec.convert(parameters, Completion)
        instance_id = completion.instance_id
        if self._bridge.pipeline.dispatcher.runs.get(instance_id) is None:
            raise failure("UnknownInstance", instance_id=instance_id)
        served_by = self._classes.server_of(instance_id)
        if served_by is None or not may_complete(caller, served_by):
            raise failure("NotAllowed", instance_id=instance_id)
        self._classes.complete(completion)
        return {}


class _ServedClass:
    """One call of RegisterClass: a stream to the connection, a line to the class table."""

    _outlet: Outlet

    def __init__(self, classes: ClassHost, clsid: Guid, caller: Caller, *, is_single: bool) -> None:
        self._classes = classes
        self._served = ServedBy(
            clsid=clsid, uid=caller.uid, pid=caller.pid, connection=caller, line=self, single=is_single
        )

    def begin(self, outlet: Outlet) -> None:
        """The class is served from now on."""
        self._outlet = outlet
        self.tell(REGISTERED)
        self._classes.register(self._served)

    def unblocked(self) -> None:
        """Nothing: there is no more to tell than runs that go on, and these are few."""

    def closed(self) -> None:
        """The server has hung up, which revokes."""
        self._classes.hung_up(self._served)

    def tell(self, parameters: Mapping[str, object]) -> None:
        """One more answer."""
        self._outlet.write(encode_continued(parameters))

    def end(self, parameters: Mapping[str, object]) -> None:
        """The last answer."""
        self._outlet.end(encode_answer(parameters))

    def hang_up(self) -> None:
        """Ends the server's connection at once."""
        self._outlet.abort()


def _clsid(parameters: Parameters) -> Guid:
    try:
        return Guid.parse(parameters["clsid"])
    except InvalidGuidError as error:
        raise invalid_parameter("clsid") from error
