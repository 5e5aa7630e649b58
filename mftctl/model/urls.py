"""URLs of receivers, of which only a part may be shown."""

from __future__ import annotations

from urllib.parse import urlsplit


def without_secrets(url: str) -> str:
    """Scheme and host of a URL: the rest is often a secret that allows to post there."""
    try:
        parts = urlsplit(url)
    except ValueError:  # an IPv6 address that is none
        return "…"
    return f"{parts.scheme}://{parts.hostname or ''}/…"
