"""Guessing made pointless, over HTTP: who is refused for how long, and that whoever is refused costs nothing."""

import re
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest
import requests
from argon2 import PasswordHasher, low_level

from playground.people import BOB_TOTP
from playground.workspace import PASSWORD, Fault
from tests.api_gateway import event
from tests.stage import FORM, Stage, Visitor, error_in

OURS = {"host": "g.test", "origin": "https://g.test", "content-type": FORM}
WRONG = "wrong-password"


def fail(visitor: Visitor, times: int, name: str = "alice") -> None:
    """So many wrong passwords, each of which is looked at."""
    assert [visitor.sign_in(name, WRONG).status_code for _ in range(times)] == [401] * times


def banned_for(answer: requests.Response) -> int:
    """Assert that the answer is a ban, as a page that begins no session; return its `Retry-After` in seconds."""
    assert answer.status_code == 429
    assert "Set-Cookie" not in answer.headers
    assert 'name="password"' in answer.text
    return int(answer.headers["Retry-After"])


def sign_in(stage: Stage, name: str, address: str, password: str = PASSWORD, **headers: str) -> dict[str, Any]:
    """Call the function as API Gateway does for a caller at `address`."""
    body = urlencode({"username": name, "password": password})
    return stage.invoke(event("POST", "/login", headers={**OURS, **headers}, body=body, address=address))


