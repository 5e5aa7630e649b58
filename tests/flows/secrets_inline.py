"""@secrets puts a secret into the environment of its own step only."""

import os

from metaflow import FlowSpec, secrets, step

SOURCE = {"type": "inline", "id": "fid", "options": {"env_vars": {"FID_SECRET": "hush"}}}


class SecretsInlineFlow(FlowSpec):
    @secrets(sources=[SOURCE])
    @step
    def start(self):
        self.length = len(os.environ["FID_SECRET"])
        self.next(self.end)

    @step
    def end(self):
        self.gone = "FID_SECRET" not in os.environ


if __name__ == "__main__":
    SecretsInlineFlow()
