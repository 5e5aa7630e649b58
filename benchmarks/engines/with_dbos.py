"""DBOS: steps in threads of the one process, its state in SQLite."""

import os
import time

from dbos import DBOS, DBOSConfig
from work import THREADS, Work, compute, serve


@DBOS.step()
def one(fibo: int) -> int:
    """A step."""
    return compute(fibo)


@DBOS.workflow()
def split(fibo: int) -> int:
    """A split, which the queue runs."""
    return one(fibo)


@DBOS.workflow()
def chain(size: int, fibo: int) -> None:
    """Steps, one after the other."""
    for _ in range(size):
        one(fibo)


@DBOS.workflow()
def fan(size: int, fibo: int) -> None:
    """A first step, splits, a join and an end."""
    one(0)
    splits = [DBOS.enqueue_workflow("splits", split, fibo) for _ in range(size)]
    one(sum(handle.get_result() for handle in splits) * 0)
    one(0)


def run(work: Work) -> float:
    """One run."""
    began = time.perf_counter()
    (chain if work.shape == "chain" else fan)(work.size, work.fibo)
    return time.perf_counter() - began


if __name__ == "__main__":
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": f"sqlite:///{os.environ['HOME']}/dbos.sqlite",
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue("splits", worker_concurrency=THREADS, polling_interval_sec=0.01)
    serve(run)
