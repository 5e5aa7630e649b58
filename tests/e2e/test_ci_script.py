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
    slow = Parameter("slow", default=False)

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

mftctl deployments list -o json | holds 'data == []'
mftctl deploy train_flow.py --name "$NAME" -o json > deployed.json
holds 'data["deployment"] == "ci-train" and data["previous_version"] is None' < deployed.json
test "$(mftctl deployments list -o name)" = "$NAME"

mftctl worker "$NAME" 2> worker.log &
worker=$!
trap 'kill "$worker"; wait "$worker" || true' EXIT

# a good run, and what it left
run=$(mftctl trigger "$NAME" alpha=2 --wait --timeout 3m -o name)
mftctl runs artifacts "$run" train -o json > artifacts.json
holds '[one["value"] for one in data if one["name"] == "model"] == [{"alpha": 2.0, "score": 4.0}]' < artifacts.json
mftctl runs describe "$run" -o json | holds 'data["status"] == "completed" and data["tasks"]["done"] == 3'
mftctl runs logs "$run" end | grep -q 'trained with 2.0'

# a second one is cancelled; its task is no longer there when the command returns
second=$(mftctl trigger "$NAME" slow=true -o name)
until mftctl runs describe "$second" -o json | value 'data["tasks"]["done"]' | grep -qx 1; do :; done
mftctl runs cancel "$second" -o json | holds 'data["status"] == "cancelled"'
mftctl runs list --status cancelled -o name | grep -qx "$second"

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
mftctl runs list --deployment "$NAME" -o json | holds 'data[0]["run_id"] == "'"$failed"'" and len(data) == 3'
mftctl runs list --status failed -o json | holds 'data == []'

mftctl schedule pause "$NAME" --reason "stock-taking" -o json | holds 'data["paused"]'
mftctl schedule describe "$NAME" -o json | holds 'data["paused"] and data["reason"] == "stock-taking"'
mftctl schedule pause "$NAME" --strict && fail "$LINENO" "it was paused already" || test $? = 6
mftctl schedule unpause "$NAME" --quiet

mftctl deployments delete "$NAME" --yes --quiet
mftctl trigger "$NAME" && fail "$LINENO" "there is no such deployment" || test $? = 4
echo "all is well"
"""


def test_a_script_of_a_ci_runs(home: Any, zipapp: Path, tmp_path: Path) -> None:
    """Deploy, run, look at artifacts, cancel, resume, pause and delete, by exit codes and JSON, from the one file."""
    home.flow("train_flow.py", FLOW)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mftctl").symlink_to(zipapp)
    (programs / "python3").symlink_to(Path(sys._base_executable))  # type: ignore[attr-defined]
    dev = home.start("dev", "--port", "0", "--ui-port", "0")
    assert dev.stdout is not None
    address = dev.stdout.readline().split()[-1]
    env = {
        "PATH": os.pathsep.join((str(programs), os.defpath)),
        "TEMPORAL_ADDRESS": address,
        "NAME": "ci-train",
    }
    done = home.command("bash", "-c", SCRIPT, timeout=300, **env)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["all is well"]), done.stdout + done.stderr
    log = (home.folder / "worker.log").read_text()
    assert "Traceback" not in log
