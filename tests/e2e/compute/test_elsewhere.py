"""A run over all backends, each of them running what it is given."""

from __future__ import annotations

import json

import pytest

from .reading import left_behind, said

pytestmark = [pytest.mark.xdist_group("compute"), pytest.mark.soak]


def test_a_run_over_all_backends(deployer, machine, python):
    """It leaves behind what `python flow.py run` leaves: artifacts, attempts, and each line of a task's logs once."""
    said(deployer.command(python, "elsewhere.py", "run", "--run-id-file", "local", timeout=300))
    local = left_behind(deployer, python, f"Elsewhere/{(deployer.folder / 'local').read_text()}")
    deployment = said(deployer.run("deploy", "elsewhere.py", "-o", "name"))
    machine.worker("--all")
    done = deployer.run("trigger", deployment, "--wait", "-o", "json", timeout=300)
    ours = left_behind(deployer, python, f"Elsewhere/{json.loads(said(done))['run_id']}")

    boxed, podded, batched = ours["batched"]["seen"]
    for seen in (boxed, podded, batched):
        assert (seen["folder"], seen["code"], seen["worker"]) == ("metaflow", ".", False)
    assert ours["end"]["seen"][-1]["worker"]
    for step, there in ours.items():
        here = local[step]
        assert len(there["attempts"]) == len(here["attempts"])
        assert (there["seen"] or [])[:3] == (here["seen"] or [])[:3]
        for ran, expected in zip(there["attempts"], here["attempts"], strict=True):
            for stream in ("stdout", "stderr"):
                assert ran[stream].count("a line of") == expected[stream].count("a line of")
            assert ran["stdout"].count("a line of") <= 1
