"""Tags are held to Metaflow's rules."""

from __future__ import annotations

import pytest
from metaflow.exception import MetaflowTaggingError
from metaflow.tagging_util import validate_tags

from mftctl.control.runs import tags
from mftctl.model.errors import Exit, MftctlError
from mftctl.operations.deploy_options import DeploymentOptions
from mftctl.profiles import Profile

FIFTY = [f"t{number}" for number in range(50)]


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["a", "b"],
        [""],
        ["a", ""],
        ["x" * 500],
        ["x" * 501],
        ["ü" * 500],
        ["💡" * 501],
        ["\udcff"],
        [" "],
        ["a:b, c\n"],
        FIFTY,
        [*FIFTY, "t0"],
        [*FIFTY, "more"],
    ],
)
def test_what_metaflow_refuses_is_refused(given: list[str]) -> None:
    """As `python flow.py run --tag …` does, with exit code 2; also those that the deployment has already count."""
    try:
        validate_tags(given)
    except MetaflowTaggingError:
        with pytest.raises(MftctlError) as caught:
            tags.validate(given)
        assert caught.value.exit == Exit.USAGE
        assert len(caught.value.message) < 120
    else:
        tags.validate(given)


def test_tags_of_the_deployment_count() -> None:
    """A run has those of its deployment and its own, 50 in all."""
    tags.validate(["t0"], FIFTY)
    with pytest.raises(MftctlError, match="not 51"):
        tags.validate(["more"], FIFTY)


def test_deploy_and_run_refuse_them_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the command line, and those of the profile, before the flow is compiled."""
    monkeypatch.delenv("MFTCTL_TAGS", raising=False)
    with pytest.raises(MftctlError, match="empty"):
        DeploymentOptions(tags=("",)).options(Profile())
    with pytest.raises(MftctlError, match="too long"):
        DeploymentOptions().options(Profile("p", {"tags": ["x" * 501]}))
