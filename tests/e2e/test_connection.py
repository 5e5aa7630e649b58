"""The way to Temporal: TLS, client certificates, API keys and names, right and wrong, before the real server."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from ports import free_port

ROOT = Path(__file__).resolve().parents[2]
KEY = "right-key-8c1f"
WRONG_KEY = "wrong-key-77ab"
#: The table of the documentation: what is done, the exit code, the error's code, and words of the error.
TABLE = {
    row[0]: (int(row[1]), row[2], row[3])
    for line in (ROOT / "docs" / "reference" / "profiles.md")
    .read_text()
    .partition("## When there is no connection")[2]
    .splitlines()
    if line.startswith("| ")
    for row in [[cell.strip() for cell in line.strip("|").split("|")]]
    if row[1].isdigit()
}
SITES = {
    "tls": "tls server.pem server.key",
    "mtls": "tls server.pem server.key {\nclient_auth {\nmode require_and_verify\ntrust_pool file ca.pem\n}\n}",
    "expired": "tls expired.pem expired.key",
    "key": "tls server.pem server.key",
}


class Authority:
    """A certificate authority of the tests' own."""

    def __init__(self, name: str) -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._signed(self._name, self._key.public_key(), (-30, 30), ca=True)

    def issue(
        self, folder: Path, name: str, days: tuple[int, int] = (-1, 30), hosts: tuple[str, ...] = ()
    ) -> None:
        """Write a certificate and its private key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        (folder / f"{name}.pem").write_bytes(self._signed(subject, key.public_key(), days, hosts=hosts))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{name}.key").write_bytes(private)

    def _signed(self, subject, public, days, *, ca=False, hosts=()) -> bytes:
        now = datetime.now(UTC)
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = (
            x509.CertificateBuilder(self._name, subject, public, x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if not ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """A folder with those of the server, of clients and of two authorities."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = Authority("authority"), Authority("other")
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "other-ca.pem").write_bytes(other.pem)
    authority.issue(folder, "server", hosts=("localhost", "temporal.test"))
    authority.issue(folder, "expired", (-9, -1), hosts=("localhost",))
    authority.issue(folder, "client")
    authority.issue(folder, "expired-client", (-9, -1))
    other.issue(folder, "other-client")
    (folder / "no.pem").write_text("not a certificate\n")
    return folder


