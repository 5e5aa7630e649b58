"""A stand-in for AWS Batch: as much of its API as Metaflow asks, and jobs that are processes. The client is boto3."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from .containers import Container, Containers

Json = dict[str, Any]
#: What the service takes as the name of a job.
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")


class Batch:
    """The service's API; ``submitted`` holds the jobs that it was given, in order."""

    def __init__(self, containers: Containers) -> None:
        self.submitted: list[Json] = []
        self._containers = containers
        self._jobs: dict[str, tuple[Json, Container]] = {}

    def answer(self, _: str, path: str, body: Json) -> tuple[int, Json]:
        """Answer a request of the API."""
        operation = path.rpartition("/")[2]
        if operation == "describejobqueues":
            order = [{"order": 1, "computeEnvironment": "machines"}]
            queue = {"jobQueueName": "queue", "state": "ENABLED", "status": "VALID"}
            return 200, {"jobQueues": [{**queue, "computeEnvironmentOrder": order}]}
        if operation == "describecomputeenvironments":
            return 200, {"computeEnvironments": [{"computeResources": {"type": "EC2"}}]}
        if operation == "describejobdefinitions":
            return 200, {"jobDefinitions": []}
        if operation == "registerjobdefinition":
            return 200, {"jobDefinitionName": body["jobDefinitionName"], "jobDefinitionArn": "arn:definition"}
        if operation == "submitjob":
            return self._submit(body)
        if operation == "describejobs":
            return 200, {"jobs": [self._job(name) for name in body["jobs"]]}
        if operation == "terminatejob":
            self._jobs[body["jobId"]][1].kill()
            return 200, {}
        return 404, {"message": f"no operation {operation}"}

    @property
    def running(self) -> int:
        """How many jobs run."""
        return sum(container.exit_code is None for _, container in self._jobs.values())

    def _submit(self, body: Json) -> tuple[int, Json]:
        if not _NAME.match(body["jobName"]):
            return 400, {"__type": "ClientException", "message": f"jobName {body['jobName']} is not valid"}
        self.submitted.append(body)
        job = str(uuid.uuid4())
        asked = body["containerOverrides"]
        env = {one["name"]: one["value"] for one in asked["environment"]}
        env |= {"AWS_BATCH_JOB_ID": job, "AWS_BATCH_JOB_ATTEMPT": "1", "AWS_BATCH_CE_NAME": "machines"}
        env |= {"AWS_BATCH_JQ_NAME": "queue", "AWS_EXECUTION_ENV": "AWS_ECS_EC2"}
        self._jobs[job] = (body, self._containers.start(job, asked["command"], env))
        return 200, {"jobId": job, "jobName": body["jobName"]}

    def _job(self, job: str) -> Json:
        body, container = self._jobs[job]
        code = container.exit_code
        told = {"jobId": job, "jobName": body["jobName"], "jobQueue": body["jobQueue"], "createdAt": 1}
        if code is None:
            return {**told, "status": "RUNNING", "startedAt": 2, "container": {}}
        status = "FAILED" if code else "SUCCEEDED"
        ended = {"exitCode": code, **({"reason": "Essential container in task exited"} if code else {})}
        return {**told, "status": status, "stoppedAt": int(time.time() * 1000), "container": ended}
