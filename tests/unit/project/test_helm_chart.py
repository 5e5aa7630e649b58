"""packaging/helm/mftctl, by Helm's own code and the models of Kubernetes' client."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import commandlines
import pytest
import yaml

import mftctl
from mftctl.model.resources import Resources, queue_for
from mftctl.operations.worker_options import WorkerOptions

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "packaging" / "helm" / "mftctl"
PAGE = (ROOT / "docs" / "how-to" / "kubernetes.md").read_text("utf-8")
#: Lints and renders the chart with each set of values of stdin, in a process of its own: Helm is a library in Go.
RENDER = """
import json, sys
import helm_python as helm

def answer(chart, values):
    report = helm.lint(sys.argv[1], values, strict=True)
    messages = [one["error"] for one in report["messages"] if one["severity"] > 1] + report["errors"]
    try:
        return {"messages": messages, "files": chart.render(values, name="prod", namespace="ml")}
    except helm.HelmError as error:
        return {"messages": [*messages, str(error)], "files": {}}

with helm.Chart.load(sys.argv[1]) as chart:
    print(json.dumps([answer(chart, values) for values in json.load(sys.stdin)]))
"""
ASKED = Resources(4, 16000, 1)
FULL = {
    "image": {"repository": "registry.example.com/flows", "tag": "7"},
    "imagePullSecrets": [{"name": "registry"}],
    "temporal": {
        "address": "temporal.example.com:7233",
        "namespace": "ml-prod",
        "apiKeySecret": "temporal-key",
        "tls": {"secret": "temporal-tls", "keys": ["ca.crt", "tls.crt", "tls.key"], "serverName": "temporal"},
    },
    "env": {"METAFLOW_DEFAULT_DATASTORE": "s3"},
    "envFrom": [{"secretRef": {"name": "aws"}}],
    "config": '[profiles.prod]\ndatastore = "s3"\n',
    "queues": {
        "default": {"replicas": 3},
        "gpu": {
            "queue": "GPU",
            "concurrency": 1,
            "imageTag": "8",
            "deploymentVersion": "v2",
            "extraArgs": ["--isolation", "spawn"],
            "env": {"OMP_NUM_THREADS": 2},
            "resources": {"limits": {"nvidia.com/gpu": "1"}},
            "terminationGracePeriodSeconds": 86400,
            "nodeSelector": {"kind": "gpu"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "autoscaling": {
                "enabled": True,
                "minReplicas": 0,
                "maxReplicas": 4,
                "targetQueueSize": 2,
                "stepResources": [str(ASKED)],
            },
            "podDisruptionBudget": {"enabled": False},
        },
    },
    "deploy": {"flows": {"train": {"file": "/flows/train.py", "args": ["--task-queue", "GPU"]}}},
    "serviceAccount": {"annotations": {"role": "reader"}},
    "podAnnotations": {"team": "ml"},
}
#: The values that docs/how-to/kubernetes.md shows.
SHOWN = [
    yaml.safe_load(textwrap.dedent(block))
    for block in re.findall(r"^ *```yaml\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
]
WRONG = {
    "a queue's key": {"queues": {"default": {"replica": 3}}},
    "a name": {"queues": {"Default": {}}},
    "an address": {"temporal": {"address": "temporal.example.com"}},
    "a number": {"queues": {"default": {"concurrency": 0}}},
}


@dataclass(frozen=True)
class Rendered:
    """What Helm says of the chart with one set of values."""

    messages: list[str]
    objects: list[dict[str, Any]]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = (one for one in self.objects if (one["kind"], one["metadata"]["name"]) == (kind, name))
        return found

    def kinds(self) -> set[tuple[str, str]]:
        return {(one["kind"], one["metadata"]["name"]) for one in self.objects}


@pytest.fixture(scope="module")
def charts() -> dict[str, Rendered]:
    """The chart with default values, with all values, with those of the page, and with wrong ones."""
    pytest.importorskip("helm_python", reason="helm-python-sdk has no wheel for this system")
    shown = {f"page-{number}": values for number, values in enumerate(SHOWN)}
    cases = {"default": {}, "full": FULL, **shown, **WRONG}
    command = [sys.executable, "-c", RENDER, CHART]
    done = subprocess.run(
        command, input=json.dumps([*cases.values()]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {
        name: Rendered(answer["messages"], [*_objects(answer["files"])])
        for name, answer in zip(cases, json.loads(done.stdout), strict=True)
    }


def _objects(files: dict[str, str]) -> list[dict[str, Any]]:
    texts = [text for name, text in files.items() if name.endswith(".yaml")]
    return [one for text in texts for one in yaml.safe_load_all(text) if one]


@pytest.mark.parametrize("name", ["default", "full"])
def test_helm_lint_has_nothing_to_say(charts: dict[str, Rendered], name: str) -> None:
    """No warning and no error, with default values and with all of them."""
    assert charts[name].messages == []
    assert charts[name].objects


@pytest.mark.parametrize("name", ["default", "full"])
def test_kubernetes_takes_each_object(charts: dict[str, Rendered], name: str) -> None:
    """The models of Kubernetes' client know each field, its type and what must be there: nothing is lost in them."""
    from kubernetes.client import ApiClient

    client = ApiClient()

    def read(one: dict[str, Any]) -> object:
        model = client.deserialize(json.dumps(one), f"V1{one['kind']}", "application/json")
        return client.sanitize_for_serialization(model)

    for one in charts[name].objects:
        if one["apiVersion"] != "keda.sh/v1alpha1":  # not Kubernetes' own
            assert read(one) == one
    slip = charts[name].one("Deployment", "prod-mftctl-default")
    slip = {**slip, "spec": {**slip["spec"], "replica": 1}}
    assert read(slip) != slip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values_are_refused(charts: dict[str, Rendered], name: str) -> None:
    """A key that is no key, and a value that makes no sense, is an error before anything is installed."""
    assert charts[name].messages
    assert charts[name].objects == []


