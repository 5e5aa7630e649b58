"""Prefect: `with_prefect.py processes|threads`, against a server of its own (PREFECT_API_URL)."""

import sys
import time
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from work import PROCESSES, THREADS, Work, compute, serve


@task(persist_result=True, cache_policy=NO_CACHE)
def one(fibo: int, before: Any = None) -> int:
    """A step."""
    return compute(fibo)


@task(persist_result=True, cache_policy=NO_CACHE)
def join(results: list[int]) -> int:
    """A join."""
    return sum(results)


def runner() -> Any:
    """The task runner that was asked for."""
    if sys.argv[1] == "processes":
        return ProcessPoolTaskRunner(max_workers=PROCESSES)
    return ThreadPoolTaskRunner(max_workers=THREADS)


@flow
def chain(size: int, fibo: int) -> None:
    """Steps, each submitted with the result of the one before."""
    before: Any = None
    for _ in range(size):
        before = one.submit(fibo, before)
    before.result()


@flow
def fan(size: int, fibo: int) -> None:
    """A first step, splits, a join and an end."""
    first = one.submit(0)
    splits = [one.submit(fibo, first) for _ in range(size)]
    one.submit(0, join.submit(splits)).result()  # type: ignore[arg-type]


def run(work: Work) -> float:
    """One run."""
    flow_of = (chain if work.shape == "chain" else fan).with_options(task_runner=runner())
    began = time.perf_counter()
    flow_of(work.size, work.fibo)
    return time.perf_counter() - began


if __name__ == "__main__":
    serve(run)
