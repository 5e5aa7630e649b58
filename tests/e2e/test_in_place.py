"""`mftctl run` runs the user's own file where it is, as `python flow.py run` does."""

import ast
import shutil
import sys
from pathlib import Path

import pytest

PLACE = Path(__file__).parent / "flows" / "place"
FLOW = "proj/flows/around.py"


@pytest.fixture(params=["fork", "spawn"])
def isolation(request) -> str:
    """How tasks are started."""
    return str(request.param)


def test_a_flow_sees_what_it_sees_with_run(home, isolation):
    """`__file__`, argv[0], sys.path, relative paths, `.env`, data beside it, modules above it: in tasks and hooks."""
    shutil.copytree(PLACE, home.folder / "proj")
    (home.folder / "proj" / ".env").write_text("SECRET=1\n")
    reference = home.command(sys.executable, FLOW, "run", SEEN="reference")
    assert reference.returncode == 0, reference.stdout + reference.stderr
    done = home.run("run", FLOW, "--isolation", isolation, SEEN="ours")
    assert done.returncode == 0, done.stderr
    expected, seen = (
        ast.literal_eval((home.folder / name).read_text(encoding="utf-8")) for name in ("reference", "ours")
    )
    assert expected[0][4:] == ["SECRET=1\n", ('{"k": 1}\n', '{"k": 1}\n'), "REL", (None, None)]
    assert [_without_bundle(one) for one in seen] == [_without_bundle(one) for one in expected]
    # Metaflow's own hooks are called with the file's bare name, which is found from its folder only.
    assert f"hook {home.folder}/{FLOW} {home.folder} " in done.stdout + done.stderr


def _without_bundle(seen: list[object]) -> list[object]:
    """What a task saw, with one thing fewer on sys.path: `python -m mftctl` runs from a checkout."""
    root = str(Path(__file__).resolve().parents[2])
    return [
        [entry for entry in part if entry != root] if index == 2 else part for index, part in enumerate(seen)
    ]
