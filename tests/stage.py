"""The stage of the integration and browser tests: Gantry over HTTP, the stand-in workspace, Secrets Manager from moto.

A test takes `stage` (in the integration tests its clock stands still until the test turns it) and, for its requests, a
`Visitor`:

    visitor = stage.visitor()
    assert visitor.sign_in("alice").status_code == 200
    assert visitor.check().json() == {"loginToken": …}

`stage.container(HANDOFF="retry")` begins a new container, as a deployment or a cold start does, and
`stage.invoke(event(…))` calls the function as API Gateway does. Whatever a visitor typed or was given is confidential:
`stage` fails a test whose log, or whose answers with an error, show any of it (promise 32).
"""

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode

import requests
from cryptography.fernet import Fernet

from chalicelib.bootstrap import Gantry
from playground.workspace import PASSWORD, ManualClock, Serving, Workspace
from tests.api_gateway import Gateway
from tests.secrets_manager import SecretsManager

FORM = "application/x-www-form-urlencoded"
COOKIE = "__Host-gantry"


def new_key() -> str:
    """A key as an administrator makes it for `session_keys`."""
    return Fernet.generate_key().decode()


class Log:
    """What Gantry has written to standard output."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._text = ""

    @property
    def text(self) -> str:
        """Everything so far."""
        self._text += self._read()
        return self._text

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of one event. Every line of the log is a JSON object."""
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line["event"] == name]

    def clear(self) -> None:
        """Forget what is there."""
        self._read()
        self._text = ""


