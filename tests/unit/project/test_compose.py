"""docker-compose.yml, which nobody starts in these tests, is what it says it is."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import commandlines
import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "docker-compose.yml"
PAGE = (ROOT / "docs" / "how-to" / "containers.md").read_text("utf-8")


@pytest.fixture(scope="module")
def services() -> dict[str, dict]:
    return yaml.safe_load(FILE.read_text())["services"]


def test_it_keeps_to_the_compose_specification() -> None:
    """The file is as the Compose Specification's schema wants it, and one with a slip is not."""
    found = importlib.util.find_spec("check_jsonschema")  # which brings it along
    assert found is not None
    assert found.origin is not None
    schema = Path(found.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text("utf-8")))
    text = FILE.read_text()
    assert list(validator.iter_errors(yaml.safe_load(text))) == []
    assert not validator.is_valid(yaml.safe_load(text.replace("healthcheck:", "healthchek:", 1)))


def test_versions_are_pinned(services: dict[str, dict]) -> None:
    """Each image has a whole version, or is built from packaging/Dockerfile; server and tools have the same."""
    images = {name: service["image"] for name, service in services.items() if "build" not in service}
    assert all(re.fullmatch(r"[a-z/_-]+:v?\d+\.\d+(\.\d+)?", image) for image in images.values()), images
    versions = {
        image.partition(":")[2] for image in images.values() if re.search("temporalio/(server|admin)", image)
    }
    assert len(versions) == 1
    for service in services.values():
        if "build" in service:
            assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_ports_are_for_this_machine_alone_and_each_is_used_once(services: dict[str, dict]) -> None:
    """Temporal is at 7233, its UI at 8080; everything else has a port of its own."""
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    outside = [port.split(":")[1] for port in ports]
    assert len(set(outside)) == len(outside)
    assert services["temporal"]["environment"]["DB"] == "postgres12"
    assert services["ui"]["ports"] == ["127.0.0.1:8080:8080"]
    assert services["temporal"]["ports"] == ["127.0.0.1:7233:7233"]


def test_who_needs_something_waits_until_it_is_there(services: dict[str, dict]) -> None:
    """Each dependency has a health check, or ends; `up --wait` fails if somebody ends for whom nobody waits."""
    ends = set()
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_completed_successfully":
                ends.add(needed)
            else:
                assert how["condition"] == "service_healthy", f"{name} waits for {needed}"
                assert "healthcheck" in services[needed], f"{name} waits for {needed}"
    assert ends == {"schema", "namespace", "bucket", "metadata-schema"}
    for name in ends:
        assert "healthcheck" not in services[name]


def test_volumes_and_configs_are_declared_and_used() -> None:
    """What a service mounts by name is declared, and what is declared is mounted."""
    whole = yaml.safe_load(FILE.read_text())
    services = whole["services"].values()
    mounted = {volume.split(":")[0] for service in services for volume in service.get("volumes", ())}
    assert {name for name in mounted if re.fullmatch("[a-z0-9-]+", name)} == set(whole["volumes"])
    assert [name for name in mounted if name.startswith("./") and not (ROOT / name).is_file()] == []
    configs = {config["source"] for service in services for config in service.get("configs", ())}
    assert configs == set(whole["configs"])
    for name, config in whole["configs"].items():
        assert yaml.safe_load(config["content"]), name


