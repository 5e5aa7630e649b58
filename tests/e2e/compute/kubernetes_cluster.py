"""A stand-in for a Kubernetes cluster: as much of its API as Metaflow asks, and pods that are processes.

The client is the real one of Kubernetes. Jobs are kept as they were posted, for tests to compare.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .containers import Container, Containers

Json = dict[str, Any]
_JOBS = re.compile(r"^/apis/batch/v1/namespaces/(?P<namespace>[^/]+)/jobs(/(?P<name>[^/]+))?$")
_PODS = re.compile(r"^/api/v1/namespaces/(?P<namespace>[^/]+)/pods(?P<rest>/.*)?$")


class Cluster:
    """The cluster's API; ``posted`` holds the jobs that it was given, in order."""

    def __init__(self, containers: Containers) -> None:
        self.posted: list[Json] = []
        self._containers = containers
        self._jobs: dict[str, Json] = {}
        self._pods: dict[str, tuple[Json, Container]] = {}

    def answer(self, method: str, url: str, body: Json) -> tuple[int, Json]:
        """Answer a request of the API."""
        path = urlsplit(url).path
        if (found := _JOBS.match(path)) is not None:
            return self._job(method, found["namespace"], found["name"], body)
        found = _PODS.match(path)
        if found is None or found["rest"]:
            # As for most users: no shell in somebody's pod.
            return 403, {"kind": "Status", "code": 403, "message": f"{method} {path} is forbidden"}
        selector = parse_qs(urlsplit(url).query).get("labelSelector", ["job-name="])[0]
        name = selector.partition("=")[2]
        return 200, {"kind": "PodList", "items": [self._pod(name)] if name in self._pods else []}

    @property
    def running(self) -> int:
        """How many pods run."""
        return sum(container.exit_code is None for _, container in self._pods.values())

    def _job(self, method: str, namespace: str, name: str | None, body: Json) -> tuple[int, Json]:
        if method == "POST":
            return 201, self._create(namespace, body)
        if name not in self._jobs:
            return 404, {"kind": "Status", "code": 404, "message": f"jobs {name} not found"}
        if method == "PATCH":
            self._jobs[name]["spec"].update(body["spec"])
        if method == "DELETE" or self._jobs[name]["spec"]["parallelism"] == 0:
            self._pods[name][1].kill()
        code = self._pods[name][1].exit_code
        status = {"active": 1} if code is None else {"failed": 1} if code else {"succeeded": 1}
        return 200, {**self._jobs[name], "status": status}

    def _create(self, namespace: str, job: Json) -> Json:
        self.posted.append(job)
        name = job["metadata"]["generateName"] + uuid.uuid4().hex[:5]
        metadata = {**job["metadata"], "name": name, "uid": str(uuid.uuid4()), "namespace": namespace}
        self._jobs[name] = {**job, "metadata": metadata, "spec": {"parallelism": 1, **job["spec"]}}
        template = job["spec"]["template"]
        pod = {**template, "kind": "Pod", "metadata": {**template["metadata"], "name": f"{name}-pod"}}
        pod["metadata"] |= {"uid": str(uuid.uuid4()), "namespace": namespace}
        container = pod["spec"]["containers"][0]
        facts = {
            "metadata.name": pod["metadata"]["name"],
            "metadata.namespace": namespace,
            "metadata.uid": pod["metadata"]["uid"],
            "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
            "status.hostIP": "10.0.0.1",
        }
        env = {
            one["name"]: one.get("value") or facts[one["valueFrom"]["fieldRef"]["fieldPath"]]
            for one in container["env"]
            if one.get("value") != ""
        }
        self._pods[name] = (pod, self._containers.start(name, container["command"], env))
        return {**self._jobs[name], "status": {}}

    def _pod(self, job: str) -> Json:
        pod, container = self._pods[job]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        code = container.exit_code
        if code is None:
            phase, state = "Running", {"running": {"startedAt": now}}
        else:
            phase = "Failed" if code else "Succeeded"
            ended = {"exitCode": code, "reason": "Error" if code else "Completed"}
            state = {"terminated": {**ended, "startedAt": now, "finishedAt": now}}
        declared = pod["spec"]["containers"][0]
        status = {"name": declared["name"], "image": declared["image"], "imageID": "", "ready": code is None}
        return {
            **pod,
            "status": {"phase": phase, "containerStatuses": [{**status, "restartCount": 0, "state": state}]},
        }


def write_kubeconfig(file: Path, url: str) -> None:
    """Write what the client is configured with."""
    file.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: tests
contexts: [{{name: tests, context: {{cluster: tests, user: tester}}}}]
clusters: [{{name: tests, cluster: {{server: "{url}"}}}}]
users: [{{name: tester, user: {{}}}}]
""",
        encoding="utf-8",
    )
