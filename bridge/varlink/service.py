"""What a varlink service is made of, what it says about itself, and whether a call may reach a method.

Nothing here runs a method.

Source of the semantics: varlink.org, "Service": every service has the interface `org.varlink.service`.
"""

from typing import Any

import msgspec

from bridge.errors import CallFailedError
from bridge.varlink.calls import Call
from bridge.varlink.interface import Interface, read_interface
from bridge.varlink.parameters import find_mismatches

SERVICE_INTERFACE = read_interface("""\
# What every varlink service says about itself
interface org.varlink.service

# Who made this service, which version it is, and the interfaces that it has
method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

# The description of one interface, as text
method GetInterfaceDescription(interface: string) -> (description: string)

# The service has no such interface
error InterfaceNotFound (interface: string)

# The interface has no such method
error MethodNotFound (method: string)

# The interface has the method, the service does not
error MethodNotImplemented (method: string)

# A parameter is unknown, missing, or of the wrong type
error InvalidParameter (parameter: string)

# The caller may not do this
error PermissionDenied ()

# The method answers more than once: call it with "more"
error ExpectedMore ()
""")


class ServiceDescription(msgspec.Struct, frozen=True, kw_only=True):
    """Who a service is, and its own interfaces; `org.varlink.service` comes by itself."""

    vendor: str
    product: str
    version: str
    url: str
    interfaces: tuple[Interface, ...]


def get_info(service: ServiceDescription) -> dict[str, Any]:
    """The answer to `org.varlink.service.GetInfo`."""
    return {
        "vendor": service.vendor,
        "product": service.product,
        "version": service.version,
        "url": service.url,
        "interfaces": [interface.name for interface in _all_interfaces(service)],
    }


def get_interface_description(service: ServiceDescription, name: str) -> dict[str, Any]:
    """The answer to `org.varlink.service.GetInterfaceDescription`.

    Raises `CallFailedError` `InterfaceNotFound`.
    """
    return {"description": _interface(service, name).description}


def method_names(interface: Interface) -> list[str]:
    """The names by which an interface's methods are called.

    >>> method_names(SERVICE_INTERFACE)
    ['org.varlink.service.GetInfo', 'org.varlink.service.GetInterfaceDescription']
    """
    return [f"{interface.name}.{method}" for method in interface.methods]


def check_call(service: ServiceDescription, call: Call) -> None:
    """Does nothing if the call names a method of this service and has the parameters that it takes.

    Raises `CallFailedError`: `InterfaceNotFound`, `MethodNotFound`, or `InvalidParameter` with the path of the first
    parameter at fault (`upgrade`, for a call that asks for another protocol: there is none).

    >>> service = ServiceDescription(vendor="", product="", version="", url="", interfaces=())
    >>> check_call(service, Call(method="org.varlink.service.GetInterfaceDescription", parameters={"interface": 5}))
    Traceback (most recent call last):
    bridge.errors.CallFailedError: InvalidParameter: parameter 'interface'
    """
    if call.upgrade:
        raise _failure("InvalidParameter", parameter="upgrade")
    name, dot, member = call.method.rpartition(".")
    if not dot:
        raise _failure("MethodNotFound", method=call.method)
    interface = _interface(service, name)
    if member not in interface.methods:
        raise _failure("MethodNotFound", method=call.method)
    takes = interface.methods[member].takes
    mismatch = next(find_mismatches(interface, takes, call.parameters), None)
    if mismatch is not None:
        raise _failure("InvalidParameter", parameter=mismatch.path)


def check_more(call: Call) -> None:
    """Does nothing if several answers would do. Raises `CallFailedError` ExpectedMore.

    >>> check_more(Call(method="org.hwbridge.Watch", parameters={}))
    Traceback (most recent call last):
    bridge.errors.CallFailedError: ExpectedMore
    """
    if not call.more or call.oneway:
        raise _failure("ExpectedMore")


def _all_interfaces(service: ServiceDescription) -> tuple[Interface, ...]:
    return SERVICE_INTERFACE, *service.interfaces


def _interface(service: ServiceDescription, name: str) -> Interface:
    for interface in _all_interfaces(service):
        if interface.name == name:
            return interface
    raise _failure("InterfaceNotFound", interface=name)


def _failure(error: str, **parameters: str) -> CallFailedError:
    return CallFailedError(f"{SERVICE_INTERFACE.name}.{error}", parameters)
