"""Registers the tests' backend with metaflow-sandbox, in the place of the one that is its default."""

from metaflow_extensions.sandbox.plugins import backends

backends._BACKENDS["daytona"] = ("metaflow_extensions.elsewhere.plugins.folders", "Folders")
backends._BACKENDS["uninstalled"] = ("metaflow_extensions.elsewhere.plugins.uninstalled", "Uninstalled")
