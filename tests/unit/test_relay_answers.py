"""What the vendors' answers mean, hostile ones included: nothing but a whole answer makes an identity."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import GantryError, RateLimited, RelayRefused, Unavailable
from chalicelib.model import Identity, ProviderToken
from chalicelib.relay import facebook, google, twitter
from chalicelib.relay.answers import ApplicationRefused
from chalicelib.relay.applications import FacebookApplication, GoogleApplication, TwitterApplication
from chalicelib.rocketchat import Call, Reply
from chalicelib.secret import Secret
from tests.fakes import NOON, FakeClock, Replies, reply

ROOT = Path(__file__).parents[2]
DEADLINE = Deadline.after(1e6)
GOOGLE = GoogleApplication("client.apps")
FACEBOOK = FacebookApplication("4711", Secret("app-canary"))
TWITTER = TwitterApplication("key", Secret("consumer-canary"))
TOKEN = ProviderToken(Secret("token-canary"), Secret("secret-canary"))

INFORMATION = {
    "aud": "client.apps",
    "azp": "client.apps",
    "sub": "117",
    "exp": str(int(NOON) + 60),
    "email": "alice@example.org",
    "email_verified": "true",
}
INSPECTED = {"app_id": "4711", "type": "USER", "is_valid": True, "expires_at": int(NOON) + 60, "user_id": "117"}
ME = {"id": "117", "name": "Alice Archer", "email": "alice@example.org"}
USER = {"id_str": "117", "screen_name": "alice", "name": "Alice Archer", "email": "alice@example.org"}

Decipher = Callable[[Reply], object]
DECIPHERERS: dict[str, tuple[Decipher, dict[str, Any]]] = {
    "token information": (lambda it: google.decipher_token_information(it, GOOGLE, NOON), INFORMATION),
    "google profile": (lambda it: google.decipher_profile(it, "117"), {"sub": "117", "name": "Alice"}),
    "debug_token": (lambda it: facebook.decipher_debug_token(it, FACEBOOK, NOON), {"data": INSPECTED}),
    "me": (lambda it: facebook.decipher_me(it, "117"), ME),
    "verify_credentials": (lambda it: twitter.decipher_credentials(it, NOON), USER),
    "application token": (lambda it: twitter.decipher_application(it, NOON), {"token_type": "bearer"}),
}
NUMBERS: list[object] = [-1, 0, 10**40, 1.5, float("inf"), float("nan")]
TEXTS: list[object] = ["", " ", "\r\n", "\ud800", "x" * 99_999]
HOSTILE = [None, True, False, *NUMBERS, *TEXTS, [], ["117"], {}, {"$ne": None}, {"id": "117"}]


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize("decipher", [each for each, _ in DECIPHERERS.values()], ids=DECIPHERERS)
def test_what_is_no_object_is_no_answer(decipher: Decipher) -> None:
    """A body that is no JSON object is unavailability, whatever its status below 500 says, and so are 3xx and 5xx."""
    bodies = [b"", b"null", b"[]", b"[{}]", b"7", b'"x"', b"\xff", b"<html>", nested(200_000), b'{"exp":' + b"9" * 5000]
    for nonsense in bodies:
        for status in (200, 400, 401, 403, 404):
            with pytest.raises(Unavailable):
                decipher(reply(status, nonsense))
    accepted = {"data": INSPECTED, **INFORMATION, **ME, **USER, "token_type": "bearer"}
    refused = {"error": {"code": 190}, "errors": [{"code": 89}], "error_description": "Invalid Value"}
    for status in (301, 302, 307, 500, 502, 503):
        for body in (accepted, refused):
            with pytest.raises(Unavailable):
                decipher(reply(status, body))


def changed(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The answer with each of its fields in turn made something else, or left out."""
    inner = whole.get("data")
    for field in whole:
        yield {name: value for name, value in whole.items() if name != field}
        for hostile in HOSTILE:
            yield {**whole, field: hostile}
    for each in changed(inner) if isinstance(inner, dict) else ():
        yield {"data": each}


def parts(known: object) -> tuple[object, ...]:
    """The single values of what was read."""
    if isinstance(known, tuple):
        return known
    return tuple(vars(known).values()) if hasattr(known, "__dict__") else (known,)


