"""The range of Metaflow's versions that mftctl works with, and what it says outside it."""

from __future__ import annotations

import asyncio
import venv
from pathlib import Path

import metaflow
import pytest

from mftctl.interpreter.compilation import compile_flow
from mftctl.model.errors import MftctlError
from mftctl.model.options import Options
from mftctl.worker.host_pool import HostPool
from mftctl.worker.worker_settings import Settings

OLD, NEW = "2.19.9", "99.1"
FLOW = """
from metaflow import FlowSpec, step

class AnyFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    AnyFlow()
"""


class Interpreter:
    """A Python with the installed metaflow, which says of itself that it is another version."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        real = Path(metaflow.__file__).parent
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "metaflow").mkdir()
        for entry in real.iterdir():
            if entry.name not in {"version.py", "__pycache__"}:
                (site / "metaflow" / entry.name).symlink_to(entry)
        (site / "rest.pth").write_text(str(real.parent))
        self._version = site / "metaflow" / "version.py"

    def be(self, version: str) -> None:
        """Be of this version from the next process on."""
        fresh = self._version.with_name("version.new")
        fresh.write_text(f'metaflow_version = "{version}"\n')
        fresh.replace(self._version)
        for cached in self._version.parent.glob("__pycache__/version.*"):
            cached.unlink()


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    """An interpreter whose metaflow's version a test chooses."""
    return Interpreter(tmp_path / "interpreter")


def test_an_older_metaflow_is_refused(served, interpreter) -> None:
    """A flow of an interpreter whose metaflow is too old is not deployed: one line, how to mend it, exit code 6."""
    served.flow("any_flow.py", FLOW)
    interpreter.be(OLD)
    python = str(interpreter.python)
    for words in (("deploy", "any_flow.py"), ("run", "any_flow.py")):
        done = served.run(*words, "--python", python)
        assert (done.returncode, done.stdout) == (6, "")
        said = f"mftctl: {python} has metaflow {OLD}: mftctl needs 2.19.10 or newer\nhint: pip install"
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    looked = served.run("doctor", MFTCTL_PYTHON=python)
    assert looked.returncode == 1
    assert f"FAILED\t{python}: {python} has metaflow {OLD}" in looked.stdout


def test_a_newer_metaflow_is_let_through(served, interpreter) -> None:
    """A metaflow newer than the tested ones runs flows, and `doctor` says that it is."""
    served.flow("any_flow.py", FLOW)
    interpreter.be(NEW)
    python = str(interpreter.python)
    looked = served.run("doctor", MFTCTL_PYTHON=python)
    assert looked.returncode == 0, looked.stdout
    assert f"metaflow {NEW} (newer than 2.19.39, the newest that mftctl is tested with)" in looked.stdout
    done = served.run("run", "any_flow.py", "--python", python)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_worker_with_an_older_metaflow_runs_nothing(home, interpreter, monkeypatch, isolation) -> None:
    """Where metaflow has got too old since the deploy, a worker begins no task, and knows why."""
    for name, value in home.env.items():
        monkeypatch.setenv(name, value)
    flow, cache = home.flow("any_flow.py", FLOW), home.folder / "cache"
    interpreter.be(metaflow.__version__)
    launch = asyncio.run(compile_flow(flow, Options(), str(interpreter.python), cache)).launch

    async def first_host() -> None:
        hosts = HostPool(Settings(cache, 1, isolation), print)
        try:
            (await hosts.supervisor(launch)).release()
        finally:
            await hosts.close()

    asyncio.run(first_host())
    interpreter.be(OLD)
    with pytest.raises(MftctlError, match=f"cannot be loaded: .* has metaflow {OLD}: mftctl needs"):
        asyncio.run(first_host())
