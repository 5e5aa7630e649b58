"""Files of IncludeFile parameters are stored by the flow's interpreter; mftctl's own process imports no metaflow."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mftctl.interpreter.upload import upload
from mftctl.model.errors import MftctlError
from mftctl.model.manifest import Manifest
from mftctl.model.parameter import Parameter

from ..manifests import MANIFEST

NOTE = Parameter("note", type="file")
#: Imports every module that mftctl's own process can import, and prints those of metaflow that came with them.
IMPORTS = """
import importlib, pkgutil, sys
import mftctl
for module in pkgutil.walk_packages(mftctl.__path__, "mftctl."):
    parts = module.name.split(".")
    if parts[1] not in ("metaflow_cli", "saga", "__main__") and parts[2:3] != ["inside"]:
        importlib.import_module(module.name)
print([name for name in sys.modules if name.split(".")[0] == "metaflow"])
"""


@pytest.fixture
def deployed(tmp_path: Path) -> Manifest:
    """A deployment with a local datastore."""
    launch = replace(
        MANIFEST.launch,
        python=sys.executable,
        datastore="local",
        datastore_root=str(tmp_path / ".metaflow"),
        env={"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path)},
    )
    return replace(MANIFEST, launch=launch)


def test_a_file_is_stored_in_the_datastore(deployed: Manifest, tmp_path: Path) -> None:
    """The descriptor names a copy of the file in the deployment's datastore."""
    (tmp_path / "note.txt").write_text("hello")
    stored = Path(
        json.loads(upload(deployed, NOTE, str(tmp_path / "note.txt")))["url"].removeprefix("local://")
    )
    assert stored.is_relative_to(tmp_path)
    assert stored.is_file()


def test_a_file_that_cannot_be_stored_is_named(deployed: Manifest) -> None:
    """The error names the parameter, the file and the datastore."""
    with pytest.raises(
        MftctlError, match=r"parameter 'note': cannot store /no/note\.txt in the local datastore"
    ):
        upload(deployed, NOTE, "/no/note.txt")


def test_mftctls_own_process_imports_no_metaflow() -> None:
    """No module imports metaflow at its top but those that run in the flow's interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
