"""Connect to Temporal with the settings of an endpoint, and explain failures."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from ...model.errors import MftctlError, UnreachableError, UsageError
from .endpoint import Endpoint

#: Seconds that a starting server may need until it answers calls, and between two attempts.
PATIENCE, RETRY = 5.0, 0.1
#: Seconds for one attempt to connect.
CONNECT = 10.0


async def connect(endpoint: Endpoint, patience: float = PATIENCE) -> Client:
    """A client; MftctlError with exit code 5 when the server does not answer, denies access or lacks the namespace.

    ``patience``: seconds that a starting server has until it answers calls.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        try:
            async with asyncio.timeout(CONNECT):
                client = await Client.connect(**_arguments(endpoint))
                break
        except (RuntimeError, RPCError, ValueError, TimeoutError) as error:
            from .diagnosis import STARTING, diagnose  # only for errors: 10 ms of each command

            found = await diagnose(endpoint, error)
            if found.code != STARTING or loop.time() > deadline:
                raise found.error(endpoint) from error
            await asyncio.sleep(RETRY)
    await _check_namespace(client, endpoint)
    global _last  # noqa: PLW0603 - a process talks to one server
    _last = endpoint
    return client


async def connect_quickly(endpoint: Endpoint) -> Client:
    """A client, or the SDK's error: for callers that can do without the server."""
    return await Client.connect(**_arguments(endpoint))


async def _check_namespace(client: Client, endpoint: Endpoint) -> None:
    """Check that the namespace exists: other calls answer NOT_FOUND for a missing namespace."""
    request = DescribeNamespaceRequest(namespace=endpoint.temporal_namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=timedelta(seconds=CONNECT))
    except RPCError as error:
        # Only for errors, as above.
        from .diagnosis import access_denied, is_unknown_namespace, unknown_namespace

        if is_unknown_namespace(error):
            raise unknown_namespace(endpoint).error(endpoint) from error
        if error.status == RPCStatusCode.UNAUTHENTICATED:
            raise access_denied(endpoint, error.message, namespace=True).error(endpoint) from error
        # Without permission to describe the namespace, other calls may still be allowed.


def _arguments(endpoint: Endpoint) -> dict[str, Any]:
    tls = TLSConfig(
        server_root_ca_cert=endpoint.ca.data if endpoint.ca else None,
        domain=endpoint.server_name,
        client_cert=endpoint.cert.data if endpoint.cert else None,
        client_private_key=endpoint.key.data if endpoint.key else None,
    )
    return {
        "target_host": endpoint.address,
        "namespace": endpoint.temporal_namespace,
        "api_key": endpoint.api_key,
        "rpc_metadata": endpoint.meta,
        "tls": tls if endpoint.tls else False,
    }


class IgnoreNotFound:
    """A context that suppresses the server's NOT_FOUND."""

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        return isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND


def is_away(error: RPCError) -> bool:
    """Whether the server may answer a later call: it is away, restarts, or has too much to do."""
    return error.status in {*_UNAVAILABLE, RPCStatusCode.RESOURCE_EXHAUSTED}


def may_pass(error: RPCError) -> bool:
    """Whether the server may answer a later call: it is away, or it failed in the middle of this one."""
    return is_away(error) or error.status in _FAILING


def server_error(error: Exception) -> MftctlError | None:
    """The error for a call that the server did not answer or did not allow; None for any other error."""
    if not isinstance(error, RPCError) or _last is None:
        return None
    reason = " ".join(str(error).split())
    if error.status in {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED}:
        from .diagnosis import access_denied  # only for errors, as above

        return access_denied(_last, reason, namespace=True).error(_last)
    message, code, hint = f"the Temporal server at {_last.address}", "temporal.unknown", ""
    if error.status == RPCStatusCode.INVALID_ARGUMENT:
        return UsageError(f"{message} refuses this: {reason}", code="temporal.refused")
    if error.status == RPCStatusCode.NOT_FOUND:
        message += f" answers 'not found': {reason}"
    elif error.status in _UNAVAILABLE:
        code, hint = "temporal.unreachable", "check the connection with: mftctl profile check"
        message += f" no longer answers: {reason}"
    elif error.status in _FAILING:
        code, hint = "temporal.unreachable", "try again later"
        message += f" cannot do it now: {reason}"
    else:
        return None
    return UnreachableError(message, code=code, hint=hint)


#: A server that has too much to do, or is in trouble.
_FAILING = {
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.ABORTED,
    RPCStatusCode.INTERNAL,
    RPCStatusCode.UNKNOWN,
}
#: A server that is away; CANCELLED: the connection was closed in the middle of a call.
_UNAVAILABLE = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}
#: The endpoint that this process is connected to: errors of later calls do not name it.
_last: Endpoint | None = None