@pytest.mark.parametrize(("decipher", "whole"), DECIPHERERS.values(), ids=DECIPHERERS)
def test_a_hostile_field_is_refused_or_left_out(decipher: Decipher, whole: dict[str, Any]) -> None:
    """Lists, numbers, nulls and endless texts make a refusal, unavailability, or an answer without that field."""
    assert parts(decipher(reply(200, whole)))
    for hostile in changed(whole):
        with suppress(GantryError, ApplicationRefused):
            for part in parts(decipher(reply(200, hostile))):
                assert part is None or isinstance(part, bool | str)
                assert len(str(part)) < 256
                assert str(part).isprintable()
                assert str(part).strip()


@pytest.mark.parametrize("verified", [True, "true"])
def test_google_says_that_an_address_is_verified(verified: object) -> None:
    """Promise 37: `email_verified` is a JSON true or the text."""
    known = google.decipher_token_information(reply(200, {**INFORMATION, "email_verified": verified}), GOOGLE, NOON)
    assert (known.email, known.email_verified) == ("alice@example.org", True)


@pytest.mark.parametrize("verified", [None, False, "false", "True", "yes", 1, [True], {}])
def test_anything_else_is_not_verified(verified: object) -> None:
    """Promise 37: whatever else stands there leaves the address unverified."""
    said = {**INFORMATION, "email_verified": verified}
    assert not google.decipher_token_information(reply(200, said), GOOGLE, NOON).email_verified


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"aud": "other", "azp": "other"}, "another application"),
        ({"aud": "client.apps", "azp": "other"}, "another application"),
        ({"aud": "other", "azp": "client.apps"}, "another application"),
        ({"aud": "web.apps", "azp": "web.apps"}, "another application"),
        ({"aud": "CLIENT.apps"}, "another application"),
        ({"exp": str(int(NOON))}, "expired"),
        ({"exp": 0}, "expired"),
    ],
)
def test_google_must_have_made_the_token_for_us_and_for_now(said: dict[str, object], why: str) -> None:
    """Promise 38: audience and presenter are our clients', `client_id` among them, and our own clock must agree."""
    application = GoogleApplication("client.apps", web_client_id="web.apps")
    with pytest.raises(RelayRefused, match=why):
        google.decipher_token_information(reply(200, {**INFORMATION, **said}), application, NOON)


def test_a_presenter_may_be_left_out() -> None:
    """Without `azp` the audience alone says for whom a token was made, and without a web client none is allowed."""
    alone = {name: value for name, value in INFORMATION.items() if name != "azp"}
    assert google.decipher_token_information(reply(200, alone), GOOGLE, NOON).subject == "117"
    for audience in ("other", None, ""):
        with pytest.raises((RelayRefused, Unavailable)):
            google.decipher_token_information(reply(200, {**alone, "aud": audience}), GOOGLE, NOON)


@pytest.mark.parametrize(
    "said",
    [
        {"is_valid": "true"},
        {"is_valid": 1},
        {"app_id": "4712"},
        {"app_id": 4712},
        {"type": "PAGE"},
        {"type": "APP", "user_id": None},
        {"expires_at": int(NOON)},
        {"is_valid": False, "error": {"code": 190, "message": "canary"}},
    ],
)
def test_facebook_must_have_made_the_token_for_us_and_for_now(said: dict[str, object]) -> None:
    """Promise 38: `is_valid` is true itself, the application is ours, the token is a person's and its time runs."""
    with pytest.raises(RelayRefused):
        facebook.decipher_debug_token(reply(200, {"data": {**INSPECTED, **said}}), FACEBOOK, NOON)


def test_facebooks_ids_may_be_numbers() -> None:
    """Facebook's pages show ids as texts and as numbers; a token that does not expire says 0."""
    said = {**INSPECTED, "app_id": 4711, "user_id": 117, "expires_at": 0}
    assert facebook.decipher_debug_token(reply(200, {"data": said}), FACEBOOK, NOON) == "117"


