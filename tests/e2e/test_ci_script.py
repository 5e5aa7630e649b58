"""A script as a CI has it: bash, the one file, a server, and no more than Python beside them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

# Its first start unpacks the bundle, which tests of the one file measure.
pytestmark = pytest.mark.xdist_group("zipapp")

FLOW = """
import os, time
from metaflow import FlowSpec, Parameter, schedule, step

@schedule(daily=True)
class TrainFlow(FlowSpec):
    alpha = Parameter("alpha", default=1.5)
    gate = Parameter("gate", default="")
    slow = Parameter("slow", default="")

    @step
    def start(self):
        if self.gate:
            with open(self.gate + ".starts", "a") as file:
                print("started", file=file)
        self.next(self.train)

    @step
    def train(self):
        if self.gate and not os.path.exists(self.gate):
            raise FileNotFoundError(f"{self.gate} is not there yet")
        if self.slow:
            with open(self.slow + ".new", "w") as file:
                print(os.getpid(), file=file)
            os.rename(self.slow + ".new", self.slow)
        while self.slow:
            time.sleep(0.1)
        self.model = {"alpha": self.alpha, "score": self.alpha * 2}
        self.next(self.end)

    @step
    def end(self):
        print("trained with", self.alpha)

if __name__ == "__main__":
    TrainFlow()
"""
SCRIPT = """
set -euo pipefail
fail() { echo "line $1: $2" >&2; exit 1; }
# what `jq -e` is for: an expression over the JSON on stdin must be true, or is printed
value() { python3 -c 'import json, sys; data = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }
holds() { test "$(value "$1")" = True || fail "${BASH_LINENO[0]}" "$1"; }

mftctl deploy train_flow.py --name "$NAME" -o json > deployed.json
holds 'data["deployment"] == "ci-train" and data["previous_version"] is None' < deployed.json

mftctl worker "$NAME" 2> worker.log &
worker=$!
trap 'kill "$worker"; wait "$worker" || true' EXIT

# a good run, and what it left
run=$(mftctl trigger "$NAME" alpha=2 --wait --timeout 3m -o name)
mftctl runs artifacts "$run" train -o json > artifacts.json
holds '[one["value"] for one in data if one["name"] == "model"] == [{"alpha": 2.0, "score": 4.0}]' < artifacts.json
mftctl runs logs "$run" end | grep -q 'trained with 2.0'

# a second one is cancelled; its task is no longer there when the command returns
second=$(mftctl trigger "$NAME" slow="$PWD/slow" -o name)
until test -e slow; do sleep 0.05; done
mftctl runs cancel "$second" -o json | holds 'data["status"] == "cancelled"'
kill -0 "$(cat slow)" 2> no-process && fail "$LINENO" "the task is still there"

# a third one fails: exit code 3, and it says why; it goes on where it was when the cause is mended
code=0
mftctl trigger "$NAME" gate="$PWD/gate" --wait -o json > failed.json || code=$?
test "$code" = 3
holds 'data["failure"]["step"] == "train" and "not there yet" in data["failure"]["message"]' < failed.json
failed=$(value 'data["run_id"]' < failed.json)
touch gate
mftctl runs resume "$failed" --wait --timeout 3m -o json | holds 'data["status"] == "completed"'
test "$(wc -l < gate.starts)" = 1

# newest first
mftctl runs list --deployment "$NAME" -o json > runs.json
holds '[one["status"] for one in data] == ["completed", "cancelled", "completed"]' < runs.json
holds 'data[0]["run_id"] == "'"$failed"'"' < runs.json

mftctl schedule pause "$NAME" --reason "stock-taking" -o json | holds 'data["paused"]'
mftctl schedule pause "$NAME" --strict && fail "$LINENO" "it was paused already" || test $? = 6

mftctl deployments delete "$NAME" --yes --quiet
mftctl trigger "$NAME" && fail "$LINENO" "there is no such deployment" || test $? = 4
echo "all is well"
"""


def test_a_script_of_a_ci_runs(served: Any, zipapp: Path, unpacked: Path, tmp_path: Path) -> None:
    """Deploy, run, look at artifacts, cancel, resume, pause and delete, by exit codes and JSON, from the one file."""
    served.flow("train_flow.py", FLOW)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mftctl").symlink_to(zipapp)
    (programs / "python3").symlink_to(Path(sys._base_executable))  # type: ignore[attr-defined]
    env = {
        "PATH": os.pathsep.join((str(programs), os.defpath)),
        "XDG_CACHE_HOME": str(unpacked),
        "NAME": "ci-train",
    }
    done = served.command("bash", "-c", SCRIPT, timeout=300, **env)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["all is well"]), done.stdout + done.stderr
    log = (served.folder / "worker.log").read_text()
    assert "Traceback" not in log
