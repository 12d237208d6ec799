"""What is sent to Rocket.Chat's REST API, and what each answer means."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import rocketchat
from chalicelib import rocketchat_users as users
from chalicelib.credentials import ServiceAccount
from chalicelib.errors import (
    AccountDeactivated,
    AccountWithoutRoles,
    Banned,
    EmailUnverified,
    GantryError,
    RateLimited,
    SecondFactorRequired,
    TooManyCodes,
    Unauthorized,
    Unavailable,
    UnknownSecondFactor,
    WrongCode,
)
from chalicelib.rocketchat import Reply, decipher, decipher_login
from chalicelib.secret import Secret
from tests.fakes import NOON, granted, refused, reply


def test_login_has_exactly_the_keys_that_rocketchat_accepts() -> None:
    """`POST login` carries user and password, the code only where there is one, and the person's address as headers."""
    call = rocketchat.login("alice", Secret("pw"), "203.0.113.9")
    assert (call.method, call.path, call.body) == ("POST", "/api/v1/login", {"user": "alice", "password": "pw"})
    assert call.headers == {"X-Real-IP": "203.0.113.9", "X-Forwarded-For": "203.0.113.9"}
    with_code = rocketchat.login("alice", Secret("pw"), "", "123456")
    assert with_code.body == {"user": "alice", "password": "pw", "code": "123456"}
    assert with_code.headers == {}


def test_a_login_goes_with_the_service_accounts_headers() -> None:
    """`POST login` carries the service account's two headers beside the person's address; its body stays."""
    service = {"X-User-Id": "service-id", "X-Auth-Token": "service-token"}
    call = rocketchat.login("alice", Secret("pw"), "203.0.113.9", service=service)
    assert call.headers == {"X-Real-IP": "203.0.113.9", "X-Forwarded-For": "203.0.113.9", **service}
    assert call.body == {"user": "alice", "password": "pw"}


def test_calls_with_a_token_carry_both_headers() -> None:
    """`GET me` and `POST logout` authenticate with `X-User-Id` and `X-Auth-Token`; `GET /api/info` with nothing."""
    headers = {"X-User-Id": "id", "X-Auth-Token": "token"}
    me, logout = rocketchat.me("id", Secret("token")), rocketchat.logout("id", Secret("token"))
    assert (me.method, me.path, me.headers, me.body) == ("GET", "/api/v1/me", headers, None)
    assert (logout.method, logout.path, logout.headers) == ("POST", "/api/v1/logout", headers)
    assert (rocketchat.info().method, rocketchat.info().path, rocketchat.info().headers) == ("GET", "/api/info", {})


SERVICE = ServiceAccount("service-id", Secret("service-token"))
HEADERS = {"X-User-Id": "service-id", "X-Auth-Token": "service-token"}


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (users.info_by_id(SERVICE, "aliceid"), "/api/v1/users.info?userId=aliceid"),
        (users.info_by_username(SERVICE, "a&userId=b"), "/api/v1/users.info?username=a%26userId%3Db"),
        (users.info_by_email(SERVICE, "a+b@example.com"), "/api/v1/users.info?email=a%2Bb%40example.com"),
        (users.info_by_username(SERVICE, "\ud800"), "/api/v1/users.info?username=%3F"),
    ],
)
def test_an_account_is_looked_up_by_exactly_one_thing(call: rocketchat.Call, path: str) -> None:
    """`GET users.info` names one of id, username and address, escaped: nothing in one of them becomes another."""
    assert (call.method, call.path, call.headers, call.body) == ("GET", path, HEADERS, None)


def test_an_account_is_made_with_exactly_these_keys() -> None:
    """`POST users.create` carries what Rocket.Chat wants and no key that it does not know."""
    call = users.create(SERVICE, username="alice", name="Alice", email="a@x", verified=False, password=Secret("pw"))
    assert (call.method, call.path, call.headers) == ("POST", "/api/v1/users.create", HEADERS)
    assert call.body == {
        "username": "alice",
        "name": "Alice",
        "email": "a@x",
        "verified": False,
        "password": "pw",
        "joinDefaultChannels": True,
        "requirePasswordChange": False,
        "roles": ["user"],
    }


