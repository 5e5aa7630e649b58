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
from .probes import Seen, Trouble, look

#: The checks of a connection, in order: each needs the ones before.
CHECKS: Final = ("dns", "tcp", "tls", "authentication", "temporal namespace")
#: A server that has just been started takes connections a moment before it takes calls.
STARTING: Final = "temporal.starting"
CALL = timedelta(seconds=5)
_STATUS = re.compile(r'Status \{ code: (\w+), message: "((?:[^"\\]|\\.)*)"')
_REFUSALS = ("Unauthenticated", "PermissionDenied")


@dataclass(frozen=True)
class Finding:
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


async def trouble(endpoint: Endpoint, error: Exception) -> Finding:
    """Why the SDK has failed with ``error`` to connect."""
    status = _STATUS.search(str(error))
    if status and status[1] in _REFUSALS:
        return refusal(endpoint, status[2])
    seen = (await asyncio.to_thread(look, endpoint))[-1]
    if seen.trouble is not None:
        return _of_probe(endpoint, seen)
    return _no_call(endpoint, status[1] if status else "", status[2] if status else str(error))


def refusal(endpoint: Endpoint, said: str, *, namespace: bool = False) -> Finding:
    """The server knows us not, or allows us nothing; ``namespace``: in the Temporal namespace that was asked for."""
    said = _hidden(endpoint, said).strip(" .")
    where = f" in the Temporal namespace '{endpoint.temporal_namespace}'" if namespace else ""
    if endpoint.api_key is None:
        message = f"it refuses us{where}, who have no API key ({said})"
        hint = "name the variable with the key as api_key_env in the profile, or set TEMPORAL_API_KEY"
    else:
        message = f"it refuses the API key{where} ({said})"
        hint = f"is the key right, not expired, and for this server? It is from {endpoint.sources['api_key']}"
    return Finding("authentication", False, message, hint, "temporal.refused")


def no_namespace(endpoint: Endpoint) -> Finding:
    """The Temporal namespace is not there."""
    name = endpoint.temporal_namespace
    return Finding(
        "temporal namespace",
        False,
        f"there is no Temporal namespace '{name}'",
        f"it is from {_origin(endpoint, 'temporal_namespace')}; make it with: "
        f"temporal operator namespace create --namespace {name} --address {endpoint.address}",
        "temporal.namespace",
    )


def is_no_namespace(error: RPCError) -> bool:
    """Whether a call failed for want of the Temporal namespace, not of what was looked for in it."""
    details = error.grpc_status.details if error.status == RPCStatusCode.NOT_FOUND else ()
    return any(detail.type_url.endswith("NamespaceNotFoundFailure") for detail in details)


async def findings(endpoint: Endpoint, client: Client | MftctlError) -> list[Finding]:
    """Every check of CHECKS, for a connection that was made, or for why it was not."""
    seen = await asyncio.to_thread(look, endpoint)
    found = [_of_probe(endpoint, one) for one in seen]
    if all(one.ok for one in found):
        found += _access(endpoint, client, await _server_version(client))
    rest = [Finding(check, None, "not reached") for check in CHECKS[len(found) :]]
    return found + rest


def _access(endpoint: Endpoint, client: Client | MftctlError, version: str) -> list[Finding]:
    lacks_namespace = isinstance(client, MftctlError) and client.code == "temporal.namespace"
    if isinstance(client, MftctlError) and not lacks_namespace:
        message = client.message.partition(f" {endpoint.address}: ")[2] or client.message
        return [Finding("authentication", False, message, client.hint, client.code)]
    how = [
        "an API key" if endpoint.api_key else "",
        "a client certificate" if endpoint.cert and endpoint.tls else "",
    ]
    told = f"takes us with {' and '.join(filter(None, how))}" if any(how) else "takes us, and asks for no key"
    name = endpoint.temporal_namespace
    return [
        Finding("authentication", True, f"Temporal{version} {told}"),
        no_namespace(endpoint)
        if lacks_namespace
        else Finding("temporal namespace", True, f"'{name}' is there"),
    ]


async def _server_version(client: Client | MftctlError) -> str:
    if isinstance(client, MftctlError):
        return ""
    try:
        answer = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=CALL)
    except RPCError:  # an older server does not tell
        return ""
    return f" {answer.server_version}"


def _of_probe(endpoint: Endpoint, seen: Seen) -> Finding:
    if seen.trouble is None:
        well = {
            "dns": f"{endpoint.host} is {seen.detail}",
            "tcp": f"port {endpoint.port} answers",
            "tls": seen.detail,
        }
        return Finding(seen.look, True, well[seen.look])
    message, hint = _WORDS[seen.trouble]
    words = {
        "host": endpoint.server_name or endpoint.host,
        "port": endpoint.port,
        "detail": seen.detail,
        "address": _origin(endpoint, "address"),
        "ca": endpoint.ca.name if endpoint.ca else "this machine's certificates",
        "cert": endpoint.cert.name if endpoint.cert else "",
        "key": endpoint.key.name if endpoint.key else "",
    }
    if seen.trouble in {"ca", "expired", "not_yet", "name"} and endpoint.unverified:
        hint = "disable_host_verification is set, but mftctl verifies always; " + hint
    code = _CODES.get(seen.trouble, f"temporal.tls.{seen.trouble}")
    return Finding(seen.look, False, message.format(**words), hint.format(**words), code)


def _no_call(endpoint: Endpoint, code: str, said: str) -> Finding:
    """Connected, and then no answer to a call."""
    said = _hidden(endpoint, " ".join(said.split()))
    if code in {"Unimplemented", "Internal", "Unknown"}:
        message, hint = _WORDS["stranger"]
        return Finding(
            "authentication",
            False,
            message.format(detail=said),
            hint.format(port=endpoint.port),
            "temporal.stranger",
        )
    return Finding(
        "authentication",
        False,
        f"it takes no calls yet ({said})",
        "is it just starting? Try again in a while",
        STARTING,
    )


def _origin(endpoint: Endpoint, name: str) -> str:
    source = endpoint.sources.get(name)
    return "the default" if source is None or str(source) == "default" else str(source)


def _hidden(endpoint: Endpoint, text: str) -> str:
    """Text without anything secret of ours that a server has said back to us."""
    for secret in filter(None, (endpoint.api_key, *endpoint.meta.values())):
        text = text.replace(secret, "***")
    return text


_CODES: dict[Trouble, str] = {
    "dns": "temporal.dns",
    "refused": "temporal.unreachable",
    "silent": "temporal.unreachable",
    "unreachable": "temporal.unreachable",
    "stranger": "temporal.stranger",
    "http_server": "temporal.stranger",
}
_MEND_ADDRESS = (
    "start one with: mftctl dev; or name another with --address or TEMPORAL_ADDRESS (it is from: {address})"
)
#: What to say of each trouble, and how to mend it.
_WORDS: dict[Trouble, tuple[str, str]] = {
    "dns": (
        "the name {host} is not known ({detail})",
        "is it spelt right, and does this machine reach a DNS server that knows it? It is from: {address}",
    ),
    "refused": ("connection refused", _MEND_ADDRESS),
    "silent": ("{detail}", "is the port right, and does a firewall let us through? It is from: {address}"),
    "unreachable": ("{detail}", _MEND_ADDRESS),
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
