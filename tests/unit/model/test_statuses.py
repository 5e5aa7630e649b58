"""The states that Metaflow's Deployer and `temporal list-runs` filter runs by."""

import metaflow  # noqa: F401 - before its extension

from metaflow_extensions.temporal.plugins.temporal import deployed_flow
from mftctl.model import statuses


def test_the_deployer_filters_by_the_same_states() -> None:
    """The extension has a copy of them: it is imported where mftctl may be missing."""
    assert deployed_flow._STATES == statuses.FILTERS
    assert set(statuses.STATES) == set(statuses.STATUSES)
    assert set(statuses.statuses_of(["ABORTED"])) == {"cancelled", "terminated"}