@pytest.fixture(scope="module")
def ports(certificates: Path, server: str, wait_until):
    """Ports of Caddy, with TLS before the Temporal server: `tls`, `mtls`, `expired`, `key`, and `web`, a web page."""
    found = {name: free_port() for name in (*SITES, "web")}
    sites = [
        f"https://:{found[name]} {{\n{tls}\nreverse_proxy h2c://{server}\n}}" for name, tls in SITES.items()
    ]
    # As Temporal itself refuses a call.
    refusal = 'header Content-Type application/grpc\nheader grpc-status 16\nheader grpc-message "Request unauthorized."'
    sites[-1] = sites[-1].replace(
        f"reverse_proxy h2c://{server}",
        f'@key header Authorization "Bearer {KEY}"\nhandle @key {{\nreverse_proxy h2c://{server}\n}}\n'
        f'handle {{\n{refusal}\nrespond "" 200\n}}',
    )
    sites.append(f'http://:{found["web"]} {{\nrespond "a page"\n}}')
    options = (
        "admin off\npersist_config off\nauto_https off\ndefault_sni localhost\nstorage file_system storage"
    )
    (certificates / "Caddyfile").write_text("\n".join([f"{{\n{options}\n}}", *sites]))
    caddy = [
        str(Path(sys.executable).parent / "caddy"),
        "run",
        "--adapter",
        "caddyfile",
        "--config",
        "Caddyfile",
    ]
    with (certificates / "caddy.log").open("wb") as log:
        process = subprocess.Popen(
            caddy, cwd=certificates, env={"HOME": str(certificates), "PATH": ""}, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: process.poll() is not None or all(map(answers, found.values())), "Caddy serves")
        assert process.poll() is None, (certificates / "caddy.log").read_text()
        yield found
    finally:
        process.terminate()
        process.wait(60)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def cases(ports: dict[str, int], certificates: Path, plain: str) -> dict[str, tuple[str, dict[str, str]]]:
    """By row of the table: lines of a profile, and variables."""

    def site(name: str, host: str = "localhost", *more: str, ca: str | None = "ca.pem") -> str:
        lines = [f'address = "{host}:{ports[name]}"', *more]
        return "\n".join([*lines, f'tls_ca = "{certificates / ca}"'] if ca else lines)

    def client(cert: str, key: str | None = None) -> tuple[str, ...]:
        key = cert.replace(".pem", ".key") if key is None else key
        lines = [f'tls_cert = "{certificates / cert}"', f'tls_key = "{certificates / key}"']
        return tuple(lines if key else lines[:1])

    env_key = 'api_key_env = "THE_KEY"'
    return {
        "to a plain server, without TLS": (f'address = "{plain}"', {}),
        "over TLS, with the right CA": (site("tls"), {}),
        "over TLS, the CA is one that the machine knows": (
            site("tls", "localhost", "tls = true", ca=None),
            {"SSL_CERT_FILE": str(certificates / "ca.pem")},
        ),
        "over TLS to an IP address, with the right server name": (
            site("tls", "127.0.0.1", 'tls_server_name = "temporal.test"'),
            {},
        ),
        "with the right client certificate": (site("mtls", "localhost", *client("client.pem")), {}),
        "with the right API key": (site("key", "localhost", env_key), {"THE_KEY": KEY}),
        "no DNS name": ('address = "no-such-host.invalid:7233"', {}),
        "nobody at the port": (f'address = "127.0.0.1:{free_port()}"', {}),
        "a web server at the port": (f'address = "127.0.0.1:{ports["web"]}"', {}),
        "plain, to a server with TLS": (site("tls", ca=None), {}),
        "plain, to a server that asks for client certificates": (site("mtls", ca=None), {}),
        "over TLS, to a plain server": (f'address = "{plain}"\ntls = true', {}),
        "over TLS, without the CA": (site("tls", "localhost", "tls = true", ca=None), {}),
        "over TLS, with another CA": (site("tls", ca="other-ca.pem"), {}),
        "the server's certificate has expired": (site("expired"), {}),
        "the certificate has not the name of the address": (site("tls", "127.0.0.1"), {}),
        "the certificate has not the server name": (
            site("tls", "localhost", 'tls_server_name = "other.test"'),
            {},
        ),
        "no client certificate": (site("mtls"), {}),
        "a client certificate of another CA": (site("mtls", "localhost", *client("other-client.pem")), {}),
        "a client certificate that has expired": (
            site("mtls", "localhost", *client("expired-client.pem")),
            {},
        ),
        "a client certificate with another's private key": (
            site("mtls", "localhost", *client("client.pem", "other-client.key")),
            {},
        ),
        "a client certificate that is not there": (
            site("mtls", "localhost", *client("gone.pem", "client.key")),
            {},
        ),
        "a client certificate that is no PEM": (
            site("mtls", "localhost", *client("no.pem", "client.key")),
            {},
        ),
        "a client certificate without a private key": (
            site("mtls", "localhost", *client("client.pem", "")),
            {},
        ),
        "a wrong or expired API key": (site("key", "localhost", env_key), {"THE_KEY": WRONG_KEY}),
        "no API key": (site("key"), {}),
        "an API key in a variable that is not set": (site("key", "localhost", env_key), {}),
        "no such Temporal namespace": (f'address = "{plain}"\ntemporal_namespace = "nowhere"', {}),
        "an address without a port": ('address = "localhost"', {}),
        "no such profile of temporal.toml": ('temporal_profile = "nobody"', {}),
    }


