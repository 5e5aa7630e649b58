"""Ways to configure a connection in files and variables of the `temporal` command."""

from __future__ import annotations

from pathlib import Path

KEY = "right-key-8c1f"
WRONG_KEY = "wrong-key-77ab"
#: Connects with each of the environments that come in, and says whether it could, or the error's code.
CONNECT = """
import asyncio, json, os, sys
from mftctl.console.process_exit import leave
from mftctl.control.connection.connect import connect
from mftctl.control.connection.endpoint import resolve
from mftctl.model.errors import MftctlError
from mftctl.profiles import Profile

before, found = dict(os.environ), []
for variables in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(before | variables)
    try:
        asyncio.run(connect(resolve(Profile())))
        found.append("connected")
    except MftctlError as error:
        found.append(error.code)
print(json.dumps(found))
leave(0)
"""


def environments(ports: dict[str, int], certificates: Path, plain: str) -> dict[str, dict[str, str]]:
    """Ways to configure a connection for `temporal`, in its own file and variables."""
    ca, here = (certificates / "ca.pem").read_text(), str(certificates)
    tls, key, mtls = (f'"localhost:{ports[name]}"' for name in ("tls", "key", "mtls"))
    server_ca = f'server_ca_cert_path = "{here}/ca.pem"'
    (certificates / "temporal.toml").write_text(f"""
[profile.default]
address = {tls}
tls = {{ {server_ca} }}
[profile.data]
address = {tls}
tls.server_ca_cert_data = '''{ca}'''
[profile.empty]
address = {tls}
[profile.empty.tls]
[profile.off]
address = "{plain}"
api_key = "unused"
tls.disabled = true
[profile.key]
address = {key}
api_key = "{KEY}"
tls = {{ {server_ca} }}
[profile.headers]
address = {key}
tls = {{ {server_ca} }}
grpc_meta.Authorization = "Bearer {KEY}"
[profile.mtls]
address = {mtls}
[profile.mtls.tls]
{server_ca}
client_cert_path = "{here}/client.pem"
client_key_path = "{here}/client.key"
[profile.bare]
address = {mtls}
tls = {{ {server_ca} }}
[profile.name]
address = "127.0.0.1:{ports["tls"]}"
tls = {{ {server_ca}, server_name = "temporal.test" }}
""")
    (certificates / "broken.toml").write_text('[profile.default]\naddress = "x\n')
    data = {name: (certificates / name).read_text() for name in ("client.pem", "client.key")}
    client = "TEMPORAL_TLS_CLIENT"
    found: dict[str, dict[str, str]] = {
        "the default profile": {},
        "an empty name of a profile": {"TEMPORAL_PROFILE": ""},
        "no such profile": {"TEMPORAL_PROFILE": "nobody"},
        "certificates as data": {"TEMPORAL_PROFILE": "data"},
        "data and a path of it": {
            "TEMPORAL_PROFILE": "data",
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH": f"{here}/ca.pem",
        },
        "an empty table": {"TEMPORAL_PROFILE": "empty"},
        "an empty table and a variable": {
            "TEMPORAL_PROFILE": "empty",
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH": f"{here}/ca.pem",
        },
        "an empty table and an old variable": {
            "TEMPORAL_PROFILE": "empty",
            "TEMPORAL_TLS_CA": f"{here}/ca.pem",
        },
        "switched off": {"TEMPORAL_PROFILE": "off"},
        "switched off, and on": {"TEMPORAL_PROFILE": "off", "TEMPORAL_TLS": "true"},
        "a switch that is none": {"TEMPORAL_PROFILE": "off", "TEMPORAL_TLS": "maybe"},
        "a key": {"TEMPORAL_PROFILE": "key"},
        "another key": {"TEMPORAL_PROFILE": "key", "TEMPORAL_API_KEY": WRONG_KEY},
        "an empty key": {"TEMPORAL_PROFILE": "key", "TEMPORAL_API_KEY": ""},
        "a header": {"TEMPORAL_PROFILE": "headers"},
        "a header taken away": {"TEMPORAL_PROFILE": "headers", "TEMPORAL_GRPC_META_AUTHORIZATION": ""},
        "a client certificate": {"TEMPORAL_PROFILE": "mtls"},
        "a client certificate taken away": {"TEMPORAL_PROFILE": "mtls", f"{client}_CERT_PATH": ""},
        "a client certificate as data": {
            "TEMPORAL_PROFILE": "bare",
            f"{client}_CERT_DATA": data["client.pem"],
            f"{client}_KEY_DATA": data["client.key"],
        },
        "a client certificate by old variables": {
            "TEMPORAL_PROFILE": "bare",
            "TEMPORAL_TLS_CERT": f"{here}/client.pem",
            "TEMPORAL_TLS_KEY": f"{here}/client.key",
        },
        "a name": {"TEMPORAL_PROFILE": "name"},
        "an empty name": {"TEMPORAL_PROFILE": "name", "TEMPORAL_TLS_SERVER_NAME": ""},
        "another address": {"TEMPORAL_ADDRESS": plain},
        "another address without TLS": {"TEMPORAL_ADDRESS": plain, "TEMPORAL_TLS": "0"},
        "a namespace": {"TEMPORAL_NAMESPACE": "nowhere"},
        "an empty namespace": {"TEMPORAL_NAMESPACE": ""},
        "a namespace in the address": {
            "TEMPORAL_ADDRESS": "${namespace}:" + plain.rpartition(":")[2],
            "TEMPORAL_NAMESPACE": "127.0.0.1",
            "TEMPORAL_TLS": "false",
        },
        "no file": {"TEMPORAL_CONFIG_FILE": f"{here}/gone.toml", "TEMPORAL_ADDRESS": plain},
        "a broken file": {"TEMPORAL_CONFIG_FILE": f"{here}/broken.toml", "TEMPORAL_ADDRESS": plain},
    }
    return {name: {"TEMPORAL_CONFIG_FILE": f"{here}/temporal.toml", **env} for name, env in found.items()}
