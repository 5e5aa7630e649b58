"""Production tokens: the same files, tokens and rules as Metaflow's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b32encode
from dataclasses import replace
from hashlib import sha1

import pytest

from mftctl.control import tokens
from mftctl.control.tokens import TokenRequest
from mftctl.model.errors import Exit, MftctlError
from mftctl.model.manifest import Launch, Manifest, Package, Step

LAUNCH = Launch(
    "F", "f.py", Package("sha", "url", "{}"), "python", "local", "local", "/root", "local", "null", "null"
)
PLAIN = Manifest(
    "F", replace(LAUNCH, namespace="user:ann"), "start", "end", (Step("start", "start"),), "q", "ann"
)
PROJECT = replace(PLAIN, deployment="p.prod.F", project="p", branch="prod")


@pytest.fixture(autouse=True)
def token_home(monkeypatch, tmp_path):
    monkeypatch.delenv("METAFLOW_TOKEN_HOME", raising=False)
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def theirs():
    """Metaflow's own functions."""
    from metaflow.plugins.aws.step_functions import production_token

    return production_token


@pytest.mark.parametrize("prefix", ["f", "mfprj-abcdefghijklmnop", "a.b_c-d"])
def test_tokens_are_metaflows(theirs, prefix) -> None:
    """The first token, the ones after it, and none after a token that somebody made up."""
    first = tokens.new_token(prefix)
    assert first == theirs.new_token(prefix)
    assert tokens.new_token(prefix, first) == theirs.new_token(prefix, first)
    assert tokens.new_token(prefix, "made up") is None
    assert theirs.new_token(prefix, "made up") is None


@pytest.mark.parametrize("variable", ["METAFLOW_HOME", "METAFLOW_TOKEN_HOME"])
def test_a_token_that_one_stores_the_other_loads(theirs, monkeypatch, tmp_path, variable) -> None:
    """It is the same file, wherever Metaflow's configuration is."""
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    tokens.store("ours", "t1")
    theirs.store_token("theirs", "t2")
    assert theirs.load_token("ours") == "t1"
    assert tokens.load("theirs") == "t2"
    assert tokens.load("nobody's") is None


def test_what_else_is_in_a_token_file_stays(token_home) -> None:
    """As Metaflow leaves it."""
    (token_home / "f").write_text(json.dumps({"other": 1}))
    tokens.store("f", "t")
    assert json.loads((token_home / "f").read_text()) == {"other": 1, "production_token": "t"}


def test_a_home_that_cannot_be_written_is_no_error(monkeypatch) -> None:
    """The owner needs no token."""
    monkeypatch.setenv("METAFLOW_HOME", "/proc/none")
    tokens.store("f", "t")


def test_prefixes_are_metaflows() -> None:
    """The deployment's name, and for a @project a digest of project and branch."""
    assert tokens.prefix_of(replace(PLAIN, deployment="MyName")) == "myname"
    digest = b32encode(sha1(b"p.prod", usedforsecurity=False).digest()).decode()[:16]
    assert tokens.prefix_of(PROJECT) == f"mfprj-{digest}".lower()


