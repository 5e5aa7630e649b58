"""The code package as decorators get it, from the datastore of its run."""

from mftctl.interpreter.inside.environment import IN_PLACE
from mftctl.interpreter.inside.task.stored_package import StoredPackage


class Datastore:
    """A datastore with one object, which counts how often that is loaded."""

    loaded = 0

    def load_data(self, keys):
        self.loaded += 1
        yield from [(key, b"archive") for key in keys]


def test_the_archive_is_read_once_also_in_place(tmp_path, monkeypatch):
    """A flow that runs from the user's own file has a folder of its package too, and no extracted root."""
    monkeypatch.delenv("METAFLOW_EXTRACTED_ROOT", raising=False)
    monkeypatch.setenv(IN_PLACE, str(tmp_path))
    package = StoredPackage(Datastore(), "sha", "url", "{}")
    assert [package.blob, package.blob_with_timeout(1.0)] == [b"archive"] * 2
    assert package._datastore.loaded == 1
