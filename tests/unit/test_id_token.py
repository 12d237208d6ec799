"""The ID token: which ones prove who somebody is, and what is read in them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from chalicelib.deadline import Deadline
from chalicelib.directories.id_token import LEEWAY_SECONDS, REFETCH_SECONDS, IdTokens
from chalicelib.errors import Unavailable
from chalicelib.model import Identity
from chalicelib.rocketchat import Call, Reply
from tests.cognito.stub import CLIENT_ID, ISSUER, POOL_ID, id_claims, private_key, public_jwk, signed
from tests.fakes import NOON, FakeClock, reply

DEADLINE = Deadline.after(1e6)
SUB = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


@dataclass
class Keys:
    """The pool's keys, as its endpoint gives them; `failure` is what it gives instead."""

    kids: tuple[str, ...] = ("one",)
    failure: Reply | Unavailable | None = None
    asked: list[tuple[Call, Deadline]] = field(default_factory=list)

    def __call__(self, call: Call, deadline: Deadline) -> Reply:
        self.asked.append((call, deadline))
        if isinstance(self.failure, Unavailable):
            raise self.failure
        return self.failure or reply(200, {"keys": [public_jwk(kid) for kid in self.kids]})


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(keys: Keys, clock: FakeClock) -> IdTokens:
    return IdTokens(ISSUER, keys, POOL_ID, clock)


def identity(tokens: IdTokens, token: str) -> Identity:
    return tokens.identity(token, CLIENT_ID, second_factor=False, deadline=DEADLINE)


def why(tokens: IdTokens, token: str) -> str:
    with pytest.raises(Unavailable) as unavailable:
        identity(tokens, token)
    assert unavailable.value.backend == "cognito"
    assert token[:20] not in str(unavailable.value)
    return unavailable.value.why


def written(header: Mapping[str, object], claims: Mapping[str, object], secret: bytes | None = None) -> str:
    """A token made by hand: with an HMAC over it, or with no signature at all."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    content = b".".join(parts)
    signature = hmac.digest(secret, content, hashlib.sha256) if secret is not None else b""
    return (content + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_a_good_token_says_who_somebody_is(tokens: IdTokens) -> None:
    """Subject, address, name and preferred username are read, and the second factor is what the caller says."""
    claims = {"email": "alice@example.com", "email_verified": True, "name": "Alice", "preferred_username": "al"}
    token = signed(id_claims(NOON, **claims))
    known = Identity(ISSUER, SUB, "al", "alice@example.com", True, "Alice")
    assert identity(tokens, token) == known
    assert tokens.identity(token, CLIENT_ID, second_factor=True, deadline=DEADLINE).second_factor


@pytest.mark.parametrize(
    ("claims", "username"),
    [
        ({"preferred_username": "al"}, "al"),
        ({"preferred_username": ""}, "alice"),
        ({"preferred_username": 7}, "alice"),
        ({"cognito:username": SUB, "email": "alice@example.com"}, SUB),
        ({"cognito:username": None, "email": "alice@example.com"}, SUB),
    ],
)
def test_a_username_is_never_made_of_an_address(tokens: IdTokens, claims: dict[str, Any], username: str) -> None:
    """Promise 37: the username is the preferred one, else the pool's own, and never the local part of an address."""
    assert identity(tokens, signed(id_claims(NOON, **claims))).username == username


@pytest.mark.parametrize(
    ("said", "verified"),
    [
        (True, True),
        ("true", True),
        (False, False),
        ("false", False),
        ("True", False),
        ("1", False),
        (1, False),
        (["true"], False),
        (None, False),
    ],
)
def test_an_address_is_verified_by_true_alone(tokens: IdTokens, said: object, verified: bool) -> None:
    """Promise 37: `email_verified` counts as JSON true or the text "true", and for an address that is there."""
    claims = {"email": "alice@example.com", "email_verified": said}
    assert identity(tokens, signed(id_claims(NOON, **claims))).email_verified is verified
    for none in (None, "", 7):
        nobody = identity(tokens, signed(id_claims(NOON, **{**claims, "email": none})))
        assert (nobody.email, nobody.email_verified) == (None, False)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "another-client"}, "InvalidAudienceError"),
        ({"aud": [CLIENT_ID, "another-client"]}, "InvalidAudienceError"),
        ({"aud": None}, "MissingRequiredClaimError"),
        ({"iss": ISSUER.replace("Stub", "Other")}, "InvalidIssuerError"),
        ({"iss": ISSUER.replace("https", "http")}, "InvalidIssuerError"),
        ({"iss": None}, "MissingRequiredClaimError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"exp": True}, "no time in exp"),
        ({"exp": str(NOON + 3600)}, "no time in exp"),
        ({"exp": float("nan")}, "it has expired"),
        ({"sub": None}, "MissingRequiredClaimError"),
        ({"sub": ""}, "nobody in sub"),
        ({"token_use": "access"}, "it is made for another use"),
        ({"token_use": None}, "MissingRequiredClaimError"),
    ],
)
def test_a_token_for_something_else_proves_nothing(tokens: IdTokens, claims: dict[str, Any], reason: str) -> None:
    """A token of another client, pool, purpose or time is no identity, however well it is signed."""
    assert why(tokens, signed(id_claims(NOON, **claims))) == f"ID token: {reason}"


def test_an_access_token_is_no_id_token(tokens: IdTokens) -> None:
    """An access token of the same pool and client, as Cognito writes it, is no identity."""
    claims = id_claims(NOON, aud=None, token_use="access", client_id=CLIENT_ID, username="alice")
    assert why(tokens, signed(claims)) == "ID token: MissingRequiredClaimError"


