"""The playground with a database: Gantry and the stand-in work on the same accounts, for both kinds of tokens."""

import re
import subprocess

import pytest
import requests

from playground.database.engine import Engine
from playground.workspace import PASSWORD
from tests.playground.test_tree import ANSWER_SECONDS, COMMAND, PORTS, ROOT, START_SECONDS, playground, started


class Browser:
    """A browser in the workspace, as far as HTTP goes: it keeps the cookie that a plain-http client would not send."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self._addresses = addresses
        self._cookie = ""

    def sign_in(self, username: str, password: str = PASSWORD) -> requests.Response:
        """Fill in Gantry's login form."""
        login = self._addresses["login"]
        origin = login.removesuffix("/login")
        answer = self._post(login, {"Origin": origin}, data={"username": username, "password": password})
        self._cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
        return answer

    def check(self) -> requests.Response:
        """Ask Gantry as the workspace's client does."""
        return self._post(self._addresses["session"], {"Origin": self._addresses["workspace"], "Cookie": self._cookie})

    def log_in(self, method: str, token: str) -> dict[str, str]:
        """Log in to the workspace by `resume` or `iframe`."""
        return self._client(method, token)

    def log_out(self, token: str) -> None:
        """Log out in the workspace."""
        self._client("logout", token)

    def _client(self, method: str, token: str) -> dict[str, str]:
        answer: dict[str, str] = self._post(
            f"{self._addresses['workspace']}/_client/{method}", {}, json={"token": token}
        ).json()
        return answer

    def _post(self, url: str, headers: dict[str, str], **body: object) -> requests.Response:
        return requests.post(url, headers=headers, timeout=ANSWER_SECONDS, **body)  # type: ignore[arg-type]


def test_login_tokens_in_one_database(engine: Engine) -> None:
    """With BACKEND=mongodb each check gives the one token that the workspace takes, until a logout there ends it."""
    with playground(*PORTS, "BACKEND=mongodb") as process:
        addresses = started(process)
        browser = Browser(addresses)
        assert browser.sign_in("alice").status_code == 200
        (token,) = {browser.check().json()["loginToken"] for _ in range(3)}
        assert browser.log_in("resume", token)["token"] == token
        browser.log_out(token)
        assert browser.check().status_code == 401
    assert re.search(rf"^Database   {re.escape(engine.name)}, tokens of kind login$", addresses["text"], re.MULTILINE)


def test_iframe_tokens_in_one_database(engine: Engine) -> None:
    """With KIND=iframe the token is good for one login, no check signs anybody in after that, and bob gets none."""
    with playground(*PORTS, "BACKEND=mongodb", "KIND=iframe") as process:
        addresses = started(process)
        browser = Browser(addresses)
        assert "try-iframe-login" in browser.sign_in("alice").text
        (token,) = {browser.check().json()["token"] for _ in range(3)}
        own = browser.log_in("iframe", token)["token"]
        assert own != token
        assert browser.check().status_code == 401
        assert browser.log_in("resume", own)["token"] == own
        browser.log_out(own)
        assert browser.check().status_code == 401
        refused = browser.sign_in("bob")
    assert refused.status_code == 401
    assert "second factor" in refused.text
    assert f"{engine.name}, tokens of kind iframe\n" in addresses["text"]


@pytest.mark.usefixtures("engine")
def test_who_cannot_sign_in_is_told_so() -> None:
    """Carol, whose codes come by e-mail, dave and a wrong password are refused with a sentence each."""
    with playground(*PORTS, "BACKEND=mongodb") as process:
        browser = Browser(started(process))
        answers = [browser.sign_in("carol"), browser.sign_in("dave"), browser.sign_in("alice", "wrong")]
    assert [answer.status_code for answer in answers] == [401] * 3
    for answer, words in zip(answers, ("codes by e-mail", "deactivated", "password is wrong"), strict=True):
        assert words in answer.text


def test_without_a_server_there_is_one_sentence() -> None:
    """Where no server is to be had one sentence says what to install, and the exit status is 1."""
    environment = {"PATH": "/usr/bin:/bin", "MONGOD": "/nowhere/mongod"}
    command = [*COMMAND, *PORTS, "BACKEND=mongodb"]
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=START_SECONDS, check=False
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(r"BACKEND=mongodb needs a MongoDB server, .*/nowhere/mongod.*install .*\n", result.stderr)