@pytest.mark.parametrize(
    "env",
    [{"METAFLOW_USER": "ann", "USER": "bob"}, {"USER": "root", "SUDO_USER": "bob"}, {"USER": "root"}, {}],
    ids=["METAFLOW_USER", "sudo", "root", "configuration"],
)
def test_the_user_is_the_one_that_metaflow_sees(monkeypatch, token_home, env) -> None:
    """From the variables, or Metaflow's configuration; never root."""
    for name in ("METAFLOW_USER", "METAFLOW_PROFILE", "SUDO_USER", "USERNAME", "USER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    if not env:
        (token_home / "config.json").write_text(json.dumps({"METAFLOW_USER": "configured"}))
    script = "from metaflow.util import get_username; print(get_username())"
    seen = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert str(tokens.username()) == seen.stdout.strip()


def test_the_owner_and_whoever_has_the_token_may() -> None:
    """The owner without it, others with it, as `production:` and bare, or from the file."""
    mine = tokens.assign_token(None, PLAIN, TokenRequest())
    assert mine.token == tokens.new_token("f")
    tokens.authorize(mine, "ann", None)
    tokens.authorize(mine, "bob", mine.token)
    tokens.authorize(mine, "bob", f"production:{mine.token}")
    tokens.store("f", str(mine.token))
    tokens.authorize(mine, "bob", None)


@pytest.mark.parametrize("token", [None, "wrong"])
def test_others_are_refused(token) -> None:
    """Exit code 6, whose it is, and how to get on."""
    mine = tokens.assign_token(None, PLAIN, TokenRequest())
    with pytest.raises(MftctlError) as refused:
        tokens.assign_token(mine, replace(PLAIN, owner="bob"), TokenRequest(authorize=token))
    assert (refused.value.exit, refused.value.code) == (Exit.CONFLICT, "token.wrong")
    assert "ann" in refused.value.message
    assert "--authorize" in refused.value.hint


def test_a_token_stays_until_a_new_one_is_asked_for() -> None:
    """Deploying again keeps it; --generate-new-token makes the next, --new-token takes the one given."""
    first = tokens.assign_token(None, PLAIN, TokenRequest())
    assert tokens.assign_token(first, PLAIN, TokenRequest()).token == first.token
    second = tokens.assign_token(first, PLAIN, TokenRequest(generate=True))
    assert second.token == tokens.new_token("f", first.token) != first.token
    assert tokens.assign_token(first, PLAIN, TokenRequest(given="production:mine")).token == "mine"  # noqa: S105 - no secret


@pytest.mark.parametrize(
    ("manifest", "claim"),
    [(PROJECT, TokenRequest(given="mine")), (PLAIN, TokenRequest(generate=True))],
    ids=["a token of one's own for a @project", "the one after a token of one's own"],
)
def test_what_metaflow_does_not_do_is_refused(manifest, claim) -> None:
    """Exit code 2."""
    before = replace(manifest, token="made up")  # noqa: S106 - no secret
    with pytest.raises(MftctlError) as refused:
        tokens.assign_token(before, manifest, claim)
    assert refused.value.exit == Exit.USAGE


def test_runs_of_users_are_in_their_namespace() -> None:
    """A deployment that is not production runs as `python flow.py run` does."""
    assert tokens.assign_token(None, PLAIN, TokenRequest()).launch == PLAIN.launch
    branch = replace(PROJECT, branch="test.x")
    assert tokens.assign_token(None, branch, TokenRequest()).launch == branch.launch


@pytest.mark.parametrize("branch", ["prod", "prod.x"])
def test_production_runs_are_in_the_namespace_of_the_token(branch) -> None:
    """As on Metaflow's orchestrators: METAFLOW_PRODUCTION_TOKEN and `production:<token>`."""
    manifest = tokens.assign_token(None, replace(PROJECT, branch=branch), TokenRequest())
    assert manifest.launch.env["METAFLOW_PRODUCTION_TOKEN"] == manifest.token
    assert manifest.launch.namespace == f"production:{manifest.token}"


def test_a_new_token_moves_the_runs_to_its_namespace_and_they_stay_there() -> None:
    """--generate-new-token and --new-token say so in Metaflow's help; the next deploy does not move them back."""
    moved = tokens.assign_token(None, PLAIN, TokenRequest(given="mine"))
    assert moved.launch.namespace == "production:mine"
    assert tokens.assign_token(moved, PLAIN, TokenRequest()).launch.namespace == "production:mine"


def test_a_namespace_that_was_asked_for_stays() -> None:
    """--namespace goes before the production namespace."""
    manifest = tokens.assign_token(None, PROJECT, TokenRequest(namespace=True))
    assert manifest.launch.namespace == "user:ann"
    assert manifest.launch.env["METAFLOW_PRODUCTION_TOKEN"] == manifest.token


def test_the_token_is_no_part_of_the_version() -> None:
    """The same code and options give the same version, whoever's token it is."""
    assert tokens.assign_token(None, PLAIN, TokenRequest()).version == PLAIN.version


def test_a_token_that_was_accepted_is_needed_once() -> None:
    """As with Metaflow's own orchestrators, whatever it was given for; a wrong one is not kept."""
    token = tokens.new_token("f")
    deployed = replace(PLAIN, token=token, owner="ann")
    with pytest.raises(MftctlError):
        tokens.authorize(deployed, "bob", "wrong")
    assert tokens.load("f") is None
    tokens.authorize(deployed, "bob", f"production:{token}")
    tokens.authorize(deployed, "bob", None)
