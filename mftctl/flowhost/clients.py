"""What opening a remote datastore costs, paid once in the flow host: modules and descriptions, no connection."""

from __future__ import annotations

import functools

from ..manifest import Launch


def warm(launch: Launch) -> None:
    """Before any fork: load what a client of the datastore is made of (for S3 half a second of every process).

    No credential is looked up and nothing is connected: every fork does both for itself.
    """
    if launch.datastore != "s3":
        return
    try:
        import boto3
        import botocore.session
    except ImportError:  # Metaflow says so where it opens the datastore
        return
    # Each session reads the descriptions of AWS's APIs anew, unless they share what reads them.
    botocore.session.create_loader = functools.lru_cache(maxsize=None)(botocore.session.create_loader)
    nobody = {"aws_access_key_id": "-", "aws_secret_access_key": "-", "region_name": "us-east-1"}
    boto3.session.Session().client("s3", **nobody)
