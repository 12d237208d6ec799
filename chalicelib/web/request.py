"""One request as plain values, read from API Gateway's event (proxy integration, payload format 1.0)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from chalicelib.config import LOOPBACK_HOSTS
from chalicelib.deadline import Deadline
from chalicelib.model import Caller

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_VARIABLE = re.compile(r"\\\{\w+\\\}")


@dataclass(frozen=True)
class Request:
    """What a handler may know of a request. `headers` have lower-case names; `body` may raise when it is broken.

    `path` is the route's own, with the names of its variable parts in braces; `parts` has what stands there.
    """

    method: str
    path: str
    prefix: str
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    body: Callable[[], bytes] = field(repr=False)
    caller: Caller
    parts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_chalice(cls, request: Any) -> "Request":
        """Read Chalice's current request.

        The address is the one that API Gateway saw: what a client writes into `X-Forwarded-For` counts for nothing
        (promise 6). The request's id is API Gateway's, else Lambda's, else empty.
        """
        context: Mapping[str, Any] = request.context
        lambda_context = request.lambda_context
        identity = context.get("identity") or {}
        return cls(
            method=request.method,
            path=request.path,
            prefix=_prefix(str(context.get("path") or ""), request.path),
            headers=request.headers,
            query=dict(request.query_params or {}),
            body=lambda: _bytes(request.raw_body),
            caller=Caller(
                address=str(identity.get("sourceIp") or ""),
                request_id=str(context.get("requestId") or getattr(lambda_context, "aws_request_id", None) or ""),
                deadline=Deadline.of_context(lambda_context),
            ),
            parts=dict(request.uri_params or {}),
        )

    @property
    def origin(self) -> str | None:
        """The `Origin` header."""
        return self.headers.get("origin")

    @property
    def accept_language(self) -> str:
        """The `Accept-Language` header, empty without one."""
        return self.headers.get("accept-language", "")

    @property
    def own_origin(self) -> str:
        """Our own origin by API Gateway's headers: `X-Forwarded-Proto`, else http for a loopback host, else https."""
        host = self.headers.get("host", "").lower()
        scheme = self.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
        if scheme not in ("http", "https"):
            scheme = "http" if _hostname(host) in LOOPBACK_HOSTS else "https"
        return f"{scheme}://{host}"

    @property
    def is_document(self) -> bool:
        """Whether the answer becomes a page of its own, outside any frame, as W3C Fetch Metadata tells."""
        return self.headers.get("sec-fetch-dest") == "document"

    @property
    def asked(self) -> str:
        """The path below the prefix as it was asked for: the route's, with its variable parts filled in."""
        return self.path.format_map(self.parts)

    def link(self, route: str) -> str:
        """Return the path of `route` as a browser must ask for it: behind the stage or a custom domain's base path."""
        return self.prefix + route


def _prefix(path: str, route: str) -> str:
    path, route = path.rstrip("/"), route.rstrip("/")
    if "{" in route:
        segments = (_VARIABLE.sub("[^/]+", re.escape(segment)) for segment in route.split("/"))
        prefix = re.sub(rf"{'/'.join(segments)}\Z", "", path)
    else:
        prefix = path.removesuffix(route)
    # `//host` would be another site's address in a link.
    return prefix if _PREFIX.fullmatch(prefix) else ""


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body
