"""packaging/systemd/mftctl-worker@.service, by systemd's own check."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import commandlines
import pytest

FILE = Path(__file__).resolve().parents[3] / "packaging" / "systemd" / "mftctl-worker@.service"


def verify(folder: Path, text: str) -> str:
    """What `systemd-analyze verify` says of the instance `default`; /bin/true is in the place of mftctl."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    template = folder / FILE.name
    template.write_text(text.replace("/usr/local/bin/mftctl", "/bin/true"))
    instance = folder / FILE.name.replace("@", "@default")
    if not instance.is_symlink():
        instance.symlink_to(template)
    command = ["systemd-analyze", "verify", "--man=no", instance]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "".join(line for line in (done.stdout + done.stderr).splitlines() if FILE.stem[:8] in line)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """The unit has no key and no value that systemd does not know, and one with a mistake is reported."""
    text = FILE.read_text()
    assert verify(tmp_path, text) == ""
    assert "KilMode" in verify(tmp_path, text.replace("KillMode", "KilMode"))


def test_the_page_explains_settings_that_the_unit_has() -> None:
    """Each setting of the table in docs/how-to/systemd.md is one of the unit, with that value."""
    page = (FILE.parents[2] / "docs" / "how-to" / "systemd.md").read_text("utf-8")
    lines = FILE.read_text().splitlines()
    for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE):
        for setting in re.findall("`([^`]+)`", row):
            assert [line for line in lines if line == setting or line.startswith(f"{setting}=")], setting


def test_a_worker_serves_the_queue_of_its_instance_and_may_finish_its_tasks() -> None:
    """The command line is mftctl's; SIGTERM goes to the worker alone, which has hours to end."""
    settings = dict(re.findall(r"^(\w+)=(.*)$", FILE.read_text(), re.MULTILINE))
    program, *arguments = shlex.split(settings["ExecStart"].replace("%i", "training"))
    assert program == "/usr/local/bin/mftctl"
    command, given = commandlines.parse([one for one in arguments if not one.startswith("$")])
    assert (command, given["queue"]) == ("worker", ("training",))
    assert settings["KillMode"] == "mixed"
    assert settings["TimeoutStopSec"].endswith("h")
    assert settings["Restart"] == "always"
