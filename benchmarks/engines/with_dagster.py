"""Dagster: each op in a process of the multiprocess executor, its runs in SQLite (DAGSTER_HOME)."""

import os
import time
from pathlib import Path

from dagster import (
    DagsterInstance,
    DynamicOut,
    DynamicOutput,
    JobDefinition,
    execute_job,
    job,
    multiprocess_executor,
    op,
    reconstructable,
)
from work import PROCESSES, WORKS, Work, compute, serve

EXECUTOR = multiprocess_executor.configured({"max_concurrent": PROCESSES})


def job_of(work: Work) -> JobDefinition:
    """A job that does the work."""

    @op
    def first() -> int:
        return compute(work.fibo) if work.shape == "chain" else 0

    @op
    def one(before: int) -> int:
        return compute(work.fibo)

    @op(out=DynamicOut(int))
    def splits():  # type: ignore[no-untyped-def]  # noqa: ANN202
        for index in range(work.size):
            yield DynamicOutput(index, mapping_key=str(index))

    @op
    def join(results: list[int]) -> int:
        return sum(results)

    @job(name=work.flow, executor_def=EXECUTOR)
    def made() -> None:
        if work.shape == "chain":
            before = first()
            for _ in range(work.size - 1):
                before = one(before)
        else:
            one.alias("end")(join(splits().map(one).collect()))

    return made


def _by_name(name: str) -> JobDefinition:
    return job_of(next(work for work in WORKS if work.flow == name))


# The executor's processes find a job as a function of a module.
def chain_of_10_fibo_0() -> JobDefinition:
    return _by_name("Chain10Fibo0")


def chain_of_40_fibo_10() -> JobDefinition:
    return _by_name("Chain40Fibo10")


def chain_of_10_fibo_33() -> JobDefinition:
    return _by_name("Chain10Fibo33")


def fan_of_50() -> JobDefinition:
    return _by_name("Fan50Fibo0")


def fan_of_500() -> JobDefinition:
    return _by_name("Fan500Fibo0")


JOBS = {
    "Chain10Fibo0": chain_of_10_fibo_0,
    "Chain40Fibo10": chain_of_40_fibo_10,
    "Chain10Fibo33": chain_of_10_fibo_33,
    "Fan50Fibo0": fan_of_50,
    "Fan500Fibo0": fan_of_500,
}


def run(work: Work) -> float:
    """One run."""
    instance = DagsterInstance.get()
    began = time.perf_counter()
    with execute_job(reconstructable(JOBS[work.flow]), instance=instance, raise_on_error=True) as result:
        assert result.success
    return time.perf_counter() - began


if __name__ == "__main__":
    import with_dagster  # a job's function must be of a module that its processes can import

    os.chdir(Path(__file__).parent)
    serve(with_dagster.run)
