"""Signing in with a password: whom the workspace lets in, whom it refuses, and what each of them is told."""

import re
from collections.abc import Callable

import pytest

from playground.workspace import Person
from tests.stage import Stage, Visitor, error_in


def attempt(stage: Stage) -> tuple[str, str]:
    """Outcome and reason of the one attempt in the log."""
    [line] = stage.log.events("attempt")
    return line["outcome"], line["reason"]


@pytest.mark.parametrize("name", ["alice", "alice@example.org", " alice "])
def test_a_right_password_signs_in(stage: Stage, visitor: Visitor, name: str) -> None:
    """Username or e-mail address with the right password give the handoff page and a session of one native token."""
    answer = visitor.sign_in(name)
    assert answer.status_code == 200
    assert "Signing you in" in answer.text
    given = visitor.check().json()
    assert set(given) == {"loginToken"}
    assert stage.whose(given["loginToken"]) == "alice"
    assert stage.tokens("alice") == 1
    assert attempt(stage) == ("signed-in", "ok")


def test_every_sign_in_makes_a_fresh_session(stage: Stage, visitor: Visitor) -> None:
    """Promise 9: signing in again gives another cookie and another token, whatever cookie the browser came with."""
    visitor.sign_in("alice")
    first, token = visitor.cookie, visitor.check().json()
    visitor.sign_in("alice")
    assert visitor.cookie != first
    assert visitor.check().json() != token


def test_the_password_is_verified_exactly_as_typed(stage: Stage, visitor: Visitor) -> None:
    """Promise 4: spaces, signs and letters of any script at both ends of a password count."""
    password = "  pä ss+wörd%20&=\u00a0🚀 "
    stage.workspace.add(Person(username="erin", password=password))
    assert visitor.sign_in("erin", password.strip()).status_code == 401
    assert visitor.sign_in("erin", password).status_code == 200


def test_the_longest_passwords(stage: Stage, visitor: Visitor) -> None:
    """Promise 4: 1,024 bytes pass; one more is refused as any wrong password, and the workspace never hears of it."""
    stage.workspace.add(Person(username="erin", password="é" * 512))
    assert visitor.sign_in("erin", "é" * 512).status_code == 200
    calls = len(stage.workspace.calls("login"))
    refused = visitor.sign_in("erin", "é" * 512 + "!")
    assert (refused.status_code, error_in(refused)) == (401, "Username or password is wrong. Check both and try again.")
    assert len(stage.workspace.calls("login")) == calls


def without_nonces(page: str) -> str:
    return re.sub(r'nonce="[^"]+"', "", page)


@pytest.mark.parametrize("form", ["Unauthorized", 403])
def test_a_wrong_password_and_an_unknown_user_look_alike(stage: Stage, visitor: Visitor, form: str | int) -> None:
    """Promise 2: wrong password, unknown user, and a deactivated account with a wrong password answer alike."""
    stage.workspace.logins.wrong_credentials = form
    wrong = visitor.sign_in("alice", "wrong-password")
    unknown = visitor.sign_in("nobody", "wrong-password")
    deactivated = visitor.sign_in("dave", "wrong-password")
    assert (wrong.status_code, error_in(wrong)) == (401, "Username or password is wrong. Check both and try again.")
    assert "Set-Cookie" not in wrong.headers
    for other, name in ((unknown, "nobody"), (deactivated, "dave")):
        assert other.status_code == wrong.status_code
        assert without_nonces(other.text.replace(name, "alice")) == without_nonces(wrong.text)
        assert other.headers.keys() == wrong.headers.keys()
    assert {line["reason"] for line in stage.log.events("attempt")} == {"wrong-credentials"}


def deactivated(stage: Stage) -> str:
    return "dave"


def without_roles(stage: Stage) -> str:
    stage.workspace.add(Person(username="erin", roles=None))
    return "erin"


def unverified(stage: Stage) -> str:
    stage.workspace.settings["Accounts_EmailVerification"] = True
    stage.workspace.add(Person(username="erin", email="erin@example.org", verified=False))
    return "erin"


def no_person(stage: Stage) -> str:
    stage.workspace.add(Person(username="erin", type="app"))
    return "erin"


