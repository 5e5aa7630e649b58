"""`mftctl run` runs the user's own file where it is, as `python flow.py run` does."""

import ast
import shutil
import sys
from pathlib import Path

PLACE = Path(__file__).parent / "flows" / "place"
FLOW = "proj/flows/around.py"
GLOBAL = """
import os
from metaflow import FlowSpec, IncludeFile, environment, get_namespace, step
from metaflow.plugins.datastores.local_storage import LocalStorage

class Global(FlowSpec):
    note = IncludeFile("note")

    @environment(vars={"A": "1"})
    @step
    def start(self):
        print("in", repr(get_namespace()))
        self.next(self.end)

    @step
    def end(self):
        print("in", repr(get_namespace()), self.note)
        os.makedirs("elsewhere/.metaflow")
        os.chdir("elsewhere")
        print("store", LocalStorage.get_datastore_root_from_config(print))

if __name__ == "__main__":
    Global()
"""


def test_a_flow_sees_what_it_sees_with_run(served):
    """`__file__`, argv[0], sys.path, relative paths, `.env`, data beside it, modules above it: in tasks and hooks."""
    shutil.copytree(PLACE, served.folder / "proj")
    (served.folder / "proj" / ".env").write_text("SECRET=1\n")
    reference = served.command(sys.executable, FLOW, "run", SEEN="reference")
    assert reference.returncode == 0, reference.stdout + reference.stderr
    expected = ast.literal_eval((served.folder / "reference").read_text(encoding="utf-8"))
    assert expected[0][4:] == ["SECRET=1\n", ('{"k": 1}\n', '{"k": 1}\n'), "REL", (None, None)]
    for isolation in ("fork", "spawn"):
        done = served.run("run", FLOW, "--isolation", isolation, SEEN=isolation)
        assert done.returncode == 0, done.stderr
        seen = ast.literal_eval((served.folder / isolation).read_text(encoding="utf-8"))
        assert [_without_bundle(one) for one in seen] == [_without_bundle(one) for one in expected], isolation
        # Metaflow's own hooks are called with the file's bare name, which is found from its folder only.
        assert f"hook {served.folder}/{FLOW} {served.folder} " in done.stdout + done.stderr


def _without_bundle(seen: list[object]) -> list[object]:
    """What a task saw, with one thing fewer on sys.path: `python -m mftctl` runs from a checkout."""
    root = str(Path(__file__).resolve().parents[2])
    return [
        [entry for entry in part if entry != root] if index == 2 else part for index, part in enumerate(seen)
    ]


def test_files_and_namespace_are_those_of_run(served):
    """A file that is given lies in the datastore, nothing beside the flow; '' is the global namespace in each step.

    What a step does in another folder goes to that folder's datastore.
    """
    served.flow("global.py", GLOBAL)
    (served.folder / "note.txt").write_text("noted")
    del served.env["METAFLOW_DATASTORE_SYSROOT_LOCAL"]  # Metaflow puts its datastore where it does by itself
    done = served.run("run", "global.py", "note=note.txt", "--namespace", "")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("in ''") == 2
    assert "in '' noted" in done.stdout
    assert f"store {served.folder / 'elsewhere' / '.metaflow'}\n" in done.stdout
    assert list((served.folder / ".metaflow" / "data" / "Global").iterdir())
    assert not (served.folder / "data").exists()