def test_a_token_ends_by_our_clock(tokens: IdTokens, clock: FakeClock) -> None:
    """A token is good until `exp` and ten seconds more, for clocks that differ."""
    token = signed(id_claims(NOON))
    assert LEEWAY_SECONDS == 10
    clock.now = NOON + 3600 + LEEWAY_SECONDS - 1
    assert identity(tokens, token).subject == SUB
    clock.now += 1
    assert why(tokens, token) == "ID token: it has expired"


def test_a_token_without_a_signature_proves_nothing(tokens: IdTokens) -> None:
    """The algorithm `none` is none of the pool's."""
    for algorithm in ("none", "None", ""):
        assert "Error" in why(tokens, written({"alg": algorithm, "kid": "one"}, id_claims(NOON)))


def test_the_public_key_is_no_secret_to_sign_with(tokens: IdTokens) -> None:
    """A token that was "signed" by HMAC with the pool's public key proves nothing, in whatever form the key is."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = private_key("one").public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(public_jwk("one")).encode(),
    ):
        token = written({"alg": "HS256", "kid": "one"}, id_claims(NOON), secret)
        assert why(tokens, token) == "ID token: InvalidAlgorithmError"


def test_another_algorithm_with_the_right_key_proves_nothing(tokens: IdTokens) -> None:
    """RS256 is the only algorithm: the right key under another one is refused."""
    token = jwt.encode(id_claims(NOON), private_key("one"), "RS512", headers={"kid": "one"})
    assert why(tokens, token) == "ID token: InvalidAlgorithmError"


def test_a_key_of_the_tokens_own_is_not_believed(tokens: IdTokens) -> None:
    """A token that brings its key along, or is signed by a stranger's under our key's name, proves nothing."""
    headers = {"kid": "one", "jwk": public_jwk("stranger"), "jku": "https://evil.example/jwks.json"}
    token = jwt.encode(id_claims(NOON), private_key("stranger"), "RS256", headers=headers)
    assert why(tokens, token) == "ID token: InvalidSignatureError"


@pytest.mark.parametrize("token", ["", "a.b.c", "ü.b.c", "." * 10, written({"alg": "RS256"}, {})])
def test_what_is_no_token_proves_nothing(keys: Keys, tokens: IdTokens, token: str) -> None:
    """What cannot be read as a token, or names no key, is unavailable without a look at the keys."""
    with pytest.raises(Unavailable):
        identity(tokens, token)
    assert keys.asked == []


def test_the_keys_are_asked_for_once(keys: Keys, tokens: IdTokens, clock: FakeClock) -> None:
    """The pool's keys are fetched at the first token, within the request's deadline, and kept by their names."""
    for _ in range(3):
        identity(tokens, signed(id_claims(clock())))
        clock.now += 1000
    ((call, deadline),) = keys.asked
    assert (call.method, call.path) == ("GET", f"/{POOL_ID}/.well-known/jwks.json")
    assert deadline is DEADLINE


def test_a_new_key_is_fetched_but_not_over_and_over(keys: Keys, tokens: IdTokens, clock: FakeClock) -> None:
    """A key that is not known is looked for anew, at most once in 30 s; what the pool lists then is what counts."""
    identity(tokens, signed(id_claims(NOON)))
    keys.kids = ("two",)
    for _ in range(3):
        assert why(tokens, signed(id_claims(NOON), "two")) == "ID token: its key is none of the pool's"
    assert len(keys.asked) == 1
    clock.now += REFETCH_SECONDS
    assert identity(tokens, signed(id_claims(NOON), "two")).subject == SUB
    assert len(keys.asked) == 2
    # The old key was withdrawn.
    assert why(tokens, signed(id_claims(NOON))) == "ID token: its key is none of the pool's"
    assert len(keys.asked) == 2


@pytest.mark.parametrize(
    "failure",
    [
        reply(404, {}),
        reply(302, {"keys": []}),
        reply(200, b"<html>"),
        reply(200, b"[" * 100_000),
        reply(200, []),
        reply(200, {"keys": 7}),
        reply(200, {"keys": [7]}),
        reply(200, {"keys": [{"kty": "RSA", "kid": "one", "n": "!", "e": "AQAB"}]}),
        reply(200, {"keys": [{"kty": "RSA", "kid": ["one"], "n": "AQAB", "e": "AQAB"}]}),
    ],
)
def test_keys_that_cannot_be_had_are_asked_for_again(keys: Keys, tokens: IdTokens, failure: Reply) -> None:
    """Promise 35: while the pool's keys cannot be had sign-in is unavailable; the next sign-in asks again."""
    keys.failure = failure
    assert why(tokens, signed(id_claims(NOON))).startswith("keys: ")
    keys.failure = Unavailable("cognito", "deadline")
    assert why(tokens, signed(id_claims(NOON))) == "deadline"
    keys.failure = None
    assert identity(tokens, signed(id_claims(NOON))).subject == SUB


def test_a_failed_look_for_a_new_key_keeps_the_old_ones(keys: Keys, tokens: IdTokens, clock: FakeClock) -> None:
    """A key set that cannot be fetched anew leaves the one that is there."""
    identity(tokens, signed(id_claims(NOON)))
    clock.now += REFETCH_SECONDS
    keys.failure = reply(503)
    assert why(tokens, signed(id_claims(NOON), "two")) == "keys: status 503"
    assert identity(tokens, signed(id_claims(NOON))).subject == SUB


def test_keys_for_something_else_are_left_out(keys: Keys, tokens: IdTokens) -> None:
    """A key set may list keys of other kinds, and keys without a name: they are no matter."""
    elliptic = {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "AA", "y": "AA"}
    nameless = {name: value for name, value in public_jwk("one").items() if name != "kid"}
    keys.failure = reply(200, {"keys": [elliptic, nameless, public_jwk("one")]})
    assert identity(tokens, signed(id_claims(NOON))).subject == SUB