def test_prometheus_and_grafana_find_what_they_show(services: dict[str, dict]) -> None:
    """Prometheus scrapes each worker at the image's port, as the job of the alert rules; both files are mounted."""
    configs = {
        name: yaml.safe_load(one["content"])
        for name, one in yaml.safe_load(FILE.read_text())["configs"].items()
    }
    jobs = {job["job_name"]: job for job in configs["prometheus"]["scrape_configs"]}
    alerts = (ROOT / "packaging" / "monitoring" / "alerts.yml").read_text()
    assert set(re.findall(r'job="([^"]+)"', alerts)) <= set(jobs)
    (found,) = jobs["mftctl-worker"]["dns_sd_configs"]
    assert found["names"] == [name for name in services if name.startswith("worker-")]
    dockerfile = (ROOT / "packaging" / "Dockerfile").read_text()
    assert f"MFTCTL_METRICS=:{found['port']}" in dockerfile
    assert f"127.0.0.1:{found['port']}/healthz" in dockerfile
    (rules,) = configs["prometheus"]["rule_files"]
    assert (
        f"./packaging/monitoring/alerts.yml:/etc/prometheus/{rules}:ro" in services["prometheus"]["volumes"]
    )
    (provider,) = configs["grafana-dashboards"]["providers"]
    mounted = [volume.split(":") for volume in services["grafana"]["volumes"]]
    (target,) = (where for what, where, *_ in mounted if what == "./packaging/monitoring/dashboard.json")
    assert str(Path(target).parent) == provider["options"]["path"]


def test_workers_serve_two_task_queues_with_one_set_of_stores(services: dict[str, dict]) -> None:
    """The command lines of the workers are mftctl's, and the workers differ in nothing else."""
    workers = {name: service for name, service in services.items() if name.startswith("worker-")}
    assert len(workers) == 2
    for name, service in workers.items():
        command, given = commandlines.parse(service["command"])
        assert command == "worker"
        assert f"worker-{given['queue'][0]}" == name
        assert {**service, "command": None} == {**workers["worker-default"], "command": None}
        assert service["environment"] == services["mftctl"]["environment"]
    store = yaml.safe_load(FILE.read_text())["configs"]["s3"]["content"]
    (identity,) = json.loads(store)["identities"]
    env = services["mftctl"]["environment"]
    assert identity["credentials"] == [
        {"accessKey": env["AWS_ACCESS_KEY_ID"], "secretKey": env["AWS_SECRET_ACCESS_KEY"]}
    ]


def test_the_page_says_what_is_in_the_file(services: dict[str, dict]) -> None:
    """docs/how-to/containers.md names services that there are, at their ports, and the stores of the workers."""
    rows = re.findall(r"^\| (`.*`) \|(.*?)\|", PAGE, re.MULTILINE)
    assert len(rows) == 6
    for names, where in rows:
        found = [services[name] for name in re.findall("`([a-z0-9-]+)`", names)]
        outside = {port.split(":")[1] for one in found for port in one.get("ports", ())}
        assert set(re.findall(r"localhost:(\d+)>?,? ", where)) == outside, names
    exported = dict(
        re.findall(r"(?<= )([A-Z0-9_]+)=(\S+)", "\n".join(re.findall("^    export.*$", PAGE, re.MULTILINE)))
    )
    environment = services["mftctl"]["environment"]
    assert environment["NO_PROXY"] == environment["no_proxy"]
    inside = {name: value for name, value in environment.items() if name.lower() != "no_proxy"}
    assert inside.keys() == exported.keys() - {"MFTCTL_TEMPORAL_UI"}
    assert {name for name in inside if inside[name] != exported[name]} == {
        "TEMPORAL_ADDRESS",
        "METAFLOW_S3_ENDPOINT_URL",
        "METAFLOW_SERVICE_URL",
    }
    ports = {
        port.split(":")[1] for name in ("temporal", "s3", "metadata") for port in services[name]["ports"]
    }
    assert {exported[name].rpartition(":")[2] for name in inside if inside[name] != exported[name]} == ports


def test_mftctl_takes_the_commands_of_the_page() -> None:
    """Each command that the page gives to mftctl, on this machine or in a container, is one."""
    found = re.findall(
        r"^    (?:docker run .*|docker compose run --rm )?(?<![\w/-])mftctl (.*)$", PAGE, re.MULTILINE
    )
    commands = [commandlines.parse(words.split())[0] for words in found if words != "--version"]
    assert set(commands) == {"worker", "deploy", "trigger", "list_", "list_workers", "list_queues"}
