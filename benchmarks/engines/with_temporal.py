"""Temporal's Python SDK alone: `with_temporal.py fork|pool|async`, against the server at TEMPORAL_ADDRESS.

What mftctl could be at best: the same server and SDK, a workflow that knows the shape of the run, activities that hand
on a number. `fork` starts a process for each task, as mftctl does; `pool` keeps the processes; `async` has none.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import SharedStateManager, UnsandboxedWorkflowRunner, Worker
from work import PROCESSES, THREADS, Work, compute, serve

QUEUE = f"bare-{sys.argv[1]}"


@activity.defn(name="one")
def forked(fibo: int) -> int:
    """A step in a new process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(compute(fibo)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        result = int(answer.read())
    os.waitpid(child, 0)
    return result


@activity.defn(name="one")
def pooled(fibo: int) -> int:
    """A step in a process of the pool."""
    return compute(fibo)


@activity.defn(name="one")
async def inline(fibo: int) -> int:
    """A step in the worker's own loop."""
    return compute(fibo)


@workflow.defn
class Bench:
    """A chain, or a fan-out that keeps as many tasks pending as there are splits."""

    @workflow.run
    async def run(self, shape: str, size: int, fibo: int) -> int:
        """The steps."""
        if shape == "chain":
            return [await self.one(fibo) for _ in range(size)][-1]
        await self.one(0)
        splits = await asyncio.gather(*(self.one(fibo) for _ in range(size)))
        await self.one(0)
        return await self.one(sum(splits) * 0)

    async def one(self, fibo: int) -> int:
        """A step."""
        return await workflow.execute_activity(
            "one", fibo, result_type=int, start_to_close_timeout=timedelta(minutes=5)
        )


def worker(client: Client) -> Worker:
    """A worker of the kind that was asked for."""
    options: dict[str, Any] = {
        "task_queue": QUEUE,
        "workflows": [Bench],
        "workflow_runner": UnsandboxedWorkflowRunner(),
    }
    if sys.argv[1] == "async":
        return Worker(client, activities=[inline], max_concurrent_activities=THREADS, **options)
    if sys.argv[1] == "fork":
        threads = ThreadPoolExecutor(PROCESSES)
        return Worker(
            client,
            activities=[forked],
            activity_executor=threads,
            max_concurrent_activities=PROCESSES,
            **options,
        )
    import multiprocessing

    return Worker(
        client,
        activities=[pooled],
        activity_executor=ProcessPoolExecutor(PROCESSES),
        shared_state_manager=SharedStateManager.create_from_multiprocessing(multiprocessing.Manager()),
        max_concurrent_activities=PROCESSES,
        **options,
    )


async def run(client: Client, work: Work) -> float:
    """One run, from start to end as the server records them."""
    handle = await client.start_workflow(
        Bench.run,
        args=[work.shape, work.size, work.fibo],
        id=f"{QUEUE}-{work.flow}-{os.urandom(4).hex()}",
        task_queue=QUEUE,
    )
    await handle.result()
    described = await handle.describe()
    assert described.close_time is not None
    return (described.close_time - described.start_time).total_seconds()


async def main() -> None:
    """The worker, and beside it the loop that reads stdin."""
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    loop = asyncio.get_running_loop()

    def in_loop(work: Work) -> float:
        return asyncio.run_coroutine_threadsafe(run(client, work), loop).result()

    async with worker(client):
        await in_thread(serve, in_loop)


async def in_thread(function: Callable[[Any], None], argument: object) -> None:
    """Run a function in a thread."""
    await asyncio.get_running_loop().run_in_executor(None, function, argument)


if __name__ == "__main__":
    asyncio.run(main())