@pytest.mark.parametrize("code", [4, 17, 32, 613, 80004])
def test_facebooks_limits_ask_for_patience(code: int) -> None:
    """The limits of application, person, page and product are no word on the token."""
    for decipher in (DECIPHERERS["debug_token"][0], DECIPHERERS["me"][0]):
        with pytest.raises(RateLimited):
            decipher(reply(400, {"error": {"code": code, "message": "canary"}}))


@pytest.mark.parametrize(
    ("code", "at_debug_token", "at_me"),
    [
        (190, ApplicationRefused, RelayRefused),
        (102, ApplicationRefused, RelayRefused),
        (101, ApplicationRefused, Unavailable),
        (104, ApplicationRefused, ApplicationRefused),
        (100, RelayRefused, ApplicationRefused),
        (1, Unavailable, Unavailable),
        (2, Unavailable, Unavailable),
        (True, Unavailable, Unavailable),
        ("190", Unavailable, Unavailable),
        (10**30, Unavailable, Unavailable),
    ],
)
def test_facebooks_errors_are_about_who_asks(code: object, at_debug_token: type, at_me: type) -> None:
    """An error beside `debug_token` is about our application, one beside `me` about the person's token."""
    error = reply(400, {"error": {"code": code, "message": "canary", "error_subcode": 463}})
    for name, meaning in (("debug_token", at_debug_token), ("me", at_me)):
        with pytest.raises((GantryError, ApplicationRefused)) as raised:
            DECIPHERERS[name][0](error)
        assert type(raised.value) is meaning
        assert "canary" not in f"{raised.value}{raised.value!r}"


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (401, 89, RelayRefused),
        (403, 64, RelayRefused),
        (403, 326, RelayRefused),
        (401, 32, twitter.SignatureRefused),
        (400, 215, twitter.SignatureRefused),
        (401, None, twitter.SignatureRefused),
        (403, 99, ApplicationRefused),
        (401, 416, ApplicationRefused),
        (403, 453, ApplicationRefused),
        (402, None, ApplicationRefused),
        (401, 135, Unavailable),
        (403, None, Unavailable),
        (404, 34, Unavailable),
        (403, 88, RateLimited),
        (429, 88, RateLimited),
        (420, None, RateLimited),
    ],
)
def test_twitters_codes_say_whose_fault_it_is(status: int, code: int | None, meaning: type) -> None:
    """What is wrong with the token, the signature, our application and Twitter itself are four things."""
    body = {"errors": [{"code": code, "message": "canary"}]} if code is not None else {"title": "canary"}
    with pytest.raises((GantryError, ApplicationRefused, twitter.SignatureRefused)) as raised:
        twitter.decipher_credentials(reply(status, body), NOON)
    assert type(raised.value) is meaning
    assert "canary" not in f"{raised.value}{raised.value!r}"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-rate-limit-reset": str(int(NOON) + 90)}, 90),
        ({"x-rate-limit-reset": "1"}, 1),
        ({"x-rate-limit-reset": "9" * 12}, 900),
        ({"x-rate-limit-reset": "9" * 5000}, 60),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "-7"}, 60),
        ({}, 60),
    ],
)
def test_the_wait_is_the_vendors_within_reason(headers: dict[str, str], seconds: int) -> None:
    """A limit's end is the vendor's word, between one second and Twitter's quarter of an hour, a minute without it."""
    with pytest.raises(RateLimited) as limited:
        twitter.decipher_credentials(reply(429, b"", headers), NOON)
    assert limited.value.retry_after == seconds


@pytest.mark.parametrize("status", [400, 404])
def test_what_google_does_not_say_of_the_token_is_not_the_persons_fault(status: int) -> None:
    """A call that Google does not understand, or does not have any more, is unavailability."""
    for name in ("token information", "google profile"):
        with pytest.raises(Unavailable):
            DECIPHERERS[name][0](reply(status, {"error": "invalid_request", "error_description": "canary"}))


def test_an_application_that_cannot_show_itself_is_refused() -> None:
    """Twitter's refusals of key and secret without a person are about our application, in every form."""
    for status, code in ((403, 99), (401, 32), (400, 215)):
        with pytest.raises(ApplicationRefused):
            twitter.decipher_application(reply(status, {"errors": [{"code": code}]}), NOON)


