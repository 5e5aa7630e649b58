"""What the flow's code sees of the folder that mftctl brings along, in an interpreter that has mftctl as well."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
try:
    import only_in_the_bundle
except ImportError:
    sys.stdout.write("not ours\\n")
import metaflow
import metaflow_extensions.temporal.plugins.temporal.deployer
from mftctl.saga import step

def shout(word):
    return word.upper()

if __name__ == "__main__":
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        sys.stdout.write(pool.submit(shout, "well").result() + "\\n")
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A folder that has mftctl, its extension and another package, as an unpacked zipapp."""
    root = Path(__file__).parents[3]
    for name in ("mftctl", "metaflow_extensions"):
        shutil.copytree(root / name, tmp_path / "bundle" / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bundle" / "only_in_the_bundle.py").write_text("")
    return tmp_path / "bundle"


def test_a_flow_and_the_processes_it_starts_have_their_own_packages(bundle, tmp_path):
    """A package of ours is not there for them, and Metaflow finds one extension in a process started by `spawn`."""
    file = tmp_path / "spawning.py"
    file.write_text(FLOW)
    boot = bundle / "mftctl" / "interpreter" / "inside" / "boot.py"
    done = subprocess.run(
        [sys.executable, boot, "flow", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == ["not ours", "not ours", "WELL"], done.stderr
