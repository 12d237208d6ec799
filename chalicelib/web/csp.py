"""The Content-Security-Policy of every page (CSP Level 3)."""

import secrets
from collections.abc import Collection


def new_nonce() -> str:
    """Return a fresh nonce of 128 bits for the page's own script and style."""
    return secrets.token_urlsafe(16)


def policy(nonce: str, ancestors: Collection[str], picture: str | None = None) -> str:
    """Return the policy of a page that draws itself with one nonce and may be framed by `ancestors` alone.

    `picture` is the address of the one image that the page may load. After a redirect a browser no longer compares the
    path, only the origin (CSP Level 3, "paths and redirects"); no address without a `picture` is ever allowed.
    """
    # Both characters end a source in the header; a browser decodes paths before it compares them.
    images = (f"img-src {picture.replace(';', '%3B').replace(',', '%2C')}",) if picture else ()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            *images,
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors " + (" ".join(ancestors) or "'none'"),
        )
    )
