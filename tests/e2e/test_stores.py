"""S3 and a metadata service: somebody deploys, another machine works, a third looks at what was made."""

import dataclasses
import json
import shutil
import signal

import pytest
from machines import keys, machine, started_by
from metadataservice import metadata_service
from objectstore import object_store

FLOW = """
import os, time
from helping import twice
from metaflow import FlowSpec, IncludeFile, Parameter, current, step

PLACE = "FOLDER"

def done(what):
    with open(f"{PLACE}/done", "a") as lines:
        lines.write(f"{what} ")

class Far(FlowSpec):
    factor = Parameter("factor", default=1)
    words = IncludeFile("words", required=True)

    @step
    def start(self):
        self.items = [1, 2, 3]
        done("start")
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.got = twice(self.input) * self.factor
        if self.input == 2:
            open(f"{PLACE}/began-{current.retry_count}", "w").close()
            while os.path.exists(f"{PLACE}/hold"):
                time.sleep(0.02)
        print("worked on", self.input)
        done(f"body-{self.input}")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.got = [one.got for one in inputs]
        if os.path.exists(f"{PLACE}/fail"):
            raise RuntimeError("asked to fail")
        done("join")
        self.next(self.end)

    @step
    def end(self):
        self.read = self.words.strip()

if __name__ == "__main__":
    Far()
"""
READ = """
import json, sys
from metaflow import Run, namespace
namespace(None)
run = Run(sys.argv[1])
print(json.dumps({
    "successful": run.successful,
    "finished": run.finished,
    "tags": sorted(run.tags),
    "tasks": {step.id: sorted(task.id for task in step) for step in run},
    "got": run["join"].task.data.got,
    "read": run["end"].task.data.read,
    "factor": run["_parameters"].task.data.factor,
    "stdout": sorted(task.stdout for task in run["body"] if task.successful),
}))
"""


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """S3 and a metadata service, with the variables of both."""
    folders = tmp_path_factory.mktemp("s3"), tmp_path_factory.mktemp("service")
    with object_store(folders[0]) as store, metadata_service(folders[1]) as service:
        yield dataclasses.replace(service, env={**store, **service.env})


def said(done, code=0):
    """What a command says that has ended as it should."""
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def worker_file(lodging, remote):
    """Deploy the flow, each time another way, and throw the deployer's machine away; the worker file it leaves."""
    deployer = machine(lodging, "deployer", keys(remote.env) | {"METAFLOW_USER": "tester"})
    place = lodging.folder.parent / "place"
    place.mkdir()
    deployer.flow("far.py", FLOW.replace("FOLDER", str(place)))
    deployer.flow("helping.py", "def twice(number):\n    return 2 * number\n")
    defaults = ("METAFLOW_DEFAULT_DATASTORE", "METAFLOW_DEFAULT_METADATA")
    reached = {name: value for name, value in remote.env.items() if name not in defaults}
    root = remote.env["METAFLOW_DATASTORE_SYSROOT_S3"]
    profile = deployer.folder / "config.toml"
    profile.write_text(f'[profiles.far]\ndatastore = "s3"\nmetadata = "service"\ndatastore_root = "{root}"\n')
    flags = ["--datastore", "s3", "--metadata", "service", "--datastore-root", root]
    by_profile = {"MFTCTL_CONFIG": str(profile), "MFTCTL_PROFILE": "far"}
    deploy = ["deploy", "far.py", "--tag", "far:away", "-o", "json"]
    ways = [(flags, reached), ([], remote.env), ([], {**reached, **by_profile})]
    versions = {json.loads(said(deployer.run(*deploy, *more, **env)))["version"] for more, env in ways}
    assert len(versions) == 1, "flags, Metaflow's variables and the profile mean the same"
    options = ["--metadata=service", "--datastore=s3"]
    create = ["temporal", "create", "--output", "far_worker.py", "--tag", "far:away"]
    said(deployer.command("python", "far.py", *options, *create, **reached))
    found = (deployer.folder / "far_worker.py").read_text()
    shutil.rmtree(deployer.folder.parent)
    return found


@pytest.mark.timeout(600)
def test_a_run_lives_on_machines_that_share_nothing(lodging, remote, worker_file, wait_until):
    """Code, data, logs and metadata go through S3 and the service: workers are replaced, and runs resumed."""
    place = lodging.folder.parent / "place"
    assert not any(value in worker_file for value in remote.env.values() if len(value) > len("service"))

    # Of a worker's machine S3 wants credentials; the rest is the deployment's.
    one = machine(lodging, "one", keys(remote.env))
    serving = one.start("worker", "Far", log=one.folder / "log")
    (place / "hold").touch()
    (place / "fail").touch()
    caller = machine(lodging, "caller", keys(remote.env) | {"METAFLOW_USER": "tester"})
    (caller.folder / "words.txt").write_text("hello\n")
    words = ["factor=3", "words=words.txt", "--wait", "--run-id-file", "id"]
    triggered = caller.start("trigger", "Far", *words, log=caller.folder / "log")
    wait_until((place / "began-0").exists, "the task waits", timeout=180)
    run_id = (caller.folder / "id").read_text().strip()
    held = f"Far/{run_id}/body/temporal-body-1"
    wait_until(lambda: remote.beats(f"Far/{run_id}") > 1, "the run's heartbeats come")
    wait_until(lambda: remote.beats(held), "the task's heartbeat comes")
    log = one.folder / "log"
    wait_until(lambda: log.read_text().count(" finished\n") == 3, "all other tasks are done")

    # Killed, it leaves neither its task nor that task's heartbeat.
    serving.send_signal(signal.SIGKILL)
    serving.wait()
    wait_until(lambda: not started_by(one), "what the worker had started is gone")
    other = machine(lodging, "other", keys(remote.env))
    (other.folder / "far_worker.py").write_text(worker_file)
    other.start("worker", "far_worker.py", log=other.folder / "log")
    wait_until((place / "began-1").exists, "another worker has taken the task", timeout=180)
    (place / "hold").unlink()
    assert triggered.wait(180) == 3, (caller.folder / "log").read_text()
    assert (place / "done").read_text().split().count("start") == 1

    # What the tasks have left in S3 can be looked at from anywhere.
    assert "worked on 2" in said(caller.run("runs", "logs", run_id, "body"))
    assert "got\tint\t12" in said(caller.run("runs", "artifacts", run_id, "body/1"))
    assert "RuntimeError: asked to fail" in said(caller.run("runs", "report", run_id, "-o", "-"))

    (place / "fail").unlink()
    said(caller.run("runs", "resume", run_id, "--wait", timeout=180))
    assert sorted((place / "done").read_text().split()) == ["body-1", "body-2", "body-3", "join", "start"]

    # Somebody who has never heard of Temporal.
    reader = machine(lodging, "reader", remote.env)
    found = json.loads(said(reader.command("python", "-c", READ, f"Far/{run_id}")))
    assert found["successful"]
    assert found["finished"]
    assert found["got"] == [6, 12, 18]
    assert found["read"] == "hello"
    assert found["factor"] == 3
    assert {"far:away", "user:tester", "runtime:temporal"} <= set(found["tags"])
    assert found["stdout"] == [f"worked on {number}\n" for number in (1, 2, 3)]
    assert found["tasks"] == {
        "start": ["temporal-start-0"],
        "body": ["temporal-body-0", "temporal-body-1", "temporal-body-2"],
        "join": ["temporal-join-0", "temporal-join-0-g1"],
        "end": ["temporal-end-0-g1"],
    }
