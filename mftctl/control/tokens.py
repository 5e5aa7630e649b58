"""Production tokens: who may change a deployment, by the rules of Metaflow's own orchestrators.

The last deployer, and everybody who knows the token, may deploy it again, delete it and control its runs
(``metaflow/plugins/aws/step_functions/production_token.py`` and ``step_functions_cli.py``). Tokens are stored in
the same files, so that Metaflow and mftctl share them; metaflow is not imported.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import os
import random
import string
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..interpreter.inside import metaflow_config
from ..model.errors import ConflictError, UsageError

if TYPE_CHECKING:  # `run --help` and `deploy --help` need no manifest
    from ..model.manifest import Manifest

_VARIABLE = "METAFLOW_PRODUCTION_TOKEN"
_NAMESPACE = "production:"
#: How many tokens Metaflow generates for a deployment at most.
_MAX_TOKENS = 10_000


@dataclass(frozen=True)
class TokenRequest:
    """The token options of a command: a token to ``authorize`` with, and whether to ``generate`` one or use ``given``.

    ``namespace``: the user named a Metaflow namespace, which the production namespace does not replace.
    """

    authorize: str | None = None
    generate: bool = False
    given: str | None = None
    namespace: bool = False


def assign_token(previous: Manifest | None, manifest: Manifest, claim: TokenRequest) -> Manifest:
    """The manifest with its token; MftctlError with exit code 6 when somebody else deployed it.

    Runs of a production deployment (`--production`, or one with a new token) are in the namespace
    ``production:<token>``, others in their user's, as with `python flow.py run`.
    """
    if previous is not None:
        authorize(previous, manifest.owner, claim.authorize)
    prefix = prefix_of(manifest)
    before = previous.token if previous is not None else None
    if claim.given:
        if manifest.project:
            raise UsageError(
                "--new-token is not supported for @projects", code="usage", hint="use --generate-new-token"
            )
        token = claim.given.removeprefix(_NAMESPACE)
    elif before is None or claim.generate:
        made = new_token(prefix, before)
        if made is None:
            raise UsageError(
                "--generate-new-token is not supported after --new-token",
                code="usage",
                hint="choose another with --new-token",
            )
        token = made
    else:
        token = before
    launch = manifest.launch
    on_production = (manifest.branch or "").split(".")[0] == "prod"
    asked = claim.generate or claim.given is not None
    if on_production or asked or (previous is not None and _VARIABLE in previous.launch.env):
        namespace = launch.namespace if claim.namespace else _NAMESPACE + token
        launch = replace(launch, env={**launch.env, _VARIABLE: token}, namespace=namespace)
    return replace(manifest, token=token, launch=launch)


def authorize(manifest: Manifest, user: str | None, token: str | None) -> None:
    """Check that the user deployed it, or has its token, given or in Metaflow's file; exit code 6 otherwise.

    A given one is stored for the next time, as by Metaflow's own orchestrators.
    """
    if manifest.token is None or user == manifest.owner:
        return
    known = load(prefix_of(manifest)) if token is None else token.removeprefix(_NAMESPACE)
    if known != manifest.token:
        raise ConflictError(
            f"{manifest.deployment} was deployed by {manifest.owner}: its production token is required",
            code="token.wrong",
            hint=f"ask {manifest.owner} for the token, and pass it with --authorize TOKEN",
        )
    if token is not None:
        store(prefix_of(manifest), known)


def prefix_of(manifest: Manifest) -> str:
    """The prefix of the deployment's tokens, and the name of the file that stores them."""
    if not manifest.project:
        return manifest.deployment.lower()
    digest = hashlib.sha1(f"{manifest.project}.{manifest.branch}".encode(), usedforsecurity=False).digest()
    return f"mfprj-{base64.b32encode(digest).decode()[:16]}".lower()


def new_token(prefix: str, before: str | None = None) -> str | None:
    """The token after ``before``, or the first one; None when ``before`` was not generated."""
    made = _generated(prefix)
    if before is not None:
        made = itertools.dropwhile(lambda token: token != before, made)
        next(made, None)
    return next(made, None)


def load(prefix: str) -> str | None:
    """The token that this user used last."""
    token = _content(_file(prefix)).get("production_token")
    return token if isinstance(token, str) else None


def store(prefix: str, token: str) -> None:
    """Store a token for the next time, if this user's home is writable."""
    file = _file(prefix)
    content = {**_content(file), "production_token": token}
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")


def username() -> str | None:
    """The user's name as Metaflow determines it (``metaflow.util.get_username``)."""
    named = os.environ.get("METAFLOW_USER") or metaflow_config.settings().get("METAFLOW_USER")
    for user in (named, *map(os.environ.get, ("SUDO_USER", "USERNAME", "USER"))):
        if isinstance(user, str) and user not in {"", "root"}:
            return user
    return None


def _generated(prefix: str) -> Iterator[str]:
    for number in range(_MAX_TOKENS):
        start = f"{prefix}-{number}-"
        letters = random.Random(zlib.adler32(start.encode()))  # noqa: S311 - Metaflow's, and no secret
        yield start + "".join(letters.sample(string.ascii_lowercase, 4))


def _file(prefix: str) -> Path:
    home = os.environ.get("METAFLOW_TOKEN_HOME") or os.environ.get("METAFLOW_HOME", "~/.metaflowconfig")
    return Path(os.path.expanduser(f"{home}/{prefix}"))  # Path's own fails for a user without a home


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