@pytest.mark.parametrize("case", TABLE)
def test_a_connection_behaves_as_documented(home, server: str, ports, certificates: Path, case: str) -> None:
    """Each row of docs/reference/profiles.md: exit code, code, one line and how to mend it; and no key in any of it."""
    profile, variables = cases(ports, certificates, server)[case]
    (home.folder / "config.toml").write_text(f'default_profile = "p"\n[profiles.p]\n{profile}\n')
    config = {"MFTCTL_CONFIG": str(home.folder / "config.toml")}
    done = home.run("trigger", "nobody", "-o", "json", **config, **variables)
    exit_code, code, words = TABLE[case]
    error = json.loads(done.stderr)["error"]
    assert (done.returncode, error["code"]) == (exit_code, code), error
    assert words in error["message"]
    assert "\n" not in error["message"]
    assert error["hint"]
    assert not done.stdout
    assert not any(key in done.stderr for key in (KEY, WRONG_KEY, "PRIVATE"))


def test_every_row_of_the_table_is_tried(ports, certificates: Path, server: str) -> None:
    """No row without its case, and no case without its row."""
    assert set(cases(ports, certificates, server)) == set(TABLE)


FLOW = """
from metaflow import FlowSpec, step

class LoneFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    LoneFlow()
"""


@pytest.fixture(scope="module")
def lone(lodging):
    """A home with a deployment that nobody serves."""
    done = lodging.run("deploy", str(lodging.flow("lone_flow.py", FLOW)), "--name", "lone")
    assert done.returncode == 0, done.stderr
    return lodging


@pytest.mark.parametrize(
    ("then", "code", "words"),
    [
        (None, "temporal.unreachable", "no longer answers"),
        (WRONG_KEY, "temporal.refused", "it rejects the API key"),
    ],
    ids=["the server goes", "the key expires"],
)
def test_a_connection_that_breaks_is_said(
    lone, server: str, wait_until, then: str | None, code: str, words: str
) -> None:
    """In the middle of waiting for a run: exit code 5 and why, and the run goes on."""
    port = free_port()

    def serve(key: str) -> subprocess.Popen[bytes]:
        """A proxy before the server that takes one key."""
        (lone.folder / "Caddyfile").write_text(
            "{\nadmin off\npersist_config off\nauto_https off\nservers {\nprotocols h1 h2c\n}\n}\n"
            f'http://:{port} {{\n@key header Authorization "Bearer {key}"\n'
            f"handle @key {{\nreverse_proxy h2c://{server}\n}}\nhandle {{\nrespond 401\n}}\n}}\n"
        )
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", "Caddyfile"]
        with (lone.folder / "caddy.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=lone.folder, env=lone.env, stdout=log, stderr=log)
        lone.processes.append(process)
        wait_until(lambda: answers(port), "the proxy serves")
        return process

    proxy = serve(KEY)
    env = {"TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "TEMPORAL_API_KEY": KEY, "TEMPORAL_TLS": "false"}
    log = lone.folder / f"waiting-{port}.log"
    waiting = lone.start("trigger", "lone", "--wait", "-o", "jsonl", log=log, **env)
    wait_until(lambda: "run_started" in log.read_text(), "the run has started")
    proxy.kill()
    proxy.wait()
    if then is not None:
        serve(then)
    assert waiting.wait(60) == 5
    error = json.loads(log.read_text().splitlines()[-1])["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert f"127.0.0.1:{port}" in error["message"]
    assert error["hint"]
    assert KEY not in log.read_text()


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


def test_temporals_configuration_is_read_as_temporal_reads_it(
    home, server: str, ports, certificates: Path
) -> None:
    """In every way to write it, mftctl connects where the real `temporal` does, and nowhere else."""
    tried = environments(ports, certificates, server)
    temporal = {}
    for name, variables in tried.items():
        done = home.command("temporal", "workflow", "list", "--limit", "1", **variables)
        missing = re.search(r"Namespace \S+ is not found", done.stderr)
        temporal[name] = "connected" if done.returncode == 0 else "no namespace" if missing else "failed"
    done = subprocess.run(
        [sys.executable, "-c", CONNECT],
        input=json.dumps(list(tried.values())),
        env=home.env,
        cwd=home.folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    ours = {"connected": "connected", "temporal.namespace": "no namespace"}
    found = dict(zip(tried, (ours.get(code, "failed") for code in json.loads(done.stdout)), strict=True))
    assert found == temporal
    assert set(found.values()) == {"connected", "no namespace", "failed"}