def table(stage: Stage) -> str:
    """Create the table that an administrator would name in `STATE_TABLE`."""
    name = f"gantry-{stage.secret_id.rpartition('/')[2]}"
    stage.secrets.aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def test_wrong_passwords_end_in_a_ban_and_the_ban_in_time(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: after 5 failures the right password is refused too, with the time to wait, until that time is over."""
    fail(visitor, 5)
    calls = len(stage.workspace.calls("login"))
    refused = visitor.sign_in("alice")
    assert banned_for(refused) == 600
    assert "10 min" in error_in(refused)
    stage.clock.advance(599)
    refused = stage.visitor().sign_in("alice")
    assert banned_for(refused) == 1
    assert "Wait 1 second," in error_in(refused)
    assert len(stage.workspace.calls("login")) == calls == 5
    stage.clock.advance(1)
    assert visitor.sign_in("alice").status_code == 200


def test_a_ban_is_one_line_of_the_log(stage: Stage, visitor: Visitor) -> None:
    """Promise 33: a refused attempt is logged like any other, with its reason and the request's id."""
    fail(visitor, 5)
    visitor.sign_in("alice")
    line = stage.log.events("attempt")[-1]
    assert line["request_id"]
    assert (line["outcome"], line["reason"], line["username"]) == ("refused", "banned", "alice")


def test_an_unknown_name_is_banned_like_any_other(stage: Stage, visitor: Visitor) -> None:
    """Promise 2: a ban tells nobody whether there is such a user: same status, page and headers."""

    def told(name: str) -> tuple[str, set[str]]:
        answer = visitor.sign_in(name, WRONG)
        assert banned_for(answer) == 600
        return re.sub(r'nonce="[^"]+"', "", answer.text.replace(name, "")), set(answer.headers)

    for name in ("alice", "nobody"):
        fail(visitor, 5, name)
    assert told("alice") == told("nobody")


def test_a_spelling_is_no_further_name(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: capitals, spaces and full width give nobody further guesses of the same name."""
    for name in ("alice", "ALICE", " Alice ", "\uff41lice", "alice\ufe0f"):
        fail(visitor, 1, name)
    for name in ("alice", "aLICE"):
        assert banned_for(visitor.sign_in(name)) == 600
    assert visitor.sign_in("alice@example.org").status_code == 200


def test_signing_in_ends_the_run(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: whoever remembers the password at the fifth try may forget it as often again."""
    for _ in range(3):
        fail(visitor, 4)
        assert visitor.sign_in("alice").status_code == 200


def test_wrong_codes_count(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: a wrong code is a failure like a wrong password; who is banned by it is not helped by a right one."""
    page = visitor.sign_in("bob")
    for _ in range(4):
        page = visitor.enter_code(page, "000000")
        assert page.status_code == 401
    calls = len(stage.workspace.calls("login"))
    refused = visitor.enter_code(page, pyotp.TOTP(BOB_TOTP).at(int(stage.clock())))
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "600"
    assert banned_for(stage.visitor().sign_in("bob")) == 600
    assert len(stage.workspace.calls("login")) == calls
    assert stage.tokens("bob") == 0


def test_a_second_factor_ends_the_run(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: password, three wrong codes and the right one are one sign-in, after which nothing is counted."""
    for _ in range(3):
        page = visitor.sign_in("bob")
        for _ in range(3):
            page = visitor.enter_code(page, "000000")
        assert visitor.enter_code(page, pyotp.TOTP(BOB_TOTP).at(int(stage.clock()))).status_code == 200
        stage.clock.advance(30)


def test_a_right_password_alone_ends_no_run(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: whoever knows the password and not the code has no more guesses for asking again and again."""
    assert [visitor.sign_in("bob").status_code for _ in range(5)] == [401] * 5
    assert banned_for(visitor.sign_in("bob")) == 600


def test_an_address_is_banned_by_what_api_gateway_saw(stage: Stage) -> None:
    """Promise 6: headers of the client make no other caller of it, and nobody else is banned by naming them there."""
    stage.container(BAN_ADDRESS_AFTER="3")
    for number in range(3):
        forged = {"x-forwarded-for": f"198.51.100.{number}", "x-real-ip": f"198.51.100.{number}", "forwarded": "for=1"}
        assert sign_in(stage, f"name{number}", "203.0.113.9", WRONG, **forged)["statusCode"] == 401
    calls = len(stage.workspace.calls("login"))
    for forged in ({}, {"x-forwarded-for": "198.51.100.77"}, {"X-Forwarded-For": "127.0.0.1, 10.0.0.1"}):
        refused = sign_in(stage, "alice", "203.0.113.9", **forged)
        assert (refused["statusCode"], refused["headers"]["Retry-After"]) == (429, "600")
    assert len(stage.workspace.calls("login")) == calls
    for number in range(3):
        address = f"198.51.100.{number}"
        assert sign_in(stage, "alice", address, **{"x-forwarded-for": "203.0.113.9"})["statusCode"] == 200


def test_one_persons_ipv6_network_is_one_caller(stage: Stage) -> None:
    """Promise 5: whoever has a /64 has one budget, not 2 to the power of 64."""
    stage.container(BAN_ADDRESS_AFTER="3")
    for number in range(3):
        sign_in(stage, f"name{number}", f"2001:db8::{number}", WRONG)
    assert sign_in(stage, "alice", "2001:db8::ffff:1")["statusCode"] == 429
    assert sign_in(stage, "alice", "2001:db8:0:1::1")["statusCode"] == 200


def test_an_outage_bans_nobody(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: tries while the workspace is down are no guesses."""
    stage.workspace.fault("login", Fault(status=502), times=10)
    assert {visitor.sign_in("alice").status_code for _ in range(10)} == {503}
    assert visitor.sign_in("alice").status_code == 200


def test_the_limits_are_settings(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: count, window and ban are what the administrator set, and 0 switches a budget off."""
    stage.container(BAN_NAME_AFTER="2", BAN_WINDOW_SECONDS="30", BAN_SECONDS="90")
    fail(visitor, 1)
    stage.clock.advance(30)
    fail(visitor, 2)
    refused = visitor.sign_in("alice")
    assert banned_for(refused) == 90
    assert "2 min" in error_in(refused)
    stage.clock.advance(90)
    fail(visitor, 2)
    stage.container(BAN_NAME_AFTER="0", BAN_ADDRESS_AFTER="0")
    fail(visitor, 7, "nobody")


def test_a_ban_holds_in_every_container(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: with `STATE_TABLE` failures are counted over all containers, and a success is known to all."""
    name = table(stage)
    stage.container(STATE_TABLE=name)
    fail(visitor, 4)
    assert visitor.sign_in("alice").status_code == 200
    for _ in range(5):
        stage.container(STATE_TABLE=name)
        fail(visitor, 1)
    stage.container(STATE_TABLE=name)
    calls = len(stage.workspace.calls("login"))
    assert banned_for(visitor.sign_in("alice")) == 600
    assert len(stage.workspace.calls("login")) == calls


def test_without_a_table_each_container_counts_for_itself(stage: Stage, visitor: Visitor) -> None:
    """Design, section 4: a container's memory is what is left without a table, and it is weak."""
    gantry = stage.container()
    fail(visitor, 5)
    stage.container()
    fail(visitor, 1)
    stage.serve_from(gantry)
    assert banned_for(visitor.sign_in("alice")) == 600


@pytest.mark.parametrize("missing", [True, False])
def test_where_nothing_can_be_counted_nobody_is_let_in(
    stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    """Promise 7: a table that is not there or does not answer is 503, with no cookie, and no password is looked at."""
    stage.container(STATE_TABLE="gantry-missing" if missing else table(stage))
    if not missing:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    refused = visitor.sign_in("alice")
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers
    assert "Set-Cookie" not in refused.headers
    assert stage.workspace.calls("login") == []
    assert stage.log.events("configuration" if missing else "backend")


def test_a_banned_attempt_costs_no_hash(stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: whoever is banned makes no password be hashed and no backend be asked."""
    hashes = 0
    verify = low_level.verify_secret

    def counted(*arguments: Any) -> bool:
        nonlocal hashes
        hashes += 1
        return verify(*arguments)

    monkeypatch.setattr(low_level, "verify_secret", counted)
    stored = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(PASSWORD)
    stage.store(users={"alice": {"password": stored}})
    stage.container(DIRECTORY="users")
    for name in ("alice", "nobody"):
        fail(visitor, 5, name)
    assert hashes == 10
    for name in ("alice", "nobody"):
        assert banned_for(visitor.sign_in(name)) == 600
    assert hashes == 10
    assert stage.workspace.calls("login") == []