def test_a_registration_is_nobodys_call() -> None:
    """`POST users.register` carries no authentication, and the secret only where there is one."""
    call = users.register(username="alice", name="Alice", email="a@x", password=Secret("pw"))
    body = {"username": "alice", "name": "Alice", "email": "a@x", "pass": "pw"}
    assert (call.method, call.path, call.headers, call.body) == ("POST", "/api/v1/users.register", {}, body)
    secret = users.register(username="alice", name="Alice", email="a@x", password=Secret("pw"), secret=Secret("s"))
    assert secret.body == {**body, "secret": "s"}


def test_a_token_is_asked_for_in_both_forms() -> None:
    """`POST users.createToken` is account and secret for 8.x, and the account alone where the secret is empty."""
    call = users.create_token(SERVICE, "aliceid", Secret("s"))
    assert (call.method, call.path, call.headers) == ("POST", "/api/v1/users.createToken", HEADERS)
    assert call.body == {"userId": "aliceid", "secret": "s"}
    assert users.create_token(SERVICE, "aliceid", Secret("")).body == {"userId": "aliceid"}


def test_neither_calls_nor_replies_print_their_secrets() -> None:
    """Promise 32: the repr of a call, of a reply and of a login shows no password and no token."""
    shown = [
        rocketchat.login("alice", Secret("canary"), "", "canary"),
        rocketchat.me("id", Secret("canary")),
        rocketchat.login("alice", Secret("pw"), "", service={"X-Auth-Token": "canary"}),
        users.create(SERVICE, username="a", name="A", email="a@x", verified=True, password=Secret("canary")),
        users.register(username="a", name="A", email="a@x", password=Secret("canary"), secret=Secret("canary")),
        users.create_token(SERVICE, "aliceid", Secret("canary")),
        users.info_by_id(ServiceAccount("id", Secret("canary")), "aliceid"),
        granted(token="canary"),
        decipher_login(granted(token="canary"), NOON),
    ]
    assert "canary" not in repr(shown)


def test_an_accepted_login_is_understood() -> None:
    """Account, token, names and the first e-mail address with its verification come out of the answer."""
    login = decipher_login(granted(emails=[{"address": "a@example.com", "verified": True}, {"address": "b@x"}]), NOON)
    assert (login.user_id, login.token.reveal(), login.username, login.name) == ("aliceid", "T" * 43, "alice", "Alice")
    assert (login.email, login.email_verified) == ("a@example.com", True)


@pytest.mark.parametrize("emails", [None, [], "a@x", [None], [{"address": 5}], [{}], {}])
def test_an_account_without_a_usable_address_has_none(emails: object) -> None:
    """Accounts without e-mail, or with one of odd type, log in all the same."""
    login = decipher_login(granted(emails=emails, name=None), NOON)
    assert (login.email, login.email_verified, login.name) == (None, False, None)


@pytest.mark.parametrize("verified", ["true", 1, None, False])
def test_an_address_counts_as_verified_only_when_it_says_true(verified: object) -> None:
    """Promise 37: anything but JSON's true leaves the address unverified."""
    login = decipher_login(granted(emails=[{"address": "a@x", "verified": verified}]), NOON)
    assert (login.email, login.email_verified) == ("a@x", False)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        ("Unauthorized", Unauthorized),
        (403, Unauthorized),
        ("unauthorized", Unauthorized),
        (None, Unauthorized),
        (["totp-invalid"], Unauthorized),
        ("totp-invalid", WrongCode),
        ("totp-max-attempts", TooManyCodes),
        ("error-login-blocked-for-ip", Banned),
        ("error-login-blocked-for-user", Banned),
        ("error-user-is-not-activated", AccountDeactivated),
        ("error-user-has-no-roles", AccountWithoutRoles),
        ("error-invalid-email", EmailUnverified),
        ("totp-required", UnknownSecondFactor),
    ],
)
def test_each_refusal_has_its_meaning(error: object, meaning: type[GantryError]) -> None:
    """Every documented refusal of a login becomes its own exception, and an unknown one a plain refusal."""
    with pytest.raises(meaning):
        decipher_login(refused(error), NOON)