def test_each_queue_has_a_deployment(charts: dict[str, Rendered]) -> None:
    """Its pods are workers of that task queue, with what the queue asks for over what all workers have."""
    full = charts["full"]
    gpu, default = (full.one("Deployment", f"prod-mftctl-{name}")["spec"] for name in ("gpu", "default"))
    (worker,) = gpu["template"]["spec"]["containers"]
    command, given = commandlines.parse(worker["args"])
    assert command == "worker"
    options = WorkerOptions(concurrency=1, isolation="spawn", metrics=":9464", deployment_version="v2")
    assert given == {"queue": ("GPU",), "options": options}
    assert {"name": "metrics", "containerPort": 9464} in worker["ports"]
    probes = {worker[name]["httpGet"]["path"] for name in ("livenessProbe", "readinessProbe")}
    assert probes == {"/healthz", "/readyz"}
    assert worker["image"] == "registry.example.com/flows:8"
    (other,) = default["template"]["spec"]["containers"]
    assert other["image"] == "registry.example.com/flows:7"
    assert "--deployment-version" not in other["args"]
    assert worker["resources"]["limits"] == {"nvidia.com/gpu": "1", "memory": "8Gi"}
    assert {"name": "OMP_NUM_THREADS", "value": "2"} in worker["env"]
    assert gpu["template"]["spec"]["terminationGracePeriodSeconds"] == 86400
    assert default["replicas"] == 3
    assert gpu["selector"]["matchLabels"].items() <= gpu["template"]["metadata"]["labels"].items()
    assert gpu["selector"] != default["selector"]
    assert ("PodDisruptionBudget", "prod-mftctl-default") in full.kinds()
    assert ("PodDisruptionBudget", "prod-mftctl-gpu") not in full.kinds()


def test_a_queue_can_scale_with_its_backlog(charts: dict[str, Rendered]) -> None:
    """KEDA counts the tasks that wait, those with @resources too, with the workers' connection."""
    full = charts["full"]
    scaled = full.one("ScaledObject", "prod-mftctl-gpu")["spec"]
    trigger, of_steps = scaled["triggers"]
    assert trigger["type"] == "temporal"
    asked = {"taskQueue": queue_for("GPU", ASKED)}
    assert of_steps == {**trigger, "metadata": {**trigger["metadata"], **asked}}
    assert trigger["metadata"] == {
        "endpoint": "temporal.example.com:7233",
        "namespace": "ml-prod",
        "taskQueue": "GPU",
        "queueTypes": "activity,workflow",
        "targetQueueSize": "2",
        "workerDeploymentName": "mftctl",
        "workerDeploymentBuildId": "v2",
        "tlsServerName": "temporal",
    }
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (0, 4)
    assert "replicas" not in full.one("Deployment", "prod-mftctl-gpu")["spec"]
    secrets = full.one("TriggerAuthentication", trigger["authenticationRef"]["name"])["spec"][
        "secretTargetRef"
    ]
    assert [one["parameter"] for one in secrets] == ["apiKey", "ca", "cert", "key"]
    assert not any("keda" in one["apiVersion"] for one in charts["default"].objects)


