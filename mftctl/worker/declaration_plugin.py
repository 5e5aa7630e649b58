"""The plugin by whose name a worker declares itself: it changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from temporalio.client import WorkflowHistory
from temporalio.worker import Plugin, Replayer, ReplayerConfig, Worker, WorkerConfig, WorkflowReplayResult

from ..model.declaration import Declaration


class DeclarationPlugin(Plugin):
    """Its name is the declaration: the SDK sends it with each heartbeat."""

    def __init__(self, declared: Declaration) -> None:
        self._declared = declared

    def name(self) -> str:
        """The declaration."""
        return self._declared.to_text()

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """The configuration as it is."""
        return config

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:
        """Run the worker."""
        await next(worker)

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """The configuration as it is."""
        return config

    def run_replayer(
        self,
        replayer: Replayer,
        histories: AsyncIterator[WorkflowHistory],
        next: Callable[
            [Replayer, AsyncIterator[WorkflowHistory]],
            AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]],
        ],
    ) -> AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]]:
        """Run the replayer."""
        return next(replayer, histories)
