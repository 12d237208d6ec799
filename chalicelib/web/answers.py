"""What goes back to the browser, and the headers that every answer carries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

EVERY_ANSWER: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: a page sent with that posts its form with `Origin: null` (Fetch standard, "serializing a
    # request origin"), which promise 19 refuses.
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True)
class Answer:
    """A status, headers and a text, independent of the framework."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str = field(default="", repr=False)


def hardened(headers: Mapping[str, str | list[str]], path: str) -> dict[str, str | list[str]]:
    """Return `headers` with those that every answer of the route `path` carries.

    Raises `ValueError` for a name or value with a control character: Chalice itself refuses LF alone, and that only in
    plain values (promise 31).
    """
    for name, value in headers.items():
        for text in (name, *(value if isinstance(value, list) else [value])):
            if not isinstance(text, str) or _CONTROL.search(text):
                raise ValueError(f"a header value has the wrong type or a control character: {name!r}")
    vary = {"Vary": "Origin"} if path == "/session" else {}
    return {**headers, **EVERY_ANSWER, **vary}
