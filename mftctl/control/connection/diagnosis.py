"""Why Temporal cannot be reached or refuses us: which of name, port, TLS, key and Temporal namespace it was."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ...model.errors import Exit, MftctlError
from .endpoint import Endpoint
from .probes import ProbeResult, Problem, probe

#: The checks of a connection, in order: each needs the ones before.
CHECKS: Final = ("dns", "tcp", "tls", "authentication", "temporal namespace")
#: A server that has just been started takes connections a moment before it takes calls.
STARTING: Final = "temporal.starting"
CALL = timedelta(seconds=5)
_STATUS = re.compile(r'Status \{ code: (\w+), message: "((?:[^"\\]|\\.)*)"')
_REFUSALS = ("Unauthenticated", "PermissionDenied")


@dataclass(frozen=True)
class CheckResult:
    """What a check has found: ``ok`` None when it could not be made; ``message`` what, ``hint`` how to mend it."""

    check: str
    ok: bool | None
    message: str
    hint: str = ""
    code: str = ""

    def error(self, endpoint: Endpoint) -> MftctlError:
        """The same as the error of a command that needs the server."""
        lead = {
            "tls": "no TLS connection to Temporal at",
            "temporal.refused": "access denied by Temporal at",
            "temporal.namespace": "Temporal at",
        }
        where = lead.get(self.code) or lead.get(self.check, "no Temporal server answers at")
        return MftctlError(
            f"{where} {endpoint.address}: {self.message}",
            exit=Exit.UNREACHABLE,
            code=self.code,
            hint=self.hint,
        )


async def diagnose(endpoint: Endpoint, error: Exception) -> CheckResult:
    """Why the SDK has failed with ``error`` to connect."""
    status = _STATUS.search(str(error))
    if status and status[1] in _REFUSALS:
        return access_denied(endpoint, status[2])
    seen = (await asyncio.to_thread(probe, endpoint))[-1]
    if seen.problem is not None:
        return _from_probe(endpoint, seen)
    return _call_failed(endpoint, status[1] if status else "", status[2] if status else str(error))


def access_denied(endpoint: Endpoint, said: str, *, namespace: bool = False) -> CheckResult:
    """The server knows us not, or allows us nothing; ``namespace``: in the Temporal namespace that was asked for."""
    said = _redacted(endpoint, said).strip(" .")
    where = f" in the Temporal namespace '{endpoint.temporal_namespace}'" if namespace else ""
    if endpoint.api_key is None:
        message = f"it refuses us{where}, who have no API key ({said})"
        hint = "name the variable with the key as api_key_env in the profile, or set TEMPORAL_API_KEY"
    else:
        message = f"it refuses the API key{where} ({said})"
        hint = f"is the key right, not expired, and for this server? It is from {endpoint.sources['api_key']}"
    return CheckResult("authentication", False, message, hint, "temporal.refused")


def unknown_namespace(endpoint: Endpoint) -> CheckResult:
    """The Temporal namespace is not there."""
    name = endpoint.temporal_namespace
    return CheckResult(
        "temporal namespace",
        False,
        f"there is no Temporal namespace '{name}'",
        f"it is from {_origin(endpoint, 'temporal_namespace')}; make it with: "
        f"temporal operator namespace create --namespace {name} --address {endpoint.address}",
        "temporal.namespace",
    )


def is_unknown_namespace(error: RPCError) -> bool:
    """Whether a call failed for want of the Temporal namespace, not of what was looked for in it."""
    details = error.grpc_status.details if error.status == RPCStatusCode.NOT_FOUND else ()
    return any(detail.type_url.endswith("NamespaceNotFoundFailure") for detail in details)


async def run_checks(endpoint: Endpoint, client: Client | MftctlError) -> list[CheckResult]:
    """Every check of CHECKS, for a connection that was made, or for why it was not."""
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
    told = f"takes us with {' and '.join(filter(None, how))}" if any(how) else "takes us, and asks for no key"
    name = endpoint.temporal_namespace
    return [
        CheckResult("authentication", True, f"Temporal{version} {told}"),
        unknown_namespace(endpoint)
        if lacks_namespace
        else CheckResult("temporal namespace", True, f"'{name}' is there"),
    ]


async def _server_version(client: Client | MftctlError) -> str:
    if isinstance(client, MftctlError):
        return ""
    try:
        answer = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=CALL)
    except RPCError:  # an older server does not tell
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
        hint = "disable_host_verification is set, but mftctl verifies always; " + hint
    code = _CODES.get(seen.problem, f"temporal.tls.{seen.problem}")
    return CheckResult(seen.check, False, message.format(**words), hint.format(**words), code)


def _call_failed(endpoint: Endpoint, code: str, said: str) -> CheckResult:
    """Connected, and then no answer to a call."""
    said = _redacted(endpoint, " ".join(said.split()))
    if code in {"Unimplemented", "Internal", "Unknown"}:
        message, hint = _MESSAGES["stranger"]
        return CheckResult(
            "authentication",
            False,
            message.format(detail=said),
            hint.format(port=endpoint.port),
            "temporal.stranger",
        )
    return CheckResult(
        "authentication",
        False,
        f"it takes no calls yet ({said})",
        "is it just starting? Try again in a while",
        STARTING,
    )


def _origin(endpoint: Endpoint, name: str) -> str:
    source = endpoint.sources.get(name)
    return "the default" if source is None or str(source) == "default" else str(source)


def _redacted(endpoint: Endpoint, text: str) -> str:
    """Text without anything secret of ours that a server has said back to us."""
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
    "start one with: mftctl dev; or name another with --address or TEMPORAL_ADDRESS (it is from: {address})"
)
#: What to say of each trouble, and how to mend it.
_MESSAGES: dict[Problem, tuple[str, str]] = {
    "dns": (
        "the name {host} is not known ({detail})",
        "is it spelt right, and does this machine reach a DNS server that knows it? It is from: {address}",
    ),
    "refused": ("connection refused", _ADDRESS_HINT),
    "silent": ("{detail}", "is the port right, and does a firewall let us through? It is from: {address}"),
    "unreachable": ("{detail}", _ADDRESS_HINT),
    "ca": (
        "its certificate is from an authority that is not known ({detail})",
        "name the authority's certificate as tls_ca in the profile, or TEMPORAL_TLS_SERVER_CA_CERT_PATH; tried: {ca}",
    ),
    "expired": (
        "its certificate has expired",
        "renew the server's certificate, or mend this machine's clock",
    ),
    "not_yet": ("its certificate is not valid yet", "mend the server's certificate, or this machine's clock"),
    "name": (
        "its certificate is not for the name {host} ({detail})",
        "connect to a name that it is for, or say which as tls_server_name in the profile or TEMPORAL_TLS_SERVER_NAME",
    ),
    "pair": (
        "{cert} and {key} do not belong together",
        "take the certificate and the private key of one pair",
    ),
    "pem": (
        "a certificate or key of ours cannot be read ({detail})",
        "they must be PEM, whole and without a password",
    ),
    "client_missing": (
        "it asks for a client certificate, and none is set",
        "name one as tls_cert and tls_key in the profile, or with TEMPORAL_TLS_CLIENT_CERT_PATH and …_KEY_PATH",
    ),
    "client_refused": (
        "it refuses our client certificate ({detail})",
        "is {cert} not expired, and from an authority that the server takes?",
    ),
    "plain": (
        "it speaks no TLS",
        "is the port right? Else switch TLS off: tls = false in the profile, or TEMPORAL_TLS=false",
    ),
    "wanted": ("it speaks TLS, and we do not", "set tls = true in the profile, or TEMPORAL_TLS=true"),
    "http_server": (
        "a web server answers, not Temporal",
        "is the port right? Temporal's is mostly 7233; 8233 and 8080 are those of its UI",
    ),
    "stranger": (
        "what answers is not Temporal ({detail})",
        "is port {port} right? Temporal's is mostly 7233; 8233 and 8080 are those of its UI",
    ),
    "handshake": ("the handshake fails ({detail})", "are the server's and our TLS settings right?"),
}
