"""Post a notification about a run's end as JSON, signed if it has a key."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from temporalio import activity
from temporalio.exceptions import ApplicationError

from .. import __version__
from ..engine.notification import POST

#: Seconds until a receiver must have answered.
TIMEOUT = 10.0
#: Threads of their own: receivers that do not answer must not keep the worker from other work.
_POSTING = ThreadPoolExecutor(64, "mftctl-notify")
#: Notifications to a host at once, so that one that does not answer keeps no other waiting; and whose turn it is.
AT_ONCE = 4
_TURNS: dict[str, asyncio.Semaphore] = {}
#: Client errors that are retried; the others are final.
_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@activity.defn(name=POST)
async def post_notice(given: dict[str, Any]) -> str:
    """POST ``body`` to ``url``, signed with the key in this worker's variable ``key_env``, if it is given."""
    key = None
    if given.get("key_env"):
        key = os.environ.get(given["key_env"])
        if not key:
            raise ApplicationError(f"this worker has no ${given['key_env']} to sign with", type="NotifyKey")
    try:
        host = urlsplit(given["url"]).netloc
    except ValueError as error:
        raise ApplicationError(
            f"the URL is none: {error}", type="NotifyRefused", non_retryable=True
        ) from None
    turn = _TURNS.setdefault(host, asyncio.Semaphore(AT_ONCE))
    try:
        async with asyncio.timeout(TIMEOUT):
            await turn.acquire()
    except TimeoutError:
        raise ApplicationError("the receiver has not answered others in time", type="NotifyBusy") from None
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_POSTING, _post, given["url"], given["body"], key)
    finally:
        turn.release()


def signature(body: bytes, key: str) -> str:
    """The value of X-Mftctl-Signature: HMAC-SHA256 of the body, in hexadecimal."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _post(url: str, content: dict[str, Any], key: str | None) -> str:
    body = json.dumps(content, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"mftctl/{__version__}",
        "X-Mftctl-Id": content["id"],
        **({"X-Mftctl-Signature": signature(body, key)} if key else {}),
    }
    # The deployer has given the URL, and the command line accepts only http and https.
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
            return f"{answer.status}"
    except urllib.error.HTTPError as error:
        final = 300 <= error.code < 500 and error.code not in _AGAIN
        raise ApplicationError(
            f"the receiver answers {error.code} {error.reason}", type="NotifyRefused", non_retryable=final
        ) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ApplicationError(f"the receiver does not answer: {reason}", type="NotifyAway") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: a redirected POST becomes a GET without a body."""

    def redirect_request(self, *_: Any) -> None:
        return None
