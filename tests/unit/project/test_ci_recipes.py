"""packaging/ci: recipes for GitHub Actions and GitLab, by their schemas and linters."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[3] / "packaging" / "ci"
SCRIPTS = Path(sys.executable).parent


def schema(name: str) -> dict:
    found = importlib.util.find_spec("check_jsonschema")  # which brings it along
    assert found is not None
    assert found.origin is not None
    return json.loads(
        (Path(found.origin).parent / "builtin_schemas" / "vendor" / f"{name}.json").read_text("utf-8")
    )


@pytest.mark.parametrize(
    ("file", "name", "word"),
    [("github.yml", "github-workflows", "runs-on"), ("gitlab.yml", "gitlab-ci", "script")],
)
def test_a_recipe_keeps_to_its_schema(file: str, name: str, word: str) -> None:
    """The file is as the schema of its service wants it, and one with a slip is not."""
    rules = schema(name)
    validator = jsonschema.validators.validator_for(rules)(rules)
    text = (FOLDER / file).read_text().replace("\non:", '\n"on":')  # true, in YAML 1.1
    assert list(validator.iter_errors(yaml.safe_load(text))) == []
    assert not validator.is_valid(yaml.safe_load(text.replace(f" {word}:", f" {word}-:")))


def test_actionlint_has_nothing_to_say_of_the_workflow() -> None:
    """Expressions, contexts, versions of actions and the shell in it are right; a wrong expression is reported."""
    text = (FOLDER / "github.yml").read_text()
    assert actionlint(text) == ""
    assert "secretz" in actionlint(text.replace("secrets.AWS", "secretz.AWS"))


def actionlint(text: str) -> str:
    env = {**os.environ, "PATH": os.pathsep.join((str(SCRIPTS), os.environ["PATH"]))}
    command = [SCRIPTS / "actionlint", "-no-color", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=env)
    return done.stdout + done.stderr


def test_shellcheck_has_nothing_to_say_of_the_script() -> None:
    """The shell that both recipes run is as shellcheck wants it."""
    command = [SCRIPTS / "shellcheck", FOLDER / "preview.sh"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    assert os.access(FOLDER / "preview.sh", os.X_OK)


def test_the_page_names_what_the_script_reads_and_writes() -> None:
    """docs/how-to/ci.md has the variables and the files of preview.sh, and no others."""
    page = (FOLDER.parents[1] / "docs" / "how-to" / "ci.md").read_text("utf-8")
    script = (FOLDER / "preview.sh").read_text()
    rows = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    code = "\n".join(line for line in script.splitlines() if not line.startswith("#"))
    variables = set(re.findall(r"PREVIEW_\w+", code))
    assert rows == variables | set(re.findall(r"\$folder/([a-z.-]+)", code))


@pytest.mark.parametrize("file", ["github.yml", "gitlab.yml"])
def test_a_recipe_runs_the_script_and_keeps_what_it_writes(file: str) -> None:
    """Both run preview.sh on a branch named after the request, and keep its folder."""
    text = (FOLDER / file).read_text()
    assert re.search(r"ci/preview\.sh \S+ \"(pull|merge)-request-\$", text)
    assert "preview/" in text
    # A job of GitHub that is cancelled signals the step's shell alone.
    assert file != "github.yml" or "run: exec ./ci/preview.sh" in text
    assert "sha256sum --check" in text
