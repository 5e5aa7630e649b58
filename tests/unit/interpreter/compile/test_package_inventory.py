"""What a code package holds, and what its flow uses that it lacks."""

import asyncio
import sys
from pathlib import Path

import pytest

from mftctl.interpreter.compilation import Compilation
from mftctl.interpreter.inside import not_packaged
from mftctl.interpreter.inside.compile.named_files import named_files
from mftctl.model.options import Options
from mftctl.model.package_contents import Contents
from mftctl.operations import package_listing

FLOW = """
import os, sys
from pathlib import Path
from metaflow import FlowSpec, IncludeFile, step

sys.path.append(os.path.dirname(__file__) + "/..")
import beside
from shared.util import up

class NamesFlow(FlowSpec):
    @step
    def start(self):
        self.rows = (Path(__file__).parent / "rows.csv").read_text()
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    NamesFlow()
"""


def test_code_that_is_nested_deeply_is_read(tmp_path: Path) -> None:
    """Generated code may be; what Python can run can be deployed."""
    (tmp_path / "rows.csv").touch()
    source = tmp_path / "generated.py"
    source.write_text(f"X = 'rows.csv' + {' + '.join(['1'] * 1500)}\n")
    assert named_files(str(tmp_path), [str(source)]) == {"rows.csv"}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A flow, with data beside it and a module above it."""
    for name, value in {"METAFLOW_USER": "tester", "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    for name in ("METADATA", "DATASTORE"):
        monkeypatch.setenv(f"METAFLOW_DEFAULT_{name}", "local")
    flows = tmp_path / "proj" / "flows"
    (flows / "venv").mkdir(parents=True)
    (flows / "venv" / "pyvenv.cfg").write_text("")
    (flows / "venv" / "skipped.xyz").write_text("")
    (flows / "names.py").write_text(FLOW)
    (flows / "beside.py").write_text("NAME = 'other.json'\n")
    for name in ("rows.csv", "other.json", "unused.txt", ".env", ".hidden"):
        (flows / name).write_text("1")
    (tmp_path / "proj" / "shared").mkdir()
    (tmp_path / "proj" / "shared" / "__init__.py").write_text("")
    (tmp_path / "proj" / "shared" / "util.py").write_text("def up(text):\n    return text.upper()\n")
    monkeypatch.chdir(flows)
    return flows


def test_a_package_is_told_with_what_it_lacks(project, tmp_path):
    """Files that the flow and its modules name, a module outside of its folder, and the suffixes of all else beside."""
    found, version = _compiled(tmp_path)
    assert found.files == ("beside.py", "names.py")
    assert found.others > 100
    assert found.size > 100_000
    assert found.missing == ("other.json", "rows.csv")
    assert found.modules == ("shared",)
    assert found.left_out == (".csv", ".env", ".json", ".txt")
    (project / "new.dat").write_text("")
    assert _compiled(tmp_path)[1] == version, "a file that is left out makes no new version"


def test_suffixes_and_metaflows_own_policy_bring_what_was_missing(project, tmp_path):
    """`--package-suffixes` as Metaflow has it, also for a hidden file, and METAFLOW_PACKAGE_POLICY of a module."""
    (project.parent / "shared" / "__init__.py").write_text('METAFLOW_PACKAGE_POLICY = "include"\n')
    found, _ = _compiled(tmp_path, package_suffixes=(".csv", ".json", ".env"))
    assert {".env", "other.json", "rows.csv"} < set(found.files)
    assert (found.missing, found.modules, found.left_out) == ((), (), (".txt",))
    assert package_listing.warnings(found) == []


def _compiled(folder: Path, **options: str) -> tuple[Contents, str]:
    with Compilation("names.py", Options(**options), sys.executable, folder / "cache") as compiling:
        manifest = asyncio.run(compiling.manifest())
    contents = compiling.contents
    assert manifest.launch.left_out == (*contents.left_out, *contents.modules)
    return contents, manifest.version


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ('open("a.csv")', {"a.csv"}),
        ('open("a.csv", "w")', set()),
        ('open("a.csv", mode="ab")', set()),
        ('frame.to_csv("a.csv")', set()),
        ('read(HERE / "data" / "b.csv")', {"data/b.csv"}),
        ('read(os.path.join(here, "data", "b.csv"))', {"data/b.csv"}),
        ('read(f"{here}/a.csv")', set()),
        ('read("./data/../a.csv")', {"a.csv"}),
        ('read("../outside.csv")', set()),
        ('x = IncludeFile("x", default="a.csv")', set()),
        ('x = Config("x", default="a.csv")', set()),
        ("from dotenv import load_dotenv", {".env"}),
        ('"data"', set()),
        ('"gone.csv"', set()),
        ("not Python at all", set()),
    ],
)
def test_a_source_names_files_that_are_there_and_that_it_reads(tmp_path, source, named):
    """Alone or in parts; not what Metaflow saves itself, what is written, nor what lies elsewhere."""
    flows = tmp_path / "flows"
    (flows / "data").mkdir(parents=True)
    for path in ("flows/a.csv", "flows/data/b.csv", "flows/.env", "outside.csv"):
        (tmp_path / path).write_text("")
    (flows / "flow.py").write_text(source)
    assert named_files(str(flows), [str(flows / "flow.py")]) == named


def test_warnings_say_what_is_lacking_and_how_to_bring_it():
    """One for files, with their suffixes, and one for modules."""
    found = Contents(missing=("data/a.CSV", "Makefile", ".env"), modules=("shared",))
    files, modules = package_listing.warnings(found)
    assert files.endswith("deploy with --package-suffixes .csv,.env,makefile")
    assert 'METAFLOW_PACKAGE_POLICY = "include" into its __init__.py' in modules
    assert (
        package_listing.line(Contents(("a.py",), 12, 1_642_875))
        == "package\t1 file and 12 of Metaflow, 1.6 MB"
    )


@pytest.mark.parametrize(
    ("message", "suffix"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: '{}/conf.json'", ".json"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'data/rows.CSV'", ".csv"),
        ("FileNotFoundError: No such file or directory (os error 2): rows.csv", ".csv"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '{}/.env'", ".env"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/elsewhere/conf.json'", ""),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'a.parquet'", ""),
        ("ValueError: conf.json", ""),
        ("ModuleNotFoundError: No module named 'other'", ""),
    ],
)
def test_a_task_that_misses_a_file_says_which_suffix_brings_it(monkeypatch, tmp_path, message, suffix):
    """Where the package may have held it, and files of its kind were beside the flow at deploy."""
    monkeypatch.setenv("METAFLOW_EXTRACTED_ROOT", str(tmp_path))
    said = not_packaged.reason(message.format(tmp_path), (".csv", ".env", ".json", "shared"))
    assert said == "" if not suffix else said.endswith(f"--package-suffixes {suffix}")
    monkeypatch.setenv("MFTCTL_IN_PLACE", "/package")
    assert not_packaged.reason(message.format(tmp_path), (".csv", ".env", ".json")) == ""


def test_a_flow_that_misses_a_module_says_where_it_was():
    """By its top name, as the manifest has it."""
    said = not_packaged.reason("ModuleNotFoundError: No module named 'shared.util'", (".csv", "shared"))
    assert said.startswith("shared is outside of the flow's folder")
