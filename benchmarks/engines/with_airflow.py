"""Airflow: LocalExecutor, its scheduler, DAG processor and API server beside this process, its database in SQLite.

This file is also the DAG file: Airflow's processes import it from AIRFLOW_HOME/dags.
"""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

from work import WORKS, Work, answers, compute, serve


def run(work: Work) -> float:
    """One run, from queued to end as Airflow records it."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType

    run_id = f"bench-{time.time_ns()}"
    trigger_dag(
        dag_id=work.flow,
        run_id=run_id,
        logical_date=datetime.now(UTC),
        triggered_by=DagRunTriggeredByType.TEST,
    )
    while True:
        with create_session() as session:
            found = session.query(DagRun).filter_by(dag_id=work.flow, run_id=run_id).one()
            if found.state == "failed":
                raise RuntimeError("the run failed")
            if found.state == "success":
                return float((found.end_date - found.queued_at).total_seconds())
        time.sleep(0.2)


def define(work: Work) -> Any:
    """A DAG that does the work."""
    from airflow.sdk import DAG, task

    with DAG(work.flow, schedule=None, is_paused_upon_creation=False, max_active_tasks=64) as dag:

        @task
        def one(fibo: int, before: Any = None) -> int:
            return compute(fibo)

        @task
        def join(results: Any) -> int:
            return sum(results)

        if work.shape == "chain":
            before: Any = None
            for index in range(work.size):
                before = one.override(task_id=f"s{index}")(work.fibo, before)
        else:
            first = one.override(task_id="first")(0)
            splits = one.override(task_id="split").expand(before=list(range(work.size)), fibo=[work.fibo])
            first >> splits
            one.override(task_id="end")(0, join(splits))
    return dag


def wait_until_ready() -> None:
    """Until the scheduler knows all DAGs and the API server answers, at most two minutes."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    until = time.monotonic() + 120
    while time.monotonic() < until:
        with create_session() as session:
            known = {dag_id for (dag_id,) in session.query(DagModel.dag_id)}
        if known >= {work.flow for work in WORKS} and answers(int(os.environ["AIRFLOW__API__PORT"])):
            return
        time.sleep(0.5)
    raise TimeoutError("Airflow was not ready within two minutes")


def main() -> None:
    """Airflow's processes, and the loop that reads stdin."""
    command = [sys.executable, "-m", "airflow"]
    subprocess.run([*command, "db", "migrate"], check=True, stdout=sys.stderr)
    parts = [
        subprocess.Popen([*command, part], stdout=sys.stderr)
        for part in ("api-server", "scheduler", "dag-processor")
    ]
    try:
        wait_until_ready()
        serve(run)
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait(60)


if __name__ == "__main__":
    main()
else:
    for work in WORKS:
        globals()[work.flow] = define(work)
