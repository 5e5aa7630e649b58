"""Which deployment --branch, --production, MFTCTL_* and a profile mean, held against Metaflow's own @project."""

from __future__ import annotations

import itertools

import pytest
from metaflow._vendor import click
from metaflow.plugins.project_decorator import ProjectDecorator, format_name

from mftctl.metaflow_cli.relocation import ordered
from mftctl.operations.deploy_options import DeploymentOptions
from mftctl.profiles import KEYS, Profile

BRANCHES = (None, "", "v2")
SAID = (None, False, True)


def _name(branch: str | None, production: bool) -> str:
    """The deployment as Metaflow names it."""
    return format_name("Pj", "my_proj", production, branch, "me")[0]


def _metaflows(words: list[str], variables: dict[str, str]) -> str:
    """The same with Metaflow's own options on a command line, and its variables."""

    @click.command()
    @click.option("--branch", **ProjectDecorator.options["branch"])
    @click.option("--production", **ProjectDecorator.options["production"])
    def start(branch: str | None, production: bool) -> str:
        return _name(branch, production)

    env = {f"METAFLOW_{name}": value for name, value in variables.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("METAFLOW_OWNER", raising=False)
        for name, value in env.items():
            patch.setenv(name, value)
        return str(start.main(args=words, auto_envvar_prefix="METAFLOW", standalone_mode=False))


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("METAFLOW_OWNER", *(key.variable for key in KEYS.values())):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("branch", "production"), list(itertools.product(BRANCHES, (False, True))))
def test_flags_mean_what_they_mean_to_metaflow(branch: str | None, production: bool) -> None:
    """`--production --branch v2` is prod.v2, `--branch ''` is none: whatever is passed on is passed on whole."""
    options = DeploymentOptions(branch=branch, production=production or None).options(Profile())
    words = [word for word in options.arguments() if word.startswith(("--branch", "--production"))]
    assert _metaflows(words, {}) == _name(branch, production)
    assert not options.project_only or (branch is None and not production)


@pytest.mark.parametrize(
    ("rank", "branch", "production"), list(itertools.product(("variable", "profile"), (None, "v2"), SAID))
)
@pytest.mark.parametrize(("flag", "flagged"), list(itertools.product(BRANCHES, SAID)))
def test_nothing_that_is_said_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rank: str,
    branch: str | None,
    production: bool | None,
    flag: str | None,
    flagged: bool | None,
) -> None:
    """A variable or a profile counts for what the flags do not say, as METAFLOW_* do; mixtures are told."""
    said = {
        name: value for name, value in (("branch", branch), ("production", production)) if value is not None
    }
    variables = {name.upper(): str(value).lower() for name, value in said.items()}
    if rank == "variable":
        for name, value in variables.items():
            monkeypatch.setenv(f"MFTCTL_{name}", value)
    options = DeploymentOptions(branch=flag, production=flagged).options(
        Profile("p", said if rank == "profile" else {})
    )
    wanted_production = flagged if flagged is not None else bool(production)
    wanted_branch = flag if flag is not None else branch
    assert _name(options.branch, options.production) == _name(wanted_branch, wanted_production)
    if flagged is not False:  # Metaflow's own flag cannot be taken back
        words = [] if flag is None else [f"--branch={flag}"]
        words += ["--production"] if flagged else []
        assert _metaflows(words, variables) == _name(options.branch, options.production)
    mixed = bool(wanted_branch and wanted_production) and (flag is None) != (flagged is None)
    assert ("prod.v2" in capsys.readouterr().err) == mixed


@pytest.mark.parametrize(
    ("top", "given", "settings", "words"),
    [
        (["--production"], {}, {"--branch": "v2"}, ["--production", "--branch=v2", "temporal", "create"]),
        (
            ["--branch", "v2"],
            {},
            {"--production": True},
            ["--branch", "v2", "--production", "temporal", "create"],
        ),
        ([], {"--branch": ""}, {"--branch": "v2"}, ["--branch=", "temporal", "create"]),
        (["--branch="], {}, {"--branch": "v2"}, None),
        (
            [],
            {},
            {"--branch": "v2", "--production": True},
            ["--branch=v2", "--production", "temporal", "create"],
        ),
    ],
)
def test_the_flows_own_command_line_is_no_other(
    top: list[str],
    given: dict[str, str | bool],
    settings: dict[str, str | bool | list[str]],
    words: list[str] | None,
) -> None:
    """`python flow.py --production temporal create` with a branch in the profile is prod.<branch>, too."""
    assert ordered(top, ["temporal", "create"], given, settings) == words
