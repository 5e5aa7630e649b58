"""The run's code package, stored in the datastore, with the interface that a step's decorators use."""

from __future__ import annotations

import io
import os
import tempfile
from typing import Any, Optional

from metaflow.package import MetaflowPackage
from metaflow.packaging_sys import ContentType

from ..environment import package_root

_ARCHIVE = ".mf_archive"


class StoredPackage:
    """The ``package`` argument of decorators' hooks, with the interface of MetaflowPackage."""

    def __init__(self, datastore: Any, sha: str, url: str, metadata: str) -> None:
        self._datastore = datastore
        self._sha = sha
        self._url = url
        self.package_metadata = metadata

    def __getattr__(self, name: str) -> Any:
        """Static and class methods of MetaflowPackage: how a package is opened and found."""
        return getattr(MetaflowPackage, name)

    @property
    def blob(self) -> bytes:
        """The archive. It is cached beside the unpacked package, for backends that store it again for each task."""
        root = package_root()
        kept = os.path.join(root, _ARCHIVE)
        if not os.path.exists(kept):
            blob = next(blob for _, blob in self._datastore.load_data([self._sha]))
            with tempfile.NamedTemporaryFile(dir=root, prefix=_ARCHIVE, delete=False) as made:
                made.write(blob)
            os.rename(made.name, kept)
        with open(kept, "rb") as file:
            return file.read()

    def blob_with_timeout(self, timeout: Optional[float] = None) -> bytes:  # noqa: ARG002 - Metaflow's signature
        """The archive."""
        return self.blob

    def package_sha(self, timeout: Optional[float] = None) -> str:  # noqa: ARG002 - Metaflow's signature
        """Its key in the datastore."""
        return self._sha

    def package_url(self, timeout: Optional[float] = None) -> str:  # noqa: ARG002 - Metaflow's signature
        """Its URL in the datastore."""
        return self._url

    def extract_into(
        self,
        dest_dir: str = ".",
        content_types: int = ContentType.ALL_CONTENT.value,
        timeout: Optional[float] = None,  # noqa: ARG002 - Metaflow's signature
    ) -> None:
        """Unpack it, or the content of the given types, into a folder."""
        MetaflowPackage.cls_extract_into(
            self.package_metadata, io.BytesIO(self.blob), dest_dir, int(content_types)
        )