@pytest.mark.parametrize(
    ("somebody", "reason", "words"),
    [
        (deactivated, "deactivated", "This account is deactivated. Ask the people who run this workspace"),
        (without_roles, "no-roles", "This account has no role in this workspace yet."),
        (unverified, "email-unverified", "Your e-mail address is not verified yet."),
        (no_person, "wrong-credentials", "Username or password is wrong."),
    ],
)
def test_accounts_that_may_not_log_in(
    stage: Stage, visitor: Visitor, somebody: Callable[[Stage], str], reason: str, words: str
) -> None:
    """Promise 2: what is wrong with an account is said after its password was right; no session begins."""
    refused = visitor.sign_in(somebody(stage))
    assert refused.status_code == 401
    assert error_in(refused).startswith(words)
    assert "Set-Cookie" not in refused.headers
    assert attempt(stage) == ("refused", reason)


def test_a_verified_address_is_enough_where_one_is_demanded(stage: Stage, visitor: Visitor) -> None:
    """Where the workspace demands verified addresses, whoever has one signs in as ever."""
    stage.workspace.settings["Accounts_EmailVerification"] = True
    assert visitor.sign_in("alice").status_code == 200


def test_too_many_failures_of_a_user_are_a_ban(stage: Stage, visitor: Visitor) -> None:
    """A user whom the workspace has blocked gets 429 with the way on, even with the right password."""
    stage.container(BAN_NAME_AFTER="0")
    for _ in range(10):
        assert visitor.sign_in("alice", "wrong-password").status_code == 401
    banned = visitor.sign_in("alice")
    assert banned.status_code == 429
    assert error_in(banned) == "Too many failed attempts. Wait a few minutes, then try again."
    assert "Set-Cookie" not in banned.headers
    assert stage.log.events("attempt")[-1]["reason"] == "banned"
    stage.clock.advance(301)
    assert visitor.sign_in("alice").status_code == 200


def test_too_many_failures_from_an_address_are_a_ban(stage: Stage, visitor: Visitor) -> None:
    """An address that the workspace has blocked gets 429, whoever signs in from there."""
    stage.workspace.settings["Block_Multiple_Failed_Logins_Attempts_Until_Block_By_Ip"] = 3
    for name in ("nobody", "no-one", "none"):
        visitor.sign_in(name, "wrong-password")
    assert visitor.sign_in("alice").status_code == 429


def test_the_page_shows_the_typed_name_again_and_never_the_password(stage: Stage, visitor: Visitor) -> None:
    """Promise 25: the username that is shown again is escaped, and the password is not shown."""
    page = visitor.sign_in('"><script>alert(1)</script>', "typed-password").text
    assert 'value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in page
    assert "typed-password" not in page


def test_every_attempt_is_one_line_of_the_log(stage: Stage, visitor: Visitor) -> None:
    """Promise 33: an attempt is logged with outcome, reason, username, directory, address and the request's id."""
    visitor.sign_in("alice", "wrong-password")
    [line] = stage.log.events("attempt")
    assert line.pop("request_id")
    assert line == {
        "level": "INFO",
        "event": "attempt",
        "outcome": "refused",
        "reason": "wrong-credentials",
        "username": "alice",
        "directory": "rocketchat",
        "address": "127.0.0.1",
    }


def test_a_strange_username_cannot_forge_a_line_of_the_log(stage: Stage, visitor: Visitor) -> None:
    """Promise 32: usernames are logged escaped, one line an attempt."""
    name = '", "outcome": "signed-in", "x": "ä🚀\\'
    assert visitor.sign_in(name, "wrong-password").status_code == 401
    [line] = stage.log.events("attempt")
    assert (line["outcome"], line["username"]) == ("refused", name)
    assert stage.log.text.isascii()


def test_the_workspace_is_told_where_the_person_sits(stage: Stage, visitor: Visitor) -> None:
    """Promise 6: the address of the connection goes to the workspace; the client's own headers count for nothing."""
    visitor.sign_in("alice", X_Forwarded_For="203.0.113.99", X_Real_IP="203.0.113.98")
    [call] = stage.workspace.calls("login")
    assert call.headers["x-real-ip"] == "127.0.0.1"
    assert call.headers["x-forwarded-for"] == "127.0.0.1"
    assert "203.0.113" not in str(call.headers)
    assert "203.0.113" not in stage.log.text
