"""`mftctl profile …`: settings by name, from the file to what they do."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest

from mftctl.control.connection.connect import connect
from mftctl.control.connection.endpoint import Endpoint
from mftctl.control.deployments import get

FLOW = """
from metaflow import FlowSpec, current, step

class ProfiledFlow(FlowSpec):
    @step
    def start(self):
        self.user_namespace, self.tags_seen = current.namespace, sorted(current.tags)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    ProfiledFlow()
"""
SHOWN = {"key", "value", "set", "source", "problem"}


@pytest.fixture
def config(home) -> Path:
    """The configuration file of a home, which its commands find; there is none yet."""
    home.env["MFTCTL_CONFIG"] = str(home.folder / "config.toml")
    return home.folder / "config.toml"


def settings(server: str, folder: Path) -> dict[str, str]:
    """A value of every key that a flow without branches can show, as `profile set` takes it."""
    return {
        "address": server,
        "temporal_namespace": "default",
        "tags": "team:ml,env:test",
        "with": "retry:times=1",
        "namespace": "user:somebody",
        "max_workers": "3",
        "workflow_timeout": "9m",
        "task_queue": "a-queue",
        "metadata": "local",
        "datastore": "local",
        "datastore_root": str(folder / "store"),
        "environment": "local",
        "python": sys.executable,
        "production": "true",
        "isolation": "spawn",
        "concurrency": "1",
        "api_key_env": "THE_KEY",
        "tls": "false",
    }


def manifest_of(server: str, deployment: str) -> dict:
    """The manifest of a deployment as the server has it."""

    async def read() -> dict:
        return (await get(await connect(Endpoint(server)), deployment)).to_plain()

    return asyncio.run(read())


def essence(manifest: dict) -> dict:
    """What of a manifest the settings decide."""
    launch = manifest["launch"]
    names = (
        "decorators",
        "tags",
        "namespace",
        "metadata",
        "datastore",
        "datastore_root",
        "environment",
        "python",
    )
    return {name: launch[name] for name in names} | {
        name: manifest[name] for name in ("max_workers", "workflow_timeout", "task_queue")
    }


@pytest.mark.usefixtures("config")
def test_every_key_does_what_it_says(home, server: str) -> None:
    """deploy, the flow's own command line, worker, trigger and run take all from the profile, or from MFTCTL_* alone.

    The API key is in no process list, no log and no file: a worker, its flow hosts and its tasks start without it.
    """
    key = "s3cret-of-the-test"
    home.env["THE_KEY"] = key
    flow, given = str(home.flow("profiled_flow.py", FLOW)), settings(server, home.folder)
    assignments = [f"{key}={value}" for key, value in given.items()]
    assert home.run("profile", "set", "all", *assignments).returncode == 0
    done = home.run("deploy", flow, "--profile", "all", "--output", f"{home.env['TMPDIR']}/serve.py")
    assert done.returncode == 0, done.stderr
    manifest = manifest_of(server, "ProfiledFlow")
    found = essence(manifest)
    assert found == {
        "decorators": ["retry:times=1"],
        "tags": ["team:ml", "env:test"],
        "namespace": "user:somebody",
        "metadata": "local",
        "datastore": "local",
        "datastore_root": str(home.folder / "store"),
        "environment": "local",
        "python": sys.executable,
        "max_workers": 3,
        "workflow_timeout": 540.0,
        "task_queue": "a-queue",
    }
    variables = {f"MFTCTL_{key.upper()}": value for key, value in given.items()}
    for env in ({"MFTCTL_PROFILE": "all"}, variables):
        made = home.command(sys.executable, flow, "temporal", "create", "--only-json", **env)
        assert made.returncode == 0, made.stderr
        assert essence(json.loads(made.stdout)) == found
    again = home.run("deploy", flow, "-o", "json", **variables)
    assert json.loads(again.stdout)["changes"] == []
    log = home.worker("--profile", "all")
    assert "serving task queue a-queue on" in log.read_text()
    # The worker serves the profile's task queue: also what is deployed there later.
    assert home.run("deploy", flow, "--profile", "all", "--name", "later").returncode == 0
    done = home.run("trigger", "later", "--profile", "all", "--wait", "-o", "name")
    assert done.returncode == 0, done.stderr
    assert (home.folder / "store" / "ProfiledFlow" / done.stdout.strip()).is_dir()
    shown = home.run("profile", "show", **variables)
    assert "THE_KEY" not in shown.stdout
    assert "(set)\tMFTCTL_API_KEY_ENV" in shown.stdout
    for told in (*home.left_running(), log.read_text(), done.stderr, json.dumps(manifest), shown.stdout):
        assert key not in told
    assert home.run("profile", "use", "all").returncode == 0
    ran = home.run("run", flow)
    assert ran.returncode == 0, ran.stderr
    assert f"using the Temporal server at {server}" in ran.stderr
    for file in (path for path in home.folder.parent.rglob("*") if path.is_file()):
        assert key.encode() not in file.read_bytes(), file


def test_check_says_what_is_wrong_and_how_to_mend_it(home, server: str, config: Path) -> None:
    """All well: exit code 0; Temporal out of reach: 5; something else: 1, and what hangs on nothing of it is tried."""
    config.write_text(
        f"[profiles.good]\naddress = '{server}'\n"
        f"[profiles.bad]\naddress = '{server}'\ndatastore = 's3'\nmetadata = 'service'\n"
        f"[profiles.worse]\naddress = '{server}'\npython = 'no-python'\n"
        f"[profiles.worst]\naddress = '127.0.0.1:9'\n"
    )

    def check(name: str, **env: str) -> tuple[int, dict[str, dict]]:
        done = home.run("profile", "check", name, "-o", "json", **env)
        return done.returncode, {one["check"]: one for one in json.loads(done.stdout)["checks"]}

    code, found = check("good")
    assert code == 0
    assert all(one["ok"] for one in found.values())
    assert list(found) == [
        "dns", "tcp", "tls", "authentication", "temporal namespace", "flow interpreter", "datastore", "metadata service"
    ]  # fmt: skip
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        code, found = check("bad", METAFLOW_SERVICE_URL=url)
    assert code == 1
    assert [name for name, one in found.items() if not one["ok"]] == ["datastore", "metadata service"]
    assert "datastore_root" in found["datastore"]["message"]
    assert url in found["metadata service"]["message"]
    assert all(one["ok"] or one["hint"] for one in found.values())
    code, found = check("worse")
    assert (code, found["flow interpreter"]["ok"], found["datastore"]["ok"]) == (1, False, None)
    assert "no-python" in found["flow interpreter"]["message"]
    code, found = check("worst")
    assert (code, found["tcp"]["ok"], found["tls"]["ok"], found["datastore"]["ok"]) == (5, False, None, True)
    text = home.run("profile", "check", "worst")
    assert "tcp\tFAILED\tconnection refused" in text.stdout
    assert text.stderr == "mftctl: 1 check has failed: tcp\n"


def test_what_is_shown_is_for_programs_too(home, config: Path) -> None:
    """The keys of list, show and path stay as they are documented."""
    home.run("profile", "set", "a", "address=x:1", "tags=t")
    home.run("profile", "set", "b", "max_workers=2")
    home.run("profile", "use", "b")
    listed = json.loads(home.run("profile", "list", "-o", "json").stdout)
    assert [(row["name"], row["current"], row["default"], row["address"]) for row in listed] == [
        ("a", False, False, "x:1"),
        ("b", True, True, None),
    ]
    assert set(listed[0]) == {"schema_version", "name", "current", "default", "address", "problem"}
    assert home.run("profile", "list", "-o", "name").stdout == "a\nb\n"
    shown = json.loads(home.run("profile", "show", "a", "--address", "y:2", "-o", "json").stdout)
    assert set(shown) == {"schema_version", "profile", "file", "settings"}
    by_key = {row["key"]: row for row in shown["settings"]}
    assert all(set(row) == SHOWN for row in shown["settings"])
    assert by_key["address"]["value"] == "y:2"
    assert by_key["address"]["source"] == {"kind": "flag", "name": "--address", "place": None}
    assert by_key["tags"]["source"] == {"kind": "profile", "name": "a", "place": f"{config}:5"}
    assert json.loads(home.run("profile", "path", "-o", "json").stdout)["file"] == str(config)
    assert home.run("profile", "path").stdout == f"{config}\n"
    assert json.loads(home.run("profile", "list", "-o", "json", MFTCTL_CONFIG="none.toml").stdout) == []
