"""Where a flow's file is executed: the user's own by `run`, the code package's by everybody else."""

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mftctl.interpreter.compilation import compile_flow
from mftctl.model.options import Options
from mftctl.worker.host_pool import HostPool
from mftctl.worker.worker_settings import Settings

LOOKS = """
import inspect, sys
import beside
frame = inspect.currentframe().f_code.co_filename
loader = __loader__.name, __loader__.path
print(__name__, __file__, sys.argv, sys.path[0], beside.__file__, frame, loader, __spec__, __package__, __cached__)
class Typed:
    count: int
print(Typed.__annotations__)
"""
FLOW = """
import os
from metaflow import FlowSpec, step

with open(os.environ["SEEN"], "a") as seen:
    print("old", __file__, os.getcwd(), "METAFLOW_EXTRACTED_ROOT" in os.environ, file=seen)

class HereFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    HereFlow()
"""


@pytest.mark.parametrize(
    ("cwd", "typed"),
    [
        (".", "a/b/looks.py"),
        (".", "./a/b/looks.py"),
        ("a", "../a/b/looks.py"),
        ("a/b", "looks.py"),
        (".", "linked.py"),
        (".", "folder/looks.py"),
        (".", "{}/a/b/looks.py"),
    ],
)
def test_a_file_sees_itself_as_python_shows_it(tmp_path, cwd, typed):
    """`__file__`, sys.argv[0] and sys.path[0] of each way to type a path are those of `python FILE`."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "looks.py").write_text(LOOKS)
    (folder / "beside.py").write_text("")
    (tmp_path / "linked.py").symlink_to("a/b/looks.py")
    (tmp_path / "folder").symlink_to("a/b")
    typed = typed.format(tmp_path)
    ours = (
        "import sys; from mftctl.interpreter.inside import flow_file; sys.path.pop(0); sys.argv = sys.argv[1:];"
        "flow_file.execute(sys.argv[0])"
    )
    words = [[typed, "x"], ["-c", ours, typed, "x"]]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    said = [
        subprocess.run(
            [sys.executable, *one], cwd=tmp_path / cwd, env=env, capture_output=True, text=True, check=True
        ).stdout
        for one in words
    ]
    assert said[0] == said[1] != ""


@pytest.fixture
def seen(tmp_path, monkeypatch) -> Path:
    """Where the flow's import writes what it sees; the flow is in the folder `proj` of the working folder."""
    for name, value in {"METAFLOW_USER": "tester", "SEEN": str(tmp_path / "seen")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(tmp_path))
    monkeypatch.setenv("METAFLOW_DEFAULT_METADATA", "local")
    monkeypatch.setenv("METAFLOW_DEFAULT_DATASTORE", "local")
    (tmp_path / "proj").mkdir()
    (tmp_path / "proj" / "here.py").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "seen"


def test_run_loads_the_users_own_file_and_a_resumed_run_its_package(seen, tmp_path):
    """The file may have changed since, and the folder may be gone: a run goes on with the code it began with."""
    typed, cache = "proj/here.py", tmp_path / "cache"
    here = f"old {tmp_path / typed} {tmp_path} False"
    launch = asyncio.run(compile_flow(typed, Options(cwd=str(tmp_path)), sys.executable, cache)).launch
    assert _loads(HostPool(Settings(cache, 1, source=typed), print), launch, seen) == [here, here]
    (tmp_path / "proj" / "here.py").write_text("raise SystemExit('changed')")
    packaged = cache / "packages" / launch.package.sha / "here.py"
    from_package = f"old {packaged} {tmp_path} True"
    resumed = HostPool(Settings(cache, 1), print)
    assert resumed.file(launch) == str(packaged)
    assert _loads(resumed, launch, seen) == [from_package]
    elsewhere = replace(launch, cwd=str(tmp_path / "gone"))
    assert _loads(HostPool(Settings(cache, 1), print), elsewhere, seen)[0].startswith(f"old {packaged}")


def _loads(hosts: HostPool, launch, seen: Path) -> list[str]:
    """What was seen up to the moment that a host had loaded the flow."""

    async def load() -> None:
        await hosts.warm(launch)
        await hosts.close()

    asyncio.run(load())
    lines = seen.read_text().splitlines()
    seen.unlink()
    return lines
