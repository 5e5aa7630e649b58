"""Why a connection to Temporal failed: its name, port, TLS, authentication or Temporal namespace."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ...model.errors import MftctlError, UnreachableError
from .endpoint import Endpoint
from .probes import ProbeResult, Problem, probe

#: The checks of a connection, in order: each needs those before it.
CHECKS: Final = ("dns", "tcp", "tls", "authentication", "temporal namespace")
#: Code of a server that accepts connections, but no calls yet, because it is starting.
STARTING: Final = "temporal.starting"
CALL = timedelta(seconds=5)
_STATUS = re.compile(r'Status \{ code: (\w+), message: "((?:[^"\\]|\\.)*)"')
_REFUSALS = ("Unauthenticated", "PermissionDenied")


@dataclass(frozen=True)
class CheckResult:
    """The result of a check: ``ok`` is None when it was not reached; ``hint`` says how to fix a problem."""

    check: str
    ok: bool | None
    message: str
    hint: str = ""
    code: str = ""

    def error(self, endpoint: Endpoint) -> MftctlError:
        """The result as the error of a command that needs the server."""
        lead = {
            "tls": "no TLS connection to Temporal at",
            "temporal.refused": "access denied by Temporal at",
            "temporal.namespace": "Temporal at",
        }
        where = lead.get(self.code) or lead.get(self.check, "no Temporal server answers at")
        return UnreachableError(f"{where} {endpoint.address}: {self.message}", code=self.code, hint=self.hint)


async def diagnose(endpoint: Endpoint, error: Exception) -> CheckResult:
    """Why the SDK could not connect and raised ``error``."""
    status = _STATUS.search(str(error))
    if status and status[1] in _REFUSALS:
        return access_denied(endpoint, status[2])
    seen = (await asyncio.to_thread(probe, endpoint))[-1]
    if seen.problem is not None:
        return _from_probe(endpoint, seen)
    return _call_failed(endpoint, status[1] if status else "", status[2] if status else str(error))


def access_denied(endpoint: Endpoint, reason: str, *, namespace: bool = False) -> CheckResult:
    """The server denied access; ``namespace``: to the Temporal namespace of the endpoint."""
    reason = _redacted(endpoint, reason).strip(" .")
    where = f" in the Temporal namespace '{endpoint.temporal_namespace}'" if namespace else ""
    if endpoint.api_key is None:
        message = f"authentication required{where}: no API key configured ({reason})"
        hint = (
            "set api_key_env in the profile to the name of the variable with the key, or set TEMPORAL_API_KEY"
        )
    else:
        message = f"it rejects the API key{where} ({reason})"
        hint = f"check that the key is valid for this server; it is from {endpoint.sources['api_key']}"
    return CheckResult("authentication", False, message, hint, "temporal.refused")


def unknown_namespace(endpoint: Endpoint) -> CheckResult:
    """The Temporal namespace does not exist."""
    name = endpoint.temporal_namespace
    return CheckResult(
        "temporal namespace",
        False,
        f"there is no Temporal namespace '{name}'",
        f"it is from {_origin(endpoint, 'temporal_namespace')}; create it with: "
        f"temporal operator namespace create --namespace {name} --address {endpoint.address}",
        "temporal.namespace",
    )


def is_unknown_namespace(error: RPCError) -> bool:
    """Whether a call failed because the Temporal namespace does not exist, not an object in it."""
    details = error.grpc_status.details if error.status == RPCStatusCode.NOT_FOUND else ()
    return any(detail.type_url.endswith("NamespaceNotFoundFailure") for detail in details)


async def run_checks(endpoint: Endpoint, client: Client | MftctlError) -> list[CheckResult]:
    """The results of all CHECKS, for a client, or for the error why there is none."""
    seen = await asyncio.to_thread(probe, endpoint)
    found = [_from_probe(endpoint, one) for one in seen]
    if all(one.ok for one in found):
        found += _access(endpoint, client, await _server_version(client))
    rest = [CheckResult(check, None, "not reached") for check in CHECKS[len(found) :]]
    return found + rest


def _access(endpoint: Endpoint, client: Client | MftctlError, version: str) -> list[CheckResult]:
    lacks_namespace = isinstance(client, MftctlError) and client.code == "temporal.namespace"
    if isinstance(client, MftctlError) and not lacks_namespace:
        message = client.message.partition(f" {endpoint.address}: ")[2] or client.message
        return [CheckResult("authentication", False, message, client.hint, client.code)]
    how = [
        "an API key" if endpoint.api_key else "",
        "a client certificate" if endpoint.cert and endpoint.tls else "",
    ]
    granted = f"accepts {' and '.join(filter(None, how))}" if any(how) else "requires no authentication"
    name = endpoint.temporal_namespace
    return [
        CheckResult("authentication", True, f"Temporal{version} {granted}"),
        unknown_namespace(endpoint)
        if lacks_namespace
        else CheckResult("temporal namespace", True, f"'{name}' exists"),
    ]


async def _server_version(client: Client | MftctlError) -> str:
    if isinstance(client, MftctlError):
        return ""
    try:
        answer = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=CALL)
    except RPCError:  # an older server
        return ""
    return f" {answer.server_version}"


def _from_probe(endpoint: Endpoint, seen: ProbeResult) -> CheckResult:
    if seen.problem is None:
        well = {
            "dns": f"{endpoint.host} is {seen.detail}",
            "tcp": f"port {endpoint.port} answers",
            "tls": seen.detail,
        }
        return CheckResult(seen.check, True, well[seen.check])
    message, hint = _MESSAGES[seen.problem]
    words = {
        "host": endpoint.server_name or endpoint.host,
        "port": endpoint.port,
        "detail": seen.detail,
        "address": _origin(endpoint, "address"),
        "ca": endpoint.ca.name if endpoint.ca else "this machine's certificates",
        "cert": endpoint.cert.name if endpoint.cert else "",
        "key": endpoint.key.name if endpoint.key else "",
    }
    if seen.problem in {"ca", "expired", "not_yet", "name"} and endpoint.unverified:
        hint = "disable_host_verification is set, but mftctl always verifies; " + hint
    code = _CODES.get(seen.problem, f"temporal.tls.{seen.problem}")
    return CheckResult(seen.check, False, message.format(**words), hint.format(**words), code)


def _call_failed(endpoint: Endpoint, code: str, reason: str) -> CheckResult:
    """The connection works, but a call was not answered."""
    reason = _redacted(endpoint, " ".join(reason.split()))
    if code in {"Unimplemented", "Internal", "Unknown"}:
        found = _from_probe(endpoint, ProbeResult("tls", "stranger", reason))
        return replace(found, check="authentication")
    return CheckResult(
        "authentication",
        False,
        f"it does not answer calls yet ({reason})",
        "it may be starting: try again later",
        STARTING,
    )


def _origin(endpoint: Endpoint, name: str) -> str:
    source = endpoint.sources.get(name)
    return "the default" if source is None or str(source) == "default" else str(source)


def _redacted(endpoint: Endpoint, text: str) -> str:
    """The text without secrets of ours that the server has repeated."""
    for secret in filter(None, (endpoint.api_key, *endpoint.meta.values())):
        text = text.replace(secret, "***")
    return text


_CODES: dict[Problem, str] = {
    "dns": "temporal.dns",
    "refused": "temporal.unreachable",
    "silent": "temporal.unreachable",
    "unreachable": "temporal.unreachable",
    "stranger": "temporal.stranger",
    "http_server": "temporal.stranger",
}
_ADDRESS_HINT = (
    "start one with: mftctl dev; or set another with --address or TEMPORAL_ADDRESS (it is from: {address})"
)
#: Message and hint of each problem.
_MESSAGES: dict[Problem, tuple[str, str]] = {
    "dns": (
        "cannot resolve the name {host} ({detail})",
        "check its spelling, and the DNS of this machine; it is from: {address}",
    ),
    "refused": ("connection refused", _ADDRESS_HINT),
    "silent": ("{detail}", "check the port, and whether a firewall blocks it; it is from: {address}"),
    "unreachable": ("{detail}", _ADDRESS_HINT),
    "ca": (
        "its certificate is signed by an unknown authority ({detail})",
        "set the authority's certificate as tls_ca in the profile, or TEMPORAL_TLS_SERVER_CA_CERT_PATH; tried: {ca}",
    ),
    "expired": (
        "its certificate has expired",
        "renew the server's certificate, or correct this machine's clock",
    ),
    "not_yet": (
        "its certificate is not valid yet",
        "correct the server's certificate, or this machine's clock",
    ),
    "name": (
        "its certificate is not for the name {host} ({detail})",
        "connect to a name in the certificate, or set it as tls_server_name in the profile or TEMPORAL_TLS_SERVER_NAME",
    ),
    "pair": (
        "{cert} and {key} do not belong together",
        "use a certificate with its own private key",
    ),
    "pem": (
        "a certificate or key of this client cannot be read ({detail})",
        "use complete PEM files without a password",
    ),
    "client_missing": (
        "it requires a client certificate, and none is set",
        "set one as tls_cert and tls_key in the profile, or with TEMPORAL_TLS_CLIENT_CERT_PATH and …_KEY_PATH",
    ),
    "client_refused": (
        "it rejects the client certificate ({detail})",
        "check that {cert} has not expired, and that the server trusts its authority",
    ),
    "plain": (
        "it does not speak TLS",
        "check the port, or disable TLS: tls = false in the profile, or TEMPORAL_TLS=false",
    ),
    "wanted": ("it requires TLS", "enable TLS: tls = true in the profile, or TEMPORAL_TLS=true"),
    "http_server": (
        "a web server answers, not Temporal",
        "check the port: Temporal's is usually 7233; 8233 and 8080 are its UI",
    ),
    "stranger": (
        "the server that answers is not Temporal ({detail})",
        "check port {port}: Temporal's is usually 7233; 8233 and 8080 are its UI",
    ),
    "handshake": (
        "the handshake failed ({detail})",
        "check the TLS settings of the server and of this client",
    ),
}
