"""A connection to Temporal, read from the same places as the `temporal` command line reads it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from ..errors import Exit, MftctlError

#: Seconds that a server which takes our connection may need before it takes our calls, and between tries.
STARTING, RETRY = 5.0, 0.1
_REFUSALS = ("PermissionDenied", "Unauthenticated", "NotFound")


@dataclass(frozen=True)
class Target:
    """Which server, as far as flags, MFTCTL_* and the profile say; the rest comes from Temporal's own configuration."""

    address: str | None = None
    temporal_namespace: str | None = None
    temporal_profile: str | None = None
    api_key_env: str | None = None


def is_configured(target: Target) -> bool:
    """Whether anything names a server: a flag, a profile, TEMPORAL_ADDRESS or Temporal's own configuration file."""
    if target.address or target.temporal_profile:
        return True
    return bool(ClientConfig.load_client_connect_config().get("target_host"))


async def connect(target: Target) -> Client:
    """A client; MftctlError with exit code 5 when the server does not answer or refuses us."""
    config: dict[str, Any] = dict(ClientConfig.load_client_connect_config(profile=target.temporal_profile))
    config["target_host"] = target.address or config.get("target_host") or "localhost:7233"
    if target.temporal_namespace:
        config["namespace"] = target.temporal_namespace
    if target.api_key_env:
        key = os.environ.get(target.api_key_env)
        if not key:
            raise MftctlError(
                f"the profile takes the API key from ${target.api_key_env}, which is not set",
                exit=Exit.UNREACHABLE,
                code="temporal.key",
            )
        config["api_key"] = key
    address = config["target_host"]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + STARTING
    while True:
        try:
            return await Client.connect(**config)
        except (RuntimeError, RPCError, ValueError) as error:
            # A server that has just been started takes connections a moment before it takes calls.
            starting = "after connection" in str(error) and not any(word in str(error) for word in _REFUSALS)
            if not starting or loop.time() > deadline:
                raise unreachable(str(address), error) from error
            await asyncio.sleep(RETRY)


def unreachable(address: str, error: Exception) -> MftctlError:
    """What to say when the server at ``address`` does not answer."""
    reason = " ".join(str(error).split())
    return MftctlError(
        f"no Temporal server answers at {address}: {reason}",
        exit=Exit.UNREACHABLE,
        code="temporal.unreachable",
        hint="start one with: mftctl dev; or name another with --address or TEMPORAL_ADDRESS",
    )


def refused(error: Exception) -> MftctlError | None:
    """What to say of a call that the server did not answer or did not allow; None for any other error."""
    if not isinstance(error, RPCError):
        return None
    reason = " ".join(str(error).split())
    if error.status in {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED}:
        message, code, hint = (
            f"the Temporal server refuses us: {reason}",
            "temporal.refused",
            "is the API key right?",
        )
    elif error.status == RPCStatusCode.NOT_FOUND:
        message, code, hint = f"the Temporal server knows no such thing: {reason}", "temporal.unknown", ""
    elif error.status in {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
    }:
        message, code, hint = f"the Temporal server does not answer: {reason}", "temporal.unreachable", ""
    else:
        return None
    return MftctlError(message, exit=Exit.UNREACHABLE, code=code, hint=hint)
