"""The way to Temporal: TLS, client certificates, API keys and names, right and wrong, before the real server."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from authority import Authority
from ports import free_port
from temporalconfiguration import CONNECT, KEY, WRONG_KEY, environments

ROOT = Path(__file__).resolve().parents[2]
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
    assert waiting.wait(120) == 5
    error = json.loads(log.read_text().splitlines()[-1])["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert f"127.0.0.1:{port}" in error["message"]
    assert error["hint"]
    assert KEY not in log.read_text()


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
