"""Options of Metaflow's own behind `temporal`, put where Metaflow reads them."""

from __future__ import annotations

import pytest

from mftctl.metaflow_cli.relocation import ordered
from mftctl.model.errors import Exit, MftctlError


@pytest.mark.parametrize(
    ("top", "behind", "given", "settings", "expected"),
    [
        ([], ["temporal", "create"], {}, {}, None),
        (
            ["--quiet"],
            ["temporal", "create", "--branch", "x", "w.py"],
            {"--branch": "x"},
            {},
            ["--quiet", "--branch=x", "temporal", "create", "w.py"],
        ),
        (
            [],
            ["temporal", "create", "--branch=x", "--production"],
            {"--branch": "x", "--production": True},
            {},
            ["--branch=x", "--production", "temporal", "create"],
        ),
        (
            ["--branch", "x"],
            ["temporal", "create", "--branch", "x"],
            {"--branch": "x"},
            {},
            ["--branch", "x", "temporal", "create"],
        ),
        (["--datastore=s3"], ["temporal"], {}, {"--datastore": "local"}, None),
        (["--datastore", "s3"], ["temporal"], {}, {"--datastore": "local"}, None),
        ([], ["temporal"], {}, {"--datastore": "s3"}, ["--datastore=s3", "temporal"]),
        (
            [],
            ["temporal", "create", "--branch", "x"],
            {"--branch": "x"},
            {"--branch": "y"},
            ["--branch=x", "temporal", "create"],
        ),
    ],
)
def test_order(top, behind, given, settings, expected) -> None:
    """Options found behind go before; a profile's settings give way; what is in order stays."""
    assert ordered(top, behind, given, settings) == expected


def test_once_in_order_always_in_order() -> None:
    """The second start finds nothing to do."""
    words = ordered([], ["temporal", "create", "--branch", "x"], {"--branch": "x"}, {"--datastore": "s3"})
    assert words == ["--branch=x", "--datastore=s3", "temporal", "create"]
    assert ordered(words[:2], words[2:], {}, {"--datastore": "s3"}) is None


def test_lists_of_a_profile_are_added_once() -> None:
    """Decorators of the command line stay, and those of the profile come beside them."""
    settings = {"--with": ["retry", "resources:cpu=2"]}
    words = ordered(["--with", "retry", "--with=card"], ["temporal", "create"], {}, settings)
    assert words == ["--with", "retry", "--with=card", "--with=resources:cpu=2", "temporal", "create"]
    assert ordered(words[:4], words[4:], {}, settings) is None
    assert ordered([], ["temporal", "create"], {}, {"--with": []}) is None


def test_contradictions_are_refused() -> None:
    """Exit code 2."""
    with pytest.raises(MftctlError) as refused:
        ordered(["--branch", "x"], ["temporal", "create", "--branch", "y"], {"--branch": "y"}, {})
    assert refused.value.exit == Exit.USAGE
