"""metaflow-orchestrator-kit, on our extension of Metaflow as users install it: its validator, its compliance tests.

The kit has no flows of its own: its tests run those that Metaflow itself tests orchestrators with (`test/ux`). They are
in `flows`, as Metaflow has them but for a wait of two minutes before a retry.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
#: Settings of the kit's pytest, which would otherwise find ours.
PYTEST = "[pytest]\nmarkers =\n    compliance\n    scheduler_only\n"
#: The kit leaves tests of conda out, which has to be downloaded, but has not marked this one so; and it does not say
#: --environment=conda, without which Metaflow refuses the flow.
CONDA = "test_conda_packages_available"


def test_the_validator_finds_nothing(tmp_path: Path) -> None:
    """In the wheel's files: the kit looks for mistakes that others have made in an orchestrator's source."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path]
    subprocess.run(build, cwd=HERE.parents[1], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("mftctl-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "wheel")
    command = [str(Path(sys.executable).parent / "metaflow-orchestrator-validate"), str(tmp_path / "wheel")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "FAIL" not in done.stdout
    assert re.search(r"Results: (3\d|[4-9]\d) passed, 0 failed", done.stdout), done.stdout
    assert done.returncode == 0


@pytest.mark.soak
def test_its_compliance_tests_pass(served) -> None:
    """None fails, and none is skipped: with a Deployer, a worker and a server."""
    folder = served.folder / "kit"
    shutil.copytree(HERE / "flows", folder)
    settings = folder / "pytest.ini"
    settings.write_text(PYTEST)
    served.worker("--all")
    server = f"temporal_host={served.env['TEMPORAL_ADDRESS']}"
    words = ["--scheduler-type", "temporal", "--deploy-args", server, "--test-modules", "compliance"]
    done = served.command(
        str(Path(sys.executable).parent / "metaflow-orchestrator-test"),
        *words,
        "--workers=2",
        cwd=folder,
        timeout=240,
        PYTEST_ADDOPTS=f"-c {settings} -p no:cacheprovider -k 'not {CONDA}'",
    )
    assert done.returncode == 0, done.stdout
    (passed,) = re.findall(r"=== (.*) in [\d.]+s", done.stdout)
    assert re.fullmatch(r"7 passed(, \d+ warnings?)?", passed)
