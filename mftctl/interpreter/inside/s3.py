"""S3 as a datastore: prepares clients once in the host, and explains why this machine cannot read or write there.

Settings and credentials are those that Metaflow and boto3 find on this machine.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
from typing import Any, Optional
from urllib.parse import urlsplit

from metaflow import metaflow_config
from metaflow.exception import MetaflowException
from metaflow.plugins.datastores.s3_storage import S3Storage
from metaflow.plugins.datatools.s3.s3util import get_s3_client

from ...model.manifest import Launch

#: Seconds to connect to S3, and to wait for its answer.
_CONNECT, _ANSWER = 10.0, 20.0
#: Metaflow saves up to _ONE_BY_ONE artifacts one by one; here up to _FEW, if all together have at most _SMALL bytes.
_ONE_BY_ONE, _FEW, _SMALL = 10, 40, 4 * 1024 * 1024
#: Name of an object that does not exist: when S3 reports that, it can be reached.
_PROBE = "mftctl-probe"
_MISSING = ("NoSuchKey", "404")
#: Error codes of S3, and what to do about each.
_CODES = {
    "InvalidAccessKeyId": "does not know this machine's access key: set AWS_ACCESS_KEY_ID or an AWS profile here",
    "SignatureDoesNotMatch": "does not accept this machine's secret key: set AWS_SECRET_ACCESS_KEY here",
    "AccessDenied": "denies this machine's credentials access: grant them s3:GetObject, PutObject and ListBucket",
    "403": "denies this machine's credentials access: grant them s3:GetObject, PutObject and ListBucket",
    "ExpiredToken": "reports that this machine's credentials have expired: renew them",
    "NoSuchBucket": "has no such bucket: create it, or set METAFLOW_DATASTORE_SYSROOT_S3 to another",
}


def warm(launch: Launch) -> None:
    """Before any fork, load what a client needs, which takes half a second.

    No credentials are read and nothing is connected: each fork does both itself.
    """
    if launch.datastore != "s3":
        return
    try:
        import boto3
        import botocore.session
    except ImportError:  # `problem` reports it when the datastore is opened
        return
    # Sessions share the loader, or each would read the descriptions of AWS's APIs again.
    botocore.session.create_loader = functools.lru_cache(maxsize=None)(botocore.session.create_loader)
    nobody = {"aws_access_key_id": "-", "aws_secret_access_key": "-", "region_name": "us-east-1"}
    boto3.session.Session().client("s3", **nobody)
    _save_few_here()


def _save_few_here() -> None:
    """Let forked tasks save a few small artifacts one by one, with their own client.

    For more than ten, Metaflow starts a Python with a pool of processes, which takes seconds of CPU time.
    """
    original = S3Storage.save_bytes

    def save_bytes(storage: Any, pairs: Any, overwrite: bool = False, len_hint: int = 0) -> Any:
        if _ONE_BY_ONE < len_hint <= _FEW:
            kept, size = [], 0
            for path, given in pairs:  # it is a generator: stop at the first that is too much
                kept.append((path, given))
                size += _size(given[0] if isinstance(given, tuple) else given)
                if size > _SMALL:
                    break
            len_hint, pairs = (0 if size <= _SMALL else len_hint), itertools.chain(kept, pairs)
        return original(storage, pairs, overwrite, len_hint)

    S3Storage.save_bytes = save_bytes


def _size(file: Any) -> int:
    """The size in bytes of an open file, which is left at its beginning."""
    size = int(file.seek(0, os.SEEK_END))
    file.seek(0)
    return size


def root_problem(datastore: str, root: str) -> Optional[str]:
    """Why this machine cannot use the ``root`` of a datastore of this type, or None, as for all others than S3."""
    return problem(f"{root}/{_PROBE}", there=False) if datastore == "s3" else None


def problem(url: str, *, there: bool) -> Optional[str]:
    """Why this machine cannot read the object at ``url``, or None. One request, where Metaflow retries for minutes.

    ``there``: it is a problem that the object does not exist.
    """
    where = f"S3 at {metaflow_config.S3_ENDPOINT_URL}" if metaflow_config.S3_ENDPOINT_URL else "S3"
    try:
        from botocore import exceptions
        from botocore.config import Config
    except ImportError:
        return f"Metaflow needs boto3 for S3, and {sys.executable} has none: install it there"
    retries = {"total_max_attempts": 2, "mode": "standard"}
    config = Config(connect_timeout=_CONNECT, read_timeout=_ANSWER, retries=retries)
    place = urlsplit(url)
    try:
        settings = {**metaflow_config.DATATOOLS_CLIENT_PARAMS, "config": config}
        client, _ = get_s3_client(s3_client_params=settings)
        # Without its content; HEAD gives no reason for an error.
        found = client.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"), Range="bytes=0-0")
        found["Body"].close()
    except exceptions.NoCredentialsError:
        return f"{where} needs credentials, and this machine has none: set AWS_ACCESS_KEY_ID or an AWS profile here"
    except exceptions.EndpointConnectionError:
        return f"{where} cannot be reached from this machine: check METAFLOW_S3_ENDPOINT_URL"
    except exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            return f"{where} has no object {url}" if there else None
        return f"{where} ({place.netloc}) {_CODES.get(code) or f'reports {error}'}"
    except (exceptions.BotoCoreError, MetaflowException, ValueError) as error:
        return f"{where}: {' '.join(str(error).split())}"
    return None
