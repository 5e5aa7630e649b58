"""With mftctl installed, Metaflow alone is what it was: as fast to import, as silent, and with the same runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from .catalogue import CASES
from .compare import differences
from .harness import Stage, dump, make_stage

ROOT = Path(__file__).resolve().parents[2]
#: How many times as long `import metaflow` may take, and what no other work on the machine changes: modules, calls.
#: Metaflow reads the list of the wheel's files, which is nearly all that it does: calls for each of them.
ALLOWED_TIME, ALLOWED_MODULES, ALLOWED_CALLS = 1.05, 10, 20
TURNS, FASTEST = 120, 12
IMPORT = """
import sys, time
calls = 0
def count(frame, event, _):
    global calls
    calls += event == "call"
if len(sys.argv) > 1:
    sys.setprofile(count)
began = time.process_time()
import metaflow
took = time.process_time() - began
sys.setprofile(None)
print(took * 1000, len(sys.modules), calls, "metaflow_extensions.temporal.plugins.mfextinit_temporal" in sys.modules)
"""


@pytest.fixture(scope="module")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two interpreters with the same packages; the second has mftctl's wheel as well."""
    return (
        _interpreter(tmp_path_factory.mktemp("without"), with_mftctl=False),
        _interpreter(tmp_path_factory.mktemp("with"), with_mftctl=True),
    )


def _interpreter(folder: Path, *, with_mftctl: bool) -> Path:
    venv.create(folder / "venv", symlinks=True)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    extensions = site / "metaflow_extensions"
    extensions.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if entry.name == extensions.name:
            for other in entry.iterdir():
                (extensions / other.name).symlink_to(other)
        elif entry.suffix == ".dist-info" and not entry.name.startswith("metaflow-"):
            continue  # metaflow's search for extensions reads them all, whatever tools this machine's tests need
        elif not entry.name.lstrip("_").startswith("mftctl"):
            (site / entry.name).symlink_to(entry)
    if with_mftctl:
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = folder.glob("mftctl-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    return folder / "venv" / "bin" / "python"


def _import(python: Path, *count: str) -> tuple[float, int, int, bool]:
    """What `import metaflow` takes in a new process: ms of CPU, modules, calls if counted; and if it knows mftctl."""
    # How often regular expressions and sets call something depends on the hash seed.
    env = os.environ | {"PYTHONHASHSEED": "0"}
    command = [python, "-c", IMPORT, *count]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/", env=env)
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    took, modules, calls, known = line.split()
    return float(took), int(modules), int(calls), known == "True"


def _calls(imported: tuple[float, int, int, bool]) -> int:
    return imported[2]


def test_import_does_little_more_in_silence(pythons: tuple[Path, Path]) -> None:
    """`import metaflow` prints nothing, and makes some 6,000 calls more for mftctl, of 160,000: 5 ms at the most."""
    for python in pythons:
        _import(python)  # all is compiled
    # Some calls are made now and then, such as those of the garbage collector: the fewest of three count.
    without, with_it = (min((_import(python, "count") for _ in range(3)), key=_calls) for python in pythons)
    assert (without[3], with_it[3]) == (False, True)
    assert with_it[1] - without[1] <= ALLOWED_MODULES
    (record,) = pythons[1].parents[1].glob("lib/python*/site-packages/mftctl-*.dist-info/RECORD")
    assert with_it[2] - without[2] <= ALLOWED_CALLS * len(record.read_text("utf-8").splitlines())


@pytest.mark.soak
def test_import_is_as_fast(pythons: tuple[Path, Path]) -> None:
    """`import metaflow` takes at most a twentieth longer: the CPU time of the fastest tenth of many turns."""
    turns = [(_import(pythons[0])[0], _import(pythons[1])[0]) for _ in range(TURNS)]
    without, with_it = (sum(sorted(kind)[:FASTEST]) / FASTEST for kind in zip(*turns, strict=True))
    print(f"{without:.1f} ms without, {with_it - without:+.1f} ms with mftctl")
    assert with_it <= ALLOWED_TIME * without


@pytest.mark.parametrize("name", ["fails"])
def test_a_plain_run_is_what_it_was(pythons: tuple[Path, Path], tmp_path: Path, name: str) -> None:
    """`python flow.py run` prints the same and leaves the same behind with mftctl installed and without."""
    (case,) = (one for one in CASES if one.name == name)
    said, left = [], []
    for number, python in enumerate(pythons):
        stage = make_stage(tmp_path / str(number), str(python))
        id_file = tmp_path / f"{number}.id"
        words = [stage.python, case.file, "run", "--run-id-file", str(id_file)]
        env = stage.environment()
        done = subprocess.run(words, cwd=stage.flows, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is case.expect_success, done.stderr
        said.append((_lines(done.stdout, stage), _lines(done.stderr, stage)))
        left.append(dump(f"{case.flow_name}/{id_file.read_text().strip()}", stage, env))
        stage.readers.close()
    assert said[1] == said[0]
    assert differences(left[0], left[1], case.rules) == []


def _lines(text: str, stage: Stage) -> list[str]:
    """Give lines without times, ids and places, sorted: tasks run side by side."""
    text = text.replace(str(stage.folder), "FOLDER").replace(
        str(Path(stage.python).parents[2]), "INTERPRETER"
    )
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", "TIME", text)
    return sorted(re.sub(r"\b\d{16}(/\w+/\d+)?|\(pid \d+\)|task-id \d+", "ID", text).splitlines())
