"""Foreign varlink clients against the real daemon: the packages varlink and asyncvarlink of PyPI, and varlinkctl."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypedDict

import asyncvarlink
import pytest
import varlink
from asyncvarlink.serviceinterface import VarlinkServiceInterface
from daemon import DEADLINE_SECONDS, GUID, Daemon

from bridge.varlink.interface import (
    ArrayType,
    BasicType,
    EnumType,
    MapType,
    NamedType,
    OptionalType,
    StructType,
    Type,
    read_interface,
)

DESCRIPTION = files("bridge.varlink").joinpath("org.hwbridge.varlink").read_text(encoding="utf-8")
INTERFACE = read_interface(DESCRIPTION)
CLASS = "{14C5882B-35D3-41BE-86B2-5106269B97E6}"
TASK = {"name": "lamp", "triggers": [{"custom": GUID}, {"application": True}], "run": {"exec": ["/bin/true"]}}
SERVED = {"name": "served", "triggers": [{"application": True}], "run": {"clsid": CLASS}}
GONE = {"instance_id": "none"}


@pytest.fixture
def address(daemon: Daemon) -> Iterator[str]:
    with daemon:
        yield f"unix:{daemon.socket}"


def errors_of(client: Any) -> dict[str, dict[str, Any]]:
    """What calls of the package varlink that must fail are answered, by method."""
    errors = {}
    for method, parameters in (
        ("Raise", {"trigger": "nobody"}),
        ("Register", {"task": {"name": "lamp"}}),
        ("Unregister", {"name": "none"}),
        ("Cancel", GONE),
        ("ReportProgress", {**GONE, "progress": 5}),
        ("Complete", {**GONE, "succeeded": True}),
        ("Explain", {"name": "none"}),
        ("Wait", {"trigger": GUID, "timeout": 1}),
        ("Watch", {}),
        ("History", {"limit": 0}),
    ):
        with pytest.raises(varlink.VarlinkError) as caught:
            getattr(client, method)(**parameters)
        errors[method] = {"error": caught.value.error(), **(caught.value.parameters() or {})}
    return errors


def test_varlink_of_pypi_calls_every_method(address: str) -> None:
    with varlink.Client.new_with_address(address) as service:
        assert service.get_interface("org.hwbridge").get_description() == DESCRIPTION
        with service.open("org.hwbridge") as client, service.open("org.hwbridge") as watching:
            facts = watching.Watch(since=0, _more=True)  # which it calls with the first `next`
            registered = client.Register(TASK)
            assert registered["replaced"] is False
            assert next(facts)["entry"]["what"] == "registered"
            assert client.Validate({"name": "lamp"})["reasons"] != []
            (view,) = client.AllTasks(name="lamp")["tasks"]
            assert view["definition"]["run"] == TASK["run"]
            assert client.AllTaskGroups() == {"groups": []}
            raised = client.Raise(GUID, {"dev": "ü"}, "a key", True)
            assert [outcome["state"] for outcome in raised["outcomes"]] == ["succeeded"]
            assert client.RequestTask("lamp")["result"] == "Allowed"
            assert client.Reset("lamp") == {}
            told = [next(facts)["entry"]["what"] for _ in range(3)]
            assert told == ["raised", "activated", "completed"]
            assert client.History(limit=1, since=0)["more"] is True
            assert client.Explain("lamp")["reasons"] != []
            assert client.Status()["status"]["tasks"] == 1
            found = errors_of(client)
            assert client.Unregister("lamp") == {}

    assert found.pop("Register")["error"] == "org.hwbridge.InvalidTask"
    assert found == {
        "Raise": {"error": "org.hwbridge.UnknownTrigger", "trigger": "nobody"},
        "Unregister": {"error": "org.hwbridge.UnknownTask", "name": "none"},
        "Cancel": {"error": "org.hwbridge.UnknownInstance", **GONE},
        "ReportProgress": {"error": "org.hwbridge.UnknownInstance", **GONE},
        "Complete": {"error": "org.hwbridge.UnknownInstance", **GONE},
        "Explain": {"error": "org.hwbridge.UnknownTask", "name": "none"},
        "Wait": {"error": "org.hwbridge.TimedOut"},
        "Watch": {"error": "org.varlink.service.ExpectedMore"},
        "History": {"error": "org.varlink.service.InvalidParameter", "parameter": "limit"},
    }


def test_varlink_of_pypi_serves_a_class(address: str) -> None:
    with (
        varlink.Client.new_with_address(address) as service,
        service.open("org.hwbridge") as client,
        service.open("org.hwbridge") as serving,
    ):
        told = serving.RegisterClass(CLASS, _more=True)
        assert next(told)["action"] == "registered"
        client.Register(SERVED)
        client.RequestTask("served", {"jack": "headphone"})
        activated = next(told)
        instance_id = activated["activation"]["instance_id"]
        assert client.ReportProgress(instance_id, 50) == {}
        assert client.Complete(instance_id, True) == {}
        completed = [entry for entry in client.History(task="served")["entries"] if entry["what"] == "completed"]

    assert activated["action"] == "activate"
    assert activated["activation"]["details"] == {"jack": "headphone"}
    assert [entry["state"] for entry in completed] == ["succeeded"]


def test_the_command_line_of_varlink_of_pypi_shows_and_calls_us(address: str) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "varlink.cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE_SECONDS).stdout

    registered = json.loads(run("call", f"{address}/org.hwbridge.Register", json.dumps({"task": TASK})))

    assert registered["replaced"] is False
    assert "org.hwbridge" in run("info", address)
    assert "method Watch(" in run("help", f"{address}/org.hwbridge")
    assert json.loads(run("call", f"{address}/org.hwbridge.AllTaskGroups")) == {"groups": []}


def python_type(declared: Type) -> Any:
    """How asyncvarlink writes a type of our interface."""
    match declared:
        case BasicType():
            return PYTHON_TYPES[declared]
        case OptionalType():
            return python_type(declared.of) | None
        case NamedType():
            return python_type(INTERFACE.types[declared.name])
        case EnumType():
            return str
        case ArrayType():
            return list[python_type(declared.of)]
        case MapType():
            return dict[str, python_type(declared.of)]
        case StructType():
            return TypedDict("Struct", {name: python_type(field) for name, field in declared.fields.items()})


PYTHON_TYPES = {
    BasicType.BOOL: bool,
    BasicType.INT: int,
    BasicType.FLOAT: float,
    BasicType.STRING: str,
    BasicType.OBJECT: dict[str, str],  # none of these tests is answered one
}
RaiseAnswer, RegisterAnswer, RequestAnswer, WatchAnswer, ClassAnswer = (
    python_type(INTERFACE.methods[method].answers)
    for method in ("Raise", "Register", "RequestTask", "Watch", "RegisterClass")
)


class HwBridge(asyncvarlink.VarlinkInterface, name="org.hwbridge"):
    """What of the interface the test calls, as this package has it written down."""

    @asyncvarlink.varlinkmethod(allow_foreign=True)
    def Raise(
        self, *, trigger: str, details: dict[str, str] | None = None, key: str | None = None, wait: bool | None = None
    ) -> RaiseAnswer: ...

    @asyncvarlink.varlinkmethod(allow_foreign=True)
    def Register(self, *, task: Any) -> RegisterAnswer: ...

    @asyncvarlink.varlinkmethod
    def RequestTask(self, *, name: str, details: dict[str, str] | None = None) -> RequestAnswer: ...

    @asyncvarlink.varlinkmethod
    def Complete(self, *, instance_id: str, succeeded: bool) -> None: ...

    @asyncvarlink.varlinkmethod(allow_foreign=True)
    async def Watch(self, *, since: int | None = None, task: str | None = None) -> AsyncIterator[WatchAnswer]:
        yield {}  # only what it is declared as counts

    @asyncvarlink.varlinkmethod(allow_foreign=True)
    async def RegisterClass(self, *, clsid: str, use: str | None = None) -> AsyncIterator[ClassAnswer]:
        yield {}


async def connected(socket: Path) -> tuple[asyncio.BaseTransport, Any, Any]:
    """A connection of the package asyncvarlink, and what is called on it."""
    transport, client = await asyncvarlink.connect_unix_varlink(asyncvarlink.VarlinkClientProtocol, str(socket))
    return transport, client.make_proxy(HwBridge), client.make_proxy(VarlinkServiceInterface)


def test_asyncvarlink_registers_raises_and_watches(daemon: Daemon, address: str) -> None:
    async def talk() -> tuple[Any, list[str], str]:
        transport, hwbridge, service = await connected(daemon.socket)
        watching_transport, watching, _ = await connected(daemon.socket)
        try:
            info = await service.GetInfo()
            facts = watching.Watch(since=0)
            await hwbridge.Register(task=TASK)
            raised = await hwbridge.Raise(trigger=GUID, details={"dev": "ü"}, wait=True)
            assert [outcome["state"] for outcome in raised["outcomes"]] == ["succeeded"]
            told = [(await anext(facts))["entry"]["what"] for _ in range(4)]
            try:
                await hwbridge.Raise(trigger="nobody")
            except asyncvarlink.VarlinkErrorReply as error:
                return info, told, error.name
            return info, told, "no error"
        finally:
            transport.close()
            watching_transport.close()

    info, told, error = asyncio.run(talk())

    assert info["interfaces"] == ["org.varlink.service", "org.hwbridge"]
    assert told == ["registered", "raised", "activated", "completed"]
    assert error == "org.hwbridge.UnknownTrigger"


def test_asyncvarlink_serves_a_class(daemon: Daemon, address: str) -> None:
    async def serve() -> Any:
        transport, hwbridge, _ = await connected(daemon.socket)
        serving_transport, serving, _ = await connected(daemon.socket)
        try:
            told = serving.RegisterClass(clsid=CLASS)
            assert (await anext(told))["action"] == "registered"
            await hwbridge.Register(task=SERVED)
            await hwbridge.RequestTask(name="served")
            activated = await anext(told)
            await hwbridge.Complete(instance_id=activated["activation"]["instance_id"], succeeded=True)
            return activated
        finally:
            transport.close()
            serving_transport.close()

    assert asyncio.run(serve())["action"] == "activate"
    daemon.wait_until_idle()
    (completed,) = [each for each in daemon.call("History")["entries"] if each["what"] == "completed"]
    assert completed["state"] == "succeeded"


def test_varlinkctl_shows_calls_and_watches(daemon: Daemon, address: str) -> None:
    varlinkctl = shutil.which("varlinkctl")
    if varlinkctl is None:
        pytest.skip("varlinkctl is not there: it comes with systemd 255")
    socket = str(daemon.socket)

    def run(*arguments: str) -> str:
        command = [varlinkctl, "--json=short", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE_SECONDS).stdout

    assert "org.hwbridge" in run("info", socket)
    assert "method Watch(" in run("introspect", socket, "org.hwbridge")
    registered = json.loads(run("call", socket, "org.hwbridge.Register", json.dumps({"task": TASK})))
    assert registered["replaced"] is False
    with subprocess.Popen(
        [
            varlinkctl,
            "--json=short",
            "--more",
            "--timeout=infinity",
            "call",
            socket,
            "org.hwbridge.Watch",
            '{"since":0}',
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["entry"]["what"] == "registered"
        daemon.raise_trigger(GUID)
        assert json.loads(watching.stdout.readline())["entry"]["what"] == "raised"
        watching.kill()
