"""Over S3 and a metadata service, with workers on two other machines, runs leave behind what `run` does.

One flow by default, the whole catalogue with `-m soak`. They are held against their run with a local datastore; that
differs in nothing but its name. `python flow.py run` needs two seconds a task over S3, and runs so with `-m soak`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from metadataservice import metadata_service
from objectstore import object_store

from .catalogue import CASES, FlowCase
from .compare import differences
from .harness import Stage, dump, end_left_behind, ours, reference, temporal_server, worker
from .references import References
from .test_fidelity import needs_mftctl

#: Groups of tests that stay in one process under xdist.
GROUPS = 3
#: What stores may do differently most: the attempts of a foreach with their logs. Files of parameters go through both
#: stores in `tests/e2e/test_stores.py`.
CHOSEN = ("retry_second",)
Dump = dict[str, Any]

pytestmark = [
    pytest.mark.fidelity,
    needs_mftctl,
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of S3 and a metadata service."""
    folders = tmp_path_factory.mktemp("s3"), tmp_path_factory.mktemp("service")
    with object_store(folders[0]) as store, metadata_service(folders[1]) as service:
        yield {**store, **service.env}


@pytest.fixture(scope="module")
def deployer(
    stage: Stage, remote: dict[str, str], mftctl: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Environment of the machine that deploys. Two others work, each with its own home, and credentials for S3."""
    folders: list[Path] = [tmp_path_factory.mktemp("machine") for _ in range(2)]
    machines = []
    with ExitStack() as started:
        address = started.enter_context(temporal_server(folders[0]))
        env = stage.environment(TEMPORAL_ADDRESS=address, MFTCTL_ISOLATION="fork", **remote)
        python_path = os.environ.get("MFTCTL_FIDELITY_PYTHONPATH")
        if python_path:
            env["PYTHONPATH"] = python_path
        theirs = {name: value for name, value in env.items() if not name.startswith("METAFLOW_")}
        for folder in folders:
            home = {"HOME": str(folder), "METAFLOW_HOME": str(folder / "metaflow"), "METAFLOW_USER": "worker"}
            machines.append({**theirs, **home})
            started.enter_context(
                worker(mftctl, Stage(folder, stage.python), machines[-1], folder / "worker.log")
            )
        yield env
    left = [process for one in machines for process in end_left_behind(one)]
    assert not left, f"processes outlived the worker: {left}"


def cases(names: tuple[str, ...] = ()) -> list[Any]:
    """Give the named cases, or all of them, in groups for processes that have stores and a worker of their own."""
    chosen = [case for case in CASES if not names or case.name in names]
    return [
        pytest.param(
            case,
            id=case.name,
            marks=[
                *(getattr(pytest.mark, mark) for mark in case.marks),
                pytest.mark.xdist_group(f"fidelity-stores-{number % GROUPS}"),
            ],
        )
        for number, case in enumerate(chosen)
    ]


def over_stores(found: Dump) -> Dump:
    """Give a dump of a run with a local datastore as one with S3 would be."""
    for task in found["tasks"].values():
        for attempt in task["attempts"].values():
            attempt["metadata"] = sorted(
                [name, kind, "s3" if name == "ds-type" else value]
                for name, kind, value in attempt["metadata"]
            )
    return found


@pytest.mark.parametrize("case", cases(CHOSEN))
def test_run_is_as_the_local_run(
    case: FlowCase,
    stage: Stage,
    mftctl: list[str],
    remote: dict[str, str],
    deployer: dict[str, str],
    references: References,
) -> None:
    """All that a local run leaves behind is there, where the datastore is S3 and metadata are a service's."""
    made = dump(ours(case, stage, deployer, "stores", mftctl), stage, stage.environment(**remote))
    assert_same(differences(over_stores(references(case)), made, case.rules))


@pytest.mark.soak
@pytest.mark.timeout(2400)  # both ways to run, each for as long as the harness waits
@pytest.mark.parametrize("case", cases())
def test_run_is_as_both_runs_of_metaflow(
    case: FlowCase,
    stage: Stage,
    mftctl: list[str],
    remote: dict[str, str],
    deployer: dict[str, str],
    references: References,
) -> None:
    """It is as the local run, and as `python flow.py --datastore=s3 --metadata=service run` beside it."""
    for module in case.needs:
        pytest.importorskip(module)
    env = stage.environment(**remote)
    made = dump(ours(case, stage, deployer, "stores", mftctl), stage, env)
    assert_same(differences(over_stores(references(case)), made, case.rules))
    assert_same(differences(dump(reference(case, stage, env), stage, env), made, case.rules))


def assert_same(found: list[str]) -> None:
    """No differences are found."""
    assert not found, "\n" + "\n".join(found)
