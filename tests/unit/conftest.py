"""What every test of a module begins with."""

from __future__ import annotations

import hypothesis
import pytest

from mftctl.console import output

# No test fails because the machine has other work.
hypothesis.settings.register_profile("unit", deadline=None)
hypothesis.settings.load_profile("unit")


@pytest.fixture(autouse=True)
def as_text() -> None:
    """Output is text, and not quiet, whatever a test before has chosen for its process."""
    output.begin([])
