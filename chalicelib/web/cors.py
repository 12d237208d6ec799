"""CORS for the session check, and the question of which page a form was posted from."""

from collections.abc import Collection

from chalicelib.errors import ForeignOrigin, OutsideFrame
from chalicelib.web.cookies import Site
from chalicelib.web.request import Request

PREFLIGHT_SECONDS = 600


def allow(origin: str | None, allowed: Collection[str]) -> dict[str, str]:
    """Return the CORS headers for a check that comes from `origin`; none for a caller that names no origin.

    Raises `ForeignOrigin` unless `origin` is, letter for letter, one of `allowed` (Fetch standard, "CORS protocol and
    credentials": with credentials there is no wildcard).
    """
    if origin is None:
        return {}
    if origin not in allowed:
        raise ForeignOrigin
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}


def preflight(origin: str | None, allowed: Collection[str]) -> dict[str, str]:
    """Return the headers that answer a preflight from `origin`; raises as `allow`.

    Rocket.Chat 6 and 7 send a JSON content type with every check, so their browsers ask first.
    """
    if origin is None:
        raise ForeignOrigin
    return {
        **allow(origin, allowed),
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }


def require_own_page(request: Request, also: Collection[str] = ()) -> None:
    """Return when the form was posted from a page of ours, or from an origin in `also`; else raise `ForeignOrigin`.

    Either our own `Origin` or the browser's own word for it (`Sec-Fetch-Site`, W3C Fetch Metadata) will do; neither is
    a refusal (promise 19).
    """
    if request.headers.get("sec-fetch-site") == "same-origin":
        return
    if request.origin is not None and request.origin in (request.own_origin, *also):
        return
    raise ForeignOrigin


def stands_alone(request: Request, site: Site) -> bool:
    """Tell whether the page is known to stand at the top level where it must not (promise 40).

    A cookie that is set there would lie outside the partition of the workspace's pages. Browsers without Fetch Metadata
    leave the decision to the page's script.
    """
    return site == "cross" and request.is_document


def require_frame(request: Request, site: Site) -> None:
    """Raise `OutsideFrame` when the page `stands_alone`."""
    if stands_alone(request, site):
        raise OutsideFrame