class Stage:
    """One test's Gantry, workspace and secret."""

    def __init__(
        self,
        workspace: Workspace,
        serving: Serving,
        gateway: Gateway,
        secrets: SecretsManager,
        use: Callable[[Gantry], None],
        log: Log,
    ) -> None:
        self.workspace = workspace
        self.serving = serving
        self.gateway = gateway
        self.secrets = secrets
        self.log = log
        self.keys = [new_key()]
        self.confidential = {PASSWORD, *self.keys}
        self.providers: Mapping[str, str] = {}  # base addresses of the vendors that `RELAY` names
        self.secret_id = secrets.new(json.dumps({"session_keys": self.keys}))
        self._use = use
        self._visitors: list[Visitor] = []
        workspace.connect(iframe_url=f"{gateway.url}/login", api_url=f"{gateway.url}/session")
        secrets.reads, secrets.down = 0, False
        self.container()

    @property
    def clock(self) -> ManualClock:
        """The clock of Gantry and workspace, where it stands still."""
        assert isinstance(self.workspace.clock, ManualClock)
        return self.workspace.clock

    @property
    def url(self) -> str:
        """Where Gantry answers."""
        return self.gateway.url

    @property
    def origin(self) -> str:
        """The workspace's origin."""
        return self.serving.url

    def container(self, environ: Mapping[str, str] | None = None, /, **settings: str) -> Gantry:
        """Serve from a new container, with these settings beside the two that must be there, or with just `environ`."""
        needed = {"ROCKETCHAT_URL": self.serving.url, "SECRET_ID": self.secret_id}
        chosen = {**needed, **settings} if environ is None else environ
        gantry = Gantry(chosen, clock=self.workspace.clock, providers=self.providers)
        self._use(gantry)
        return gantry

    def serve_from(self, gantry: Gantry) -> None:
        """Serve from this container again."""
        self._use(gantry)

    def rotate(self, *keys: str) -> None:
        """Write a new list of session keys into the secret."""
        self.confidential.update(keys)
        self.secrets.put(self.secret_id, json.dumps({"session_keys": keys}))

    def store(self, **content: Any) -> None:
        """Write a secret with these keys beside the session keys; texts at its top are confidential, but for names."""
        self.confidential.update(
            value for key, value in content.items() if isinstance(value, str) and value and not key.endswith("_id")
        )
        self.secrets.put(self.secret_id, json.dumps({"session_keys": self.keys, **content}))

    def visitor(self, **headers: str) -> "Visitor":
        """A browser that has not been here before; `headers` go with all its requests."""
        self._visitors.append(Visitor(self, headers))
        return self._visitors[-1]

    def close(self) -> None:
        """Let the visitors hang up."""
        for visitor in self._visitors:
            visitor.close()

    def invoke(self, happened: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        """Call the function itself."""
        return self.gateway.function(happened, context)

    def tokens(self, username: str) -> int:
        """How many login tokens that account has."""
        return len(self.workspace.accounts.login_tokens(self.workspace.accounts[username]))

    def whose(self, token: str) -> str | None:
        """The username that a login token belongs to, None where it is dead."""
        account = self.workspace.accounts.find_by_login_token(token)
        return account["username"] if account else None

    def assert_discreet(self) -> None:
        """Promise 32: nothing confidential is in the log."""
        text = self.log.text
        shown = [value for value in self.confidential if value in text]
        assert not shown, f"{len(shown)} confidential values in the log"


class Visitor:
    """A browser in the workspace, as far as HTTP goes: it keeps the cookie and posts its form from our own page."""

    def __init__(self, stage: Stage, headers: Mapping[str, str]) -> None:
        self.stage = stage
        self.cookie: str | None = None
        self._headers = headers
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def request(
        self, method: str, path: str, data: str | bytes | None = None, headers: Mapping[str, str | None] | None = None
    ) -> requests.Response:
        """Make a request; a header that is None is left out."""
        sent: dict[str, str | None] = {**self._headers, **(headers or {})}
        if self.cookie is not None:
            sent.setdefault("Cookie", f"{COOKIE}={self.cookie}")
        kept: dict[str, str] = {name: value for name, value in sent.items() if value is not None}
        answer = self._http.request(
            method, self.stage.url + path, data=data, headers=kept, allow_redirects=False, timeout=20
        )
        self._keep(answer)
        return answer

    def get(self, path: str, **headers: str | None) -> requests.Response:
        """Open a page. Underscores in the names of headers stand for hyphens."""
        return self.request("GET", path, headers=_named(headers))

    def post(self, path: str, fields: Mapping[str, str], **headers: str | None) -> requests.Response:
        """Post a form of Gantry's own pages."""
        sent = {"Origin": self.stage.url, "Content-Type": FORM, **_named(headers)}
        return self.request("POST", path, urlencode(fields), sent)

    def sign_in(self, username: str, password: str = PASSWORD, **headers: str | None) -> requests.Response:
        """Fill in the login form."""
        if password:
            self.stage.confidential.add(password)
        return self.post("/login", {"username": username, "password": password}, **headers)

    def enter_code(self, page: requests.Response, code: str) -> requests.Response:
        """Fill in the second factor's form that `page` shows."""
        return self.post("/login", {"challenge": challenge_in(page), "code": code})

    def check(self, method: str = "POST", **headers: str | None) -> requests.Response:
        """Ask as the workspace's client does."""
        return self.request(method, "/session", headers={"Origin": self.stage.origin, **_named(headers)})

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _keep(self, answer: requests.Response) -> None:
        given = answer.headers.get("Set-Cookie")
        if given is not None and given.startswith(f"{COOKIE}="):
            value = given.partition("=")[2].partition(";")[0]
            self.cookie = value or None
            if value:
                self.stage.confidential.add(value)
        token = re.search(r'"loginToken": *"([^"]+)"', answer.text)
        if token:
            self.stage.confidential.add(token[1])
        if answer.status_code >= 400:
            assert not any(value in answer.text for value in self.stage.confidential), "an error shows a secret"


def _named(headers: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def challenge_in(page: requests.Response) -> str:
    """The sealed challenge in the second factor's form."""
    found = re.search(r'name="challenge" value="([^"]+)"', page.text)
    assert found, "there is no code form"
    return html.unescape(found[1])


def error_in(page: requests.Response) -> str:
    """What the page says went wrong; empty where nothing did."""
    found = re.search(r'id="error".*?<p>(.*?)</p>', page.text, re.DOTALL)
    return html.unescape(found[1]) if found else ""


@contextmanager
def closing(thing: Any) -> Iterator[Any]:
    """Close it in the end."""
    try:
        yield thing
    finally:
        thing.close()
