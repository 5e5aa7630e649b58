"""docker-compose.yml, which nobody starts in these tests, is what it says it is."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

FILE = Path(__file__).resolve().parents[3] / "docker-compose.yml"


@pytest.fixture
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
    """Each image has a whole version; server and tools have the same."""
    images = {name: service["image"] for name, service in services.items()}
    assert all(re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?", image) for image in images.values()), images
    versions = {
        image.partition(":")[2] for image in images.values() if re.search("server|admin-tools", image)
    }
    assert len(versions) == 1


def test_it_is_temporal_on_postgresql_with_its_ui_at_8080(services: dict[str, dict]) -> None:
    """For this machine alone; who needs something waits until it is there."""
    assert services["temporal"]["environment"]["DB"] == "postgres12"
    assert services["ui"]["ports"] == ["127.0.0.1:8080:8080"]
    assert services["temporal"]["ports"] == ["127.0.0.1:7233:7233"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            ends = how["condition"] == "service_completed_successfully"
            assert ends or "healthcheck" in services[needed], f"{name} waits for {needed}"