def test_the_connection_comes_from_a_configmap_and_secrets(charts: dict[str, Rendered]) -> None:
    """Workers and the Jobs of deploys have the variables that mftctl reads; no secret is in a ConfigMap."""
    full = charts["full"]
    variables = full.one("ConfigMap", "prod-mftctl-environment")["data"]
    assert variables == {
        "TEMPORAL_ADDRESS": "temporal.example.com:7233",
        "TEMPORAL_NAMESPACE": "ml-prod",
        "TEMPORAL_TLS": "true",
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/etc/temporal-tls/ca.crt",
        "TEMPORAL_TLS_CLIENT_CERT_PATH": "/etc/temporal-tls/tls.crt",
        "TEMPORAL_TLS_CLIENT_KEY_PATH": "/etc/temporal-tls/tls.key",
        "TEMPORAL_TLS_SERVER_NAME": "temporal",
        "MFTCTL_CONFIG": "/etc/mftctl/config.toml",
        "METAFLOW_DEFAULT_DATASTORE": "s3",
    }
    for kind, name in (("Deployment", "prod-mftctl-default"), ("Job", "prod-mftctl-deploy-train")):
        pod = full.one(kind, name)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        sources = [next(iter(one.values()))["name"] for one in container["envFrom"]]
        assert sources == ["prod-mftctl-environment", "aws"]
        (key,) = (one for one in container["env"] if one["name"] == "TEMPORAL_API_KEY")
        assert key["valueFrom"]["secretKeyRef"] == {"name": "temporal-key", "key": "api-key"}
        mounted = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        assert mounted.keys() == {one["name"] for one in pod["volumes"]}
        assert mounted["tls"] == "/etc/temporal-tls"
        assert pod["securityContext"]["runAsNonRoot"]
    assert set(charts["default"].one("ConfigMap", "prod-mftctl-environment")["data"]) == {
        "TEMPORAL_ADDRESS",
        "TEMPORAL_NAMESPACE",
    }


def test_flows_are_deployed_by_jobs(charts: dict[str, Rendered]) -> None:
    """Each install and upgrade deploys the flows that the values name."""
    job = charts["full"].one("Job", "prod-mftctl-deploy-train")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    command, given = commandlines.parse(container["args"])
    assert (command, given["flow"]) == ("deploy", "/flows/train.py")
    assert not any(one["kind"] == "Job" for one in charts["default"].objects)


def test_the_values_of_the_page_are_good(charts: dict[str, Rendered]) -> None:
    """Each example of docs/how-to/kubernetes.md has nothing that Helm complains of, and makes what the page says."""
    shown = [charts[f"page-{number}"] for number in range(len(SHOWN))]
    assert [one.messages for one in shown] == [[]] * 5
    install, versions, scale, of_steps, deploy = shown
    assert {("Deployment", "prod-mftctl-default"), ("Deployment", "prod-mftctl-gpu")} <= install.kinds()
    workers = [name for kind, name in versions.kinds() if kind == "Deployment"]
    assert sorted(workers) == ["prod-mftctl-default-v1", "prod-mftctl-default-v2"]
    assert ("ScaledObject", "prod-mftctl-default") in scale.kinds()
    triggers = of_steps.one("ScaledObject", "prod-mftctl-default")["spec"]["triggers"]
    assert [one["metadata"]["taskQueue"] for one in triggers] == ["default", "default#cpu=4,memory=16000"]
    assert ("Job", "prod-mftctl-deploy-train") in deploy.kinds()
    assert "job/prod-mftctl-deploy-train" in PAGE


def test_its_version_is_that_of_mftctl() -> None:
    """The image of a chart is that of its own version."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == mftctl.__version__
