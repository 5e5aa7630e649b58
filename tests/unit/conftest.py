"""What every test of a module begins with."""

from __future__ import annotations

import pytest

from mftctl.console import output


@pytest.fixture(autouse=True)
def as_text() -> None:
    """Output is text, and not quiet, whatever a test before has chosen for its process."""
    output.begin([])