def test_a_dead_token_is_unauthorized_in_both_forms() -> None:
    """A token that does not live is answered 401 with either of two bodies."""
    for body in (
        {"status": "error", "message": "You must be logged in to do this."},
        {"success": False, "error": "unauthorized"},
    ):
        with pytest.raises(Unauthorized):
            decipher(reply(401, body), NOON)


@pytest.mark.parametrize(
    ("details", "sent", "expires"),
    [
        ({"method": "totp"}, None, None),
        ({"method": "email", "codeGenerated": True}, True, None),
        ({"method": "email", "codeGenerated": False, "codeExpires": "2027-01-15T08:00:00.000Z"}, False, NOON),
        ({"method": "email", "codeGenerated": False, "codeExpires": {"$date": NOON * 1000}}, False, NOON),
        ({"method": "email", "codeGenerated": False, "codeExpires": NOON * 1000}, False, NOON),
        ({"method": "email", "codeGenerated": "yes", "codeExpires": "soon"}, None, None),
        ({"method": "email", "codeExpires": "2027-01-15T08:00:00"}, None, None),
        ({"method": "email", "codeExpires": True}, None, None),
        ({"method": "email", "codeExpires": float("inf")}, None, None),
    ],
)
def test_a_second_factor_says_what_is_due(details: object, sent: bool | None, expires: float | None) -> None:
    """`totp-required` tells the method, whether a code was sent, and when an earlier one runs out."""
    with pytest.raises(SecondFactorRequired) as due:
        decipher_login(refused("totp-required", details=details), NOON)
    assert (due.value.sent, due.value.expires) == (sent, expires)


@pytest.mark.parametrize("details", [None, [], "totp", {}, {"method": "password"}, {"method": ["totp"]}])
def test_a_second_factor_that_cannot_be_asked_for_is_named(details: object) -> None:
    """A method that Gantry has no form for is not taken for a wrong password."""
    with pytest.raises(UnknownSecondFactor):
        decipher_login(refused("totp-required", details=details), NOON)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        (str(int((NOON + 17.2) * 1000)), 18),
        (str(int((NOON - 5) * 1000)), 1),
        ("9" * 30, 60),
        ("soon", 60),
        ("", 60),
        ("²", 60),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(reset: str, seconds: int) -> None:
    """429 carries the moment of the reset in milliseconds; what makes no sense counts as a minute."""
    with pytest.raises(RateLimited) as limited:
        decipher(reply(429, b"<html>", {"x-ratelimit-reset": reset}), NOON)
    assert limited.value.retry_after == seconds


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"<!doctype html>"),
        reply(200, b""),
        reply(200, [1]),
        reply(200, None),
        reply(401, b"<html>proxy</html>"),
        reply(302, {}, {"location": "https://elsewhere"}),
        reply(400, {"success": False}),
        reply(404, {}),
        reply(500, {}),
        reply(503, b"\xff\xfe"),
        reply(200, b"[" * 100_000),
    ],
)
def test_what_is_no_answer_of_rocketchats_is_unavailable(answer: Reply) -> None:
    """HTML, redirects, server errors and bodies that are no JSON object tell nothing, so nothing is concluded."""
    with pytest.raises(Unavailable):
        decipher(answer, NOON)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"userId": "a", "authToken": "b"},
        {"userId": "a", "authToken": "b", "me": {}},
        {"userId": "a", "authToken": "b", "me": {"username": None}},
        {"userId": 1, "authToken": "b", "me": {"username": "a"}},
        {"userId": "a", "authToken": "b\r\nX: y", "me": {"username": "a"}},
        {"userId": "", "authToken": "b", "me": {"username": "a"}},
        {"userId": "a", "authToken": "ü", "me": {"username": "a"}},
    ],
)
def test_a_login_of_another_shape_is_unavailable(data: object) -> None:
    """A 200 without what a login must have, or with what cannot stand in a header, is no login."""
    with pytest.raises(Unavailable):
        decipher_login(reply(200, {"status": "success", "data": data}), NOON)