def test_googles_limits_are_told_apart() -> None:
    """A 403 of Google's is a limit where it says so, and else a profile that the scopes do not reach."""
    limit = {"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}]}}
    with pytest.raises(RateLimited):
        google.decipher_token_information(reply(403, limit), GOOGLE, NOON)
    with pytest.raises(RateLimited):
        google.decipher_profile(reply(403, {"error": {"status": "RESOURCE_EXHAUSTED"}}), "117")
    assert google.decipher_profile(reply(403, {"error": {"status": "PERMISSION_DENIED"}}), "117") is None


@pytest.mark.parametrize("second", [reply(401, {"error": "x"}), reply(200, {"sub": "118", "name": "Mallory"})])
def test_googles_two_answers_must_agree(second: Reply) -> None:
    """A token that was revoked between two calls, and a profile of somebody else, sign nobody in."""
    credentials = Fixed(Credentials((), google=GOOGLE))
    provider = google.GoogleProvider(
        Replies([reply(200, INFORMATION)]), credentials, FakeClock(), profiles=Replies([second])
    )
    with pytest.raises(RelayRefused):
        provider.identify(TOKEN, DEADLINE)


@pytest.mark.parametrize("second", [reply(400, {"error": {"code": 190}}), reply(200, {**ME, "id": "118"})])
def test_facebooks_two_answers_must_agree(second: Reply) -> None:
    """A token that was revoked between two calls, and a profile of somebody else, sign nobody in."""
    credentials = Fixed(Credentials((), facebook=FACEBOOK))
    send = Replies([reply(200, {"data": INSPECTED}), second])
    with pytest.raises(RelayRefused):
        facebook.FacebookProvider(send, credentials, FakeClock()).identify(TOKEN, DEADLINE)


def test_a_call_does_not_print_what_it_carries() -> None:
    """Promises 26 and 32: no token, secret, proof or signature stands in a call's repr or in its path."""
    calls: list[Call] = [
        google.token_information(TOKEN.value),
        google.profile(TOKEN.value),
        facebook.debug_token(TOKEN.value, FACEBOOK),
        facebook.me(TOKEN.value, FACEBOOK),
        twitter.verify_credentials(TOKEN, TWITTER, twitter.BASE_URL, NOON),
        twitter.application_token(TWITTER),
    ]
    for call in calls:
        assert "canary" not in f"{call}{call.path}"
        assert "canary" not in f"{TOKEN}{FACEBOOK}{TWITTER}"
        assert call.headers["Authorization"] not in repr(call)
        assert "proof" not in repr(call)


def test_the_proof_is_the_documented_one() -> None:
    """Secure Graph API Calls: `appsecret_proof` is the HMAC-SHA256 of the token under the secret, in hex."""
    application = FacebookApplication("1", Secret("key"))
    query = facebook.me(Secret("The quick brown fox jumps over the lazy dog"), application).query
    assert query["appsecret_proof"] == "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    assert query["fields"] == "id,name,email"


def test_the_providers_load_no_library_before_they_are_asked() -> None:
    """Importing the providers loads neither requests nor oauthlib: a session check does not pay for a relay."""
    code = """
import sys
from chalicelib.relay import facebook, google, twitter
print(sorted({"requests", "urllib3", "oauthlib", "requests_oauthlib"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


class Fixed:
    """A secret that does not change."""

    def __init__(self, known: Credentials) -> None:
        self._known = known

    def current(self, deadline: Deadline) -> Credentials:
        return self._known

    def refreshed(self, deadline: Deadline) -> Credentials:
        return self._known


def test_identities_hold_no_token() -> None:
    """Promise 32: what is known about somebody is told without what proved it."""
    credentials = Fixed(Credentials((), twitter=TWITTER))
    provider = twitter.TwitterProvider(Replies([reply(200, USER)]), credentials, twitter.BASE_URL, FakeClock())
    identity = provider.identify(TOKEN, DEADLINE)
    assert identity == Identity("twitter", "117", "alice", "alice@example.org", True, "Alice Archer")
    assert "canary" not in json.dumps(identity.as_plain()) + repr(identity)
