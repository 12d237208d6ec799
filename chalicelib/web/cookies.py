"""The session cookie: one name, two fixed sets of attributes (RFC 6265bis; CHIPS for `Partitioned`)."""

from typing import Literal

NAME = "__Host-gantry"
LARGEST = 4096

Site = Literal["cross", "same"]

_ATTRIBUTES = {
    # On another site than the workspace it is a third-party cookie, kept in the partition of the workspace's pages.
    "cross": "Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
    "same": "Path=/; Secure; HttpOnly; SameSite=Lax",
}


def read(header: str | None) -> str | None:
    """Return the session's seal from a `Cookie` header, None where there is none or an empty one."""
    for pair in (header or "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == NAME:
            return value or None
    return None


def issue(sealed: str, lifetime: int, site: Site) -> str:
    """Return the `Set-Cookie` value that keeps `sealed` for `lifetime` seconds.

    Raises `ValueError` when name and value exceed 4,096 bytes, which browsers drop (RFC 6265bis section 5.7).
    """
    if len(NAME) + len(sealed.encode()) > LARGEST:
        raise ValueError("the session does not fit into a cookie")
    return f"{NAME}={sealed}; Max-Age={lifetime}; {_ATTRIBUTES[site]}"


def expire(site: Site) -> str:
    """Return the `Set-Cookie` value that removes the session's cookie."""
    return f"{NAME}=; Max-Age=0; {_ATTRIBUTES[site]}"