@pytest.mark.parametrize(
    ("status", "body", "error_type", "error"),
    [
        (400, {"success": False, "error": "User not found."}, "", "User not found."),
        (
            400,
            {"error": "x is already in use :( [error-field-unavailable]", "errorType": "error-field-unavailable"},
            "error-field-unavailable",
            "x is already in use :( [error-field-unavailable]",
        ),
        (400, {"error": "no [error-not-allowed]"}, "error-not-allowed", "no [error-not-allowed]"),
        (400, {"error": "Email already exists. [403]", "errorType": 403}, "403", "Email already exists. [403]"),
        (400, {"error": "x", "errorType": "Canary of 1\r\n"}, "", "x"),
        (400, {"error": {"a": 1}, "errorType": ["error-x"]}, "", ""),
        (400, {}, "", ""),
        (403, {"success": False, "error": "no [error-unauthorized]"}, "error-unauthorized", "no [error-unauthorized]"),
    ],
)
def test_a_refused_call_tells_status_type_and_sentence(status: int, body: object, error_type: str, error: str) -> None:
    """A 400 or 403 carries Rocket.Chat's word and sentence; it is unavailable to who asks for neither."""
    with pytest.raises(rocketchat.CallRefused) as refused:
        decipher(reply(status, body), NOON)
    assert isinstance(refused.value, Unavailable)
    assert (refused.value.status, refused.value.error_type, refused.value.error) == (status, error_type, error)
    assert refused.value.word == (error_type or f"status {status}")


def test_a_refused_call_does_not_repeat_what_was_sent() -> None:
    """Promise 32: the sentence may hold an address or a name, and stands in no log and in no repr."""
    with pytest.raises(rocketchat.CallRefused) as refused:
        decipher(reply(400, {"error": "canary is already in use", "errorType": "Canary"}), NOON)
    assert "canary" not in f"{refused.value!s} {refused.value!r}".lower()


@pytest.mark.parametrize(
    "content", [{}, {"user": None}, {"user": {}}, {"user": {"_id": 5}}, {"user": {"_id": ""}}, {"user": {"_id": "a b"}}]
)
def test_an_account_of_another_shape_is_unavailable(content: dict[str, object]) -> None:
    """A 200 without an account that has an id is no account."""
    with pytest.raises(Unavailable):
        users.account_in(content)


def test_an_account_is_read_as_a_record() -> None:
    """The account of an answer is read as one of the database is."""
    record = users.account_in({"user": {"_id": "a", "emails": [{"address": "a@x", "verified": True}]}, "success": True})
    assert (record.id, list(record.emails())) == ("a", [("a@x", True)])


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_answer_raises_anything_else(status: int, body: bytes) -> None:
    """Whatever comes back ends as a value or as one of our own exceptions."""
    with contextlib.suppress(GantryError):
        decipher_login(Reply(status, {}, body), NOON)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "me", "error", "details", "method", "codeExpires", "userId"]), inner)
    ),
    max_leaves=12,
)


@given(st.sampled_from([200, 400, 401, 403]), json_values, st.sampled_from(["totp-required", None, 403]))
def test_no_json_raises_anything_else(status: int, body: object, error: object) -> None:
    """Whatever JSON comes back ends as a value or as one of our own exceptions."""
    if isinstance(body, dict) and error is not None:
        body = {**body, "error": error}
    with contextlib.suppress(GantryError):
        decipher_login(reply(status, body), NOON)
