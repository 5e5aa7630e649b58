"""A real S3 server (SeaweedFS) for the code package and the data of steps that run elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import GRPC, free_port

TIMEOUT = 60.0
KEY, SECRET = "tester", "tester-secret"


@contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """Serve S3 from ``folder``; the variables with which Metaflow keeps its data there."""
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    identity = {"name": KEY, "credentials": [{"accessKey": KEY, "secretKey": SECRET}]}
    identity["actions"] = ["Admin", "Read", "Write", "List", "Tagging"]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    weed = shutil.which("weed", path=os.path.dirname(sys.executable)) or "weed"
    command = [weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    command += [f"-{name}.port={port}" for name, port in ports.items()]
    command += [f"-s3.config={config}", "-volume.max=100", "-master.volumeSizeLimitMB=64"]
    command += ["-volume.preStopSeconds=0", "-master.telemetry=false"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    env = {
        "METAFLOW_S3_ENDPOINT_URL": endpoint,
        "METAFLOW_DATASTORE_SYSROOT_S3": "s3://flows/metaflow",
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with (folder / "weed.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _make_bucket(env, server, folder / "weed.log")
            yield env
        finally:
            # Asked to end, it takes 10 s; nothing of it is needed.
            server.kill()
            server.wait()
            for port in ports.values():
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    left.unlink()
                for left in Path("/tmp").glob(f"seaweedfs-*-{port + GRPC}.sock"):
                    left.unlink()


def _make_bucket(env: dict[str, str], server: subprocess.Popen[bytes], log: Path) -> None:
    """Make the bucket as soon as the server takes objects; that is what it is waited for."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client(
        "s3",
        endpoint_url=env["METAFLOW_S3_ENDPOINT_URL"],
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            client.create_bucket(Bucket="flows")
            client.put_object(Bucket="flows", Key="ready", Body=b"")
        except (BotoCoreError, ClientError):
            assert server.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() < deadline, f"no S3 after {TIMEOUT:g} s"
            time.sleep(0.1)
        else:
            return
