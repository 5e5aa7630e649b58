"""A backend of metaflow-sandbox: each sandbox is a folder, and what runs in it sees nothing else of its starter.

A command runs in the folder, with the folder as its home and no variable but those the sandbox was made with. Its
`python` has boto3 and nothing of Metaflow. MFTCTL_TEST_SANDBOXES names where the folders are, MFTCTL_TEST_IMAGE the
folder of that `python`; with MFTCTL_TEST_HELD a command does nothing until it is killed. What was asked of a sandbox
stays in its folder, for tests to look at.
"""

import json
import os
import signal
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path

from metaflow_extensions.sandbox.plugins.backend import ExecResult, SandboxBackend


class Folders(SandboxBackend):
    """Sandboxes that are folders."""

    def create(self, config):
        root = tempfile.mkdtemp(prefix="sandbox-", dir=os.environ["MFTCTL_TEST_SANDBOXES"])
        Path(root, "home").mkdir()
        Path(root, "config.json").write_text(json.dumps(asdict(config)), encoding="utf-8")
        return root

    def exec(self, sandbox_id, cmd, cwd="/", timeout=300):  # noqa: ARG002 - the interface's
        root = Path(sandbox_id)
        config = json.loads((root / "config.json").read_text(encoding="utf-8"))
        (root / "command.json").write_text(json.dumps(cmd), encoding="utf-8")
        image = os.environ["MFTCTL_TEST_IMAGE"]
        base = {"PATH": f"{image}:/usr/bin:/bin", "HOME": str(root / "home"), "LANG": "C.UTF-8"}
        process = subprocess.Popen(
            ["sleep", "600"] if "MFTCTL_TEST_HELD" in os.environ else cmd,
            cwd=root / "home",
            env={**base, "METAFLOW_SKIP_INSTALL_DEPENDENCIES": "1", **config["env"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        (root / "pid").write_text(str(process.pid), encoding="utf-8")
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            # As a service does when its client hangs up: the sandbox goes, and all that runs in it.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            self.destroy(sandbox_id)
            raise
        return ExecResult(process.returncode, out, err)

    def upload(self, sandbox_id, local_path, remote_path):
        raise NotImplementedError("these tests upload nothing")

    def download(self, sandbox_id, remote_path, local_path):
        raise NotImplementedError("these tests download nothing")

    def destroy(self, sandbox_id):
        Path(sandbox_id, "destroyed").touch()
