"""The requests that are measured, as API Gateway hands them over, with the headers that browsers send."""

import json
import random
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from playground.people import PASSWORD
from tests.api_gateway import event
from tests.stage import COOKIE, FORM

GATEWAY = "abcde12345.execute-api.eu-central-1.amazonaws.com"

Event = dict[str, Any]

_BROWSER = {
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Host": GATEWAY,
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "X-Amzn-Trace-Id": "Root=1-6920b0d1-0123456789abcdef01234567",
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}


def check(workspace: str, cookie: str | None = None, path: str = "/session") -> Event:
    """The session check that the workspace's client makes, with a cookie or without one."""
    headers = {"Accept": "*/*", "Origin": workspace, "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "cross-site"}
    if cookie is not None:
        headers["Cookie"] = f"{COOKIE}={cookie}"
    return _asked("POST", path, headers)


def login_page() -> Event:
    """The login page, in its iframe."""
    return _asked("GET", "/login", {"Accept": "text/html", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"})


def sign_in(username: str) -> Event:
    """The login page's form, filled in by somebody without a second factor, each time from another address."""
    headers = {"Content-Type": FORM, "Origin": f"https://{GATEWAY}", "Sec-Fetch-Dest": "iframe"}
    # So many sign-ins from one address would be throttled.
    address = f"198.51.{random.randrange(256)}.{random.randrange(256)}"  # noqa: S311 - no secret
    return _asked("POST", "/login", headers, urlencode({"username": username, "password": PASSWORD}), address)


def cookie_in(answer: Mapping[str, Any]) -> str:
    """The session's seal that an answer sets. Raises `ValueError` where there is none."""
    given = re.match(rf"{COOKIE}=([^;]+)", answer["headers"].get("Set-Cookie", ""))
    if given is None:
        raise ValueError(f"no cookie: {answer['statusCode']} {json.dumps(answer['headers'])}")
    return given[1]


def _asked(
    method: str, path: str, headers: Mapping[str, str], body: str | None = None, address: str = "192.0.2.7"
) -> Event:
    return event(method, path, headers={**_BROWSER, **headers}, body=body, address=address)
