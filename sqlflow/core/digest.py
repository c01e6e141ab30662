"""Content digests."""

from __future__ import annotations

import hashlib


def digest(content: bytes | str) -> str:
    """Gives the SHA-256 of the content (text as UTF-8) as 64 hex digits."""
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()


def short_digest(content: bytes | str, length: int = 12) -> str:
    """Gives the first `length` hex digits of the digest: for names, never for identity."""
    return digest(content)[:length]
