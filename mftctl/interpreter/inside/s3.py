"""S3 as datastore: what a client costs, paid once in the flow host, and why a machine cannot read or write there.

Settings and credentials are those that Metaflow and boto3 find on the machine this runs on.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
from typing import Any, Optional
from urllib.parse import urlsplit

from ...model.manifest import Launch

#: Seconds to connect to S3 in, and to wait for its answer.
_CONNECT, _ANSWER = 10.0, 20.0
#: Up to ten artifacts Metaflow saves one by one; here up to so many as well, if they are small altogether (bytes).
_ONE_BY_ONE, _FEW, _SMALL = 10, 40, 4 * 1024 * 1024
#: Name of an object that nobody has: that S3 says so shows that it can be asked.
PROBE = "mftctl-probe"
_MISSING = ("NoSuchKey", "404")
#: What S3 calls the trouble, and what to do about it.
_CODES = {
    "InvalidAccessKeyId": "does not know this machine's access key: set AWS_ACCESS_KEY_ID or an AWS profile here",
    "SignatureDoesNotMatch": "does not accept this machine's secret key: set AWS_SECRET_ACCESS_KEY here",
    "AccessDenied": "denies this machine's credentials access: grant them s3:GetObject, PutObject and ListBucket",
    "403": "denies this machine's credentials access: grant them s3:GetObject, PutObject and ListBucket",
    "ExpiredToken": "says that this machine's credentials have expired: renew them",
    "NoSuchBucket": "has no such bucket: make it, or set METAFLOW_DATASTORE_SYSROOT_S3 to another",
}


def warm(launch: Launch) -> None:
    """Before any fork: load what a client is made of, which takes a new process half a second.

    No credential is looked up and nothing is connected: every fork does both for itself.
    """
    if launch.datastore != "s3":
        return
    try:
        import boto3
        import botocore.session
    except ImportError:  # `problem` says so where the datastore is opened
        return
    # Each session reads the descriptions of AWS's APIs anew, unless they share what reads them.
    botocore.session.create_loader = functools.lru_cache(maxsize=None)(botocore.session.create_loader)
    nobody = {"aws_access_key_id": "-", "aws_secret_access_key": "-", "region_name": "us-east-1"}
    boto3.session.Session().client("s3", **nobody)
    _save_few_here()


def _save_few_here() -> None:
    """Let forked tasks save a few small artifacts with their own client, one by one.

    For more than ten Metaflow starts a Python with a pool of processes, which takes seconds of the processor.
    """
    from metaflow.plugins.datastores.s3_storage import S3Storage

    original = S3Storage.save_bytes

    def save_bytes(storage: Any, pairs: Any, overwrite: bool = False, len_hint: int = 0) -> Any:
        if _ONE_BY_ONE < len_hint <= _FEW:
            kept, size = [], 0
            for path, given in pairs:  # made as they are asked for: no more of them than is small
                kept.append((path, given))
                size += _size(given[0] if isinstance(given, tuple) else given)
                if size > _SMALL:
                    break
            len_hint, pairs = (0 if size <= _SMALL else len_hint), itertools.chain(kept, pairs)
        return original(storage, pairs, overwrite, len_hint)

    S3Storage.save_bytes = save_bytes


def _size(file: Any) -> int:
    """Bytes of a file that is open for reading, at its beginning."""
    size = int(file.seek(0, os.SEEK_END))
    file.seek(0)
    return size


def problem(url: str, *, there: bool) -> Optional[str]:
    """Why this machine cannot read the object at ``url``, or None; S3 is asked once, where Metaflow would for minutes.

    ``there``: the object must exist; else that it does not is no problem.
    """
    from metaflow import metaflow_config
    from metaflow.exception import MetaflowException
    from metaflow.plugins.datatools.s3.s3util import get_s3_client

    where = f"S3 at {metaflow_config.S3_ENDPOINT_URL}" if metaflow_config.S3_ENDPOINT_URL else "S3"
    try:
        from botocore.config import Config
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            EndpointConnectionError,
            NoCredentialsError,
        )
    except ImportError:
        return f"Metaflow needs boto3 for S3, and {sys.executable} has none: install it there"
    retries = {"total_max_attempts": 2, "mode": "standard"}
    config = Config(connect_timeout=_CONNECT, read_timeout=_ANSWER, retries=retries)
    place = urlsplit(url)
    try:
        settings = {**metaflow_config.DATATOOLS_CLIENT_PARAMS, "config": config}
        client, _ = get_s3_client(s3_client_params=settings)
        _read(client, place.netloc, place.path.lstrip("/"))
    except NoCredentialsError:
        return f"{where} wants credentials, and this machine has none: set AWS_ACCESS_KEY_ID or an AWS profile here"
    except EndpointConnectionError:
        return f"{where} is not reached from this machine: METAFLOW_S3_ENDPOINT_URL says where it is"
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            return f"{where} has no object {url}" if there else None
        return f"{where} ({place.netloc}) {_CODES.get(code) or f'says {error}'}"
    except (BotoCoreError, MetaflowException, ValueError) as error:
        return f"{where}: {' '.join(str(error).split())}"
    return None


def _read(client: Any, bucket: str, key: str) -> None:
    """Ask for the object and leave what it holds; HEAD would not say why it has none."""
    client.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")["Body"].close()
