"""How a version of workers is named."""

from __future__ import annotations

import pytest

from mftctl.model.worker_version import WorkerVersion


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v2", WorkerVersion("mftctl", "v2")),
        ("train:1.4.0+8c1f", WorkerVersion("train", "1.4.0+8c1f")),
        ("prod_gpu-2:2026-11-29", WorkerVersion("prod_gpu-2", "2026-11-29")),
        # As Temporal's worker controller for Kubernetes names them: NAMESPACE/NAME.
        ("ml-prod/train:image-8c1f", WorkerVersion("ml-prod/train", "image-8c1f")),
    ],
)
def test_a_version_is_a_build_with_or_without_a_name(text: str, version: WorkerVersion) -> None:
    """The name is mftctl if there is none."""
    assert WorkerVersion.parse(text) == version
    assert WorkerVersion.parse(str(version)) == version


@pytest.mark.parametrize(
    "text", ["", ":", "v 2", "a:", ":v2", "a.b:v2", "a:b:c", "it's", "v2\n", "-v2", "é", "v" * 151]
)
def test_other_text_is_refused(text: str) -> None:
    """What Temporal refuses, and what a query could take for something else."""
    with pytest.raises(ValueError, match="is not made of"):
        WorkerVersion.parse(text)
