"""The Content-Security-Policy of every page (CSP Level 3)."""

import secrets
from collections.abc import Collection


def new_nonce() -> str:
    """Return a fresh nonce of 128 bits for the page's own script and style."""
    return secrets.token_urlsafe(16)


def policy(nonce: str, ancestors: Collection[str]) -> str:
    """Return the policy of a page that draws itself with one nonce and may be framed by `ancestors` alone."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors " + (" ".join(ancestors) or "'none'"),
        )
    )
