"""Deploy and delete: the deployment's Schedule together with the listener of its events."""

from __future__ import annotations

from temporalio.client import Client

from ..control import deployments
from ..control.tokens import TokenRequest
from ..model.manifest import Manifest
from . import subscriptions


async def deploy(
    client: Client, manifest: Manifest, request: TokenRequest = deployments.NO_REQUEST
) -> tuple[Manifest, Manifest | None]:
    """Register or replace the deployment: the manifest with its production token, and the previous one or None.

    From now on a listener keeps the events that it waits for. Exit code 6 when somebody else deployed it and its token
    is not known.
    """
    new, previous = await deployments.register(client, manifest, request)
    await subscriptions.subscribe(client, new)
    return new, previous


async def delete(client: Client, manifest: Manifest, user: str | None, token: str | None = None) -> None:
    """Delete the deployment and its listener; its runs continue. Exit code 6 as for ``deploy``."""
    await deployments.unregister(client, manifest, user, token)
    await subscriptions.unsubscribe(client, manifest.deployment)
