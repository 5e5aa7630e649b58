"""A connection to Temporal, made with an endpoint's settings; what went wrong is said in words."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from ...model.errors import Exit, MftctlError
from .endpoint import Endpoint, Pem

#: Seconds that a server which takes our connection may need before it takes our calls, and between tries.
PATIENCE, RETRY = 5.0, 0.1
#: Seconds for one try to connect.
CONNECT = 10.0


async def connect(endpoint: Endpoint) -> Client:
    """A client; MftctlError with exit code 5 when the server does not answer, refuses us or lacks the namespace."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while True:
        try:
            async with asyncio.timeout(CONNECT):
                client = await Client.connect(**_arguments(endpoint))
                break
        except (RuntimeError, RPCError, ValueError, TimeoutError) as error:
            from .diagnosis import STARTING, diagnose  # it and its probes cost each start

            found = await diagnose(endpoint, error)
            if found.code != STARTING or loop.time() > deadline:
                raise found.error(endpoint) from error
            await asyncio.sleep(RETRY)
    await _check_namespace(client, endpoint)
    global _last  # noqa: PLW0603 - a process talks to one server
    _last = endpoint
    return client


async def connect_quickly(endpoint: Endpoint) -> Client:
    """A client, or whatever error the SDK has: for those who do without the server's answer."""
    return await Client.connect(**_arguments(endpoint))


async def _check_namespace(client: Client, endpoint: Endpoint) -> None:
    """Whether it is there, once: the server takes a call for a namespace that is not for one that finds nothing."""
    request = DescribeNamespaceRequest(namespace=endpoint.temporal_namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=timedelta(seconds=CONNECT))
    except RPCError as error:
        from .diagnosis import access_denied, is_unknown_namespace, unknown_namespace

        if is_unknown_namespace(error):
            raise unknown_namespace(endpoint).error(endpoint) from error
        if error.status == RPCStatusCode.UNAUTHENTICATED:
            raise access_denied(endpoint, error.message, namespace=True).error(endpoint) from error
        # Whoever may not describe the namespace may be allowed all else; what a command then does will tell.


def _arguments(endpoint: Endpoint) -> dict[str, Any]:
    def data(pem: Pem | None) -> bytes | None:
        return None if pem is None else pem.data

    tls = TLSConfig(
        server_root_ca_cert=data(endpoint.ca),
        domain=endpoint.server_name,
        client_cert=data(endpoint.cert),
        client_private_key=data(endpoint.key),
    )
    return {
        "target_host": endpoint.address,
        "namespace": endpoint.temporal_namespace,
        "api_key": endpoint.api_key,
        "rpc_metadata": endpoint.meta,
        "tls": tls if endpoint.tls else False,
    }


class IgnoreNotFound:
    """A context that is left early, and quietly, where the server answers that it has no such thing."""

    def __enter__(self) -> None:
        """Nothing to begin with."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        """Whether that is what happened."""
        return isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND


def server_error(error: Exception) -> MftctlError | None:
    """What to say of a call that the server did not answer or did not allow; None for any other error."""
    if not isinstance(error, RPCError) or _last is None:
        return None
    reason = " ".join(str(error).split())
    if error.status in {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED}:
        from .diagnosis import access_denied

        return access_denied(_last, reason, namespace=True).error(_last)
    message, code, hint = f"the Temporal server at {_last.address}", "temporal.unknown", ""
    if error.status == RPCStatusCode.NOT_FOUND:
        message += f" knows no such thing: {reason}"
    elif error.status in _UNAVAILABLE:
        code, hint = "temporal.unreachable", "`mftctl profile check` says what is wrong with the connection"
        message += f" does not answer any more: {reason}"
    else:
        return None
    return MftctlError(message, exit=Exit.UNREACHABLE, code=code, hint=hint)


_UNAVAILABLE = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}
#: What this process is connected to: an error of a later call does not say.
_last: Endpoint | None = None
