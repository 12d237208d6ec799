"""A user pool for tests that refuses what Amazon Cognito refuses, written from its API reference and developer guide.

    with CognitoStub() as cognito:                 # AWS_ENDPOINT_URL = cognito.url
        cognito.people["alice"] = Person("password", factors=("SOFTWARE_TOKEN_MFA",))
        cognito.refuse("InitiateAuth", "TooManyRequestsException")   # the next one
        cognito.forge = lambda token: other        # what the next ID tokens are instead

It speaks the JSON protocol (`X-Amz-Target`) for the two calls that need no credentials, and serves the pool's keys.
moto's imitation is the other one: it lets pass what this one refuses (wrong hashes, sessions that ended), and has no
e-mail codes.
"""

import base64
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from chalicelib.credentials import Credentials, UserPool
from chalicelib.deadline import Deadline
from chalicelib.secret import Secret
from tests.fakes import FakeClock, fernet_key

POOL_ID = "eu-central-1_Stub12345"
CLIENT_ID = "1example23456789"
CLIENT_SECRET = "canary-client-secret"
ISSUER = f"https://cognito-idp.eu-central-1.amazonaws.com/{POOL_ID}"
CODE = "246810"
SESSION_SECONDS = 180
FREE_FAILURES = 5


@cache
def private_key(kid: str) -> rsa.RSAPrivateKey:
    """The key of that name, made once a run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(kid: str) -> dict[str, Any]:
    """The public half of a key, as a pool lists it."""
    plain: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private_key(kid).public_key()))
    return {**plain, "kid": kid, "alg": "RS256", "use": "sig"}


def id_claims(now: float, **claims: Any) -> dict[str, Any]:
    """The claims of an ID token as the pool makes it; a None among `claims` leaves one out."""
    plain = {
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "token_use": "id",
        "cognito:username": "alice",
        "iat": int(now),
        "auth_time": int(now),
        "exp": int(now) + 3600,
        **claims,
    }
    return {name: value for name, value in plain.items() if value is not None}


def signed(claims: dict[str, Any], kid: str = "one") -> str:
    """A token with these claims, signed by the pool's key of that name."""
    return jwt.encode(claims, private_key(kid), "RS256", headers={"kid": kid})


def secret_hash(username: str, secret: str = CLIENT_SECRET) -> str:
    """`SECRET_HASH`, by the words of the developer guide: HMAC-SHA256 over username and client id, in base64."""
    digest = hmac.new(secret.encode(), f"{username}{CLIENT_ID}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


@dataclass
class Person:
    """Somebody in the pool; `status` is `UserStatus`, `factors` are the challenges that the password leads to."""

    password: str
    claims: dict[str, Any] = field(default_factory=dict)
    factors: tuple[str, ...] = ()
    status: str = "CONFIRMED"
    enabled: bool = True
    sub: str = field(default_factory=lambda: str(uuid.uuid4()))
    aliases: tuple[str, ...] = ()
    failures: int = 0


@dataclass
class Session:
    """Where a sign-in stands: good for one challenge, for a while, and used up by a right answer."""

    username: str
    challenge: str
    began: float
    used: bool = False


class Refused(Exception):
    """An error of Cognito's."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.body = {"__type": code, "message": message}
        self.status = status


@dataclass
class Asked:
    """A call that arrived."""

    operation: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class KnownSecret:
    """Where the directory has its credentials from; `renewed` is what a second look finds."""

    now: UserPool | None
    renewed: UserPool | None = None
    reads: int = 0
    session_key: Secret = field(default_factory=lambda: Secret(fernet_key()))

    def current(self, deadline: Deadline) -> Credentials:
        return Credentials((self.session_key,), user_pool=self.now)

    def refreshed(self, deadline: Deadline) -> Credentials:
        self.reads += 1
        self.now = self.renewed or self.now
        return self.current(deadline)


class CognitoStub:
    """The pool, its app client and its people; `asked` and `key_fetches` tell what was asked of it."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.clock = FakeClock()
        self.people: dict[str, Person] = {}
        self.secret: str | None = None
        self.prevent_existence_errors = True
        self.password_flow = True
        self.keys = ["one"]
        self.sessions: dict[str, Session] = {}
        self.asked: list[Asked] = []
        self.tokens: list[str] = []
        self.key_fetches = 0
        self.forge: Callable[[str], str] = lambda token: token
        self._refusals: list[tuple[str, Refused]] = []

    def __enter__(self) -> "CognitoStub":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def refuse(self, operation: str, code: str, message: str = "", status: int = 400) -> None:
        """Answer the next call of `operation` with this error."""
        self._refusals.append((operation, Refused(code, message, status)))

    def calls(self, operation: str) -> list[Asked]:
        """The calls of one operation, in their order."""
        return [each for each in self.asked if each.operation == operation]

    def answer(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """Do what the API reference says of `operation`."""
        for position, (name, refused) in enumerate(self._refusals):
            if name == operation:
                del self._refusals[position]
                raise refused
        if body["ClientId"] != CLIENT_ID:
            raise Refused("ResourceNotFoundException", f"User pool client {body['ClientId']} does not exist.")
        return self._initiate(body) if operation == "InitiateAuth" else self._respond(body)

    def _initiate(self, body: dict[str, Any]) -> dict[str, Any]:
        given = body["AuthParameters"]
        if body["AuthFlow"] != "USER_PASSWORD_AUTH" or not self.password_flow:
            raise Refused("InvalidParameterException", f"{body['AuthFlow']} flow not enabled for this client")
        username = given["USERNAME"]
        self._check_hash(username, given)
        name = self._name_of(username)
        if name is None:
            if self.prevent_existence_errors:
                raise Refused("NotAuthorizedException", "Incorrect username or password.")
            raise Refused("UserNotFoundException", "User does not exist.")
        person = self.people[name]
        if person.status == "UNCONFIRMED":
            raise Refused("UserNotConfirmedException", "User is not confirmed.")
        if person.status == "RESET_REQUIRED":
            raise Refused("PasswordResetRequiredException", "Password reset required for the user")
        if person.failures > FREE_FAILURES:
            raise Refused("NotAuthorizedException", "Password attempts exceeded")
        if given["PASSWORD"] != person.password:
            person.failures += 1
            raise Refused("NotAuthorizedException", "Incorrect username or password.")
        if not person.enabled:
            raise Refused("NotAuthorizedException", "User is disabled.")
        if person.status == "FORCE_CHANGE_PASSWORD":
            return self._challenge(name, "NEW_PASSWORD_REQUIRED")
        if not person.factors:
            return self._signed_in(name)
        return self._challenge(name, person.factors[0] if len(person.factors) == 1 else "SELECT_MFA_TYPE")

    def _respond(self, body: dict[str, Any]) -> dict[str, Any]:
        given = body["ChallengeResponses"]
        session = self.sessions.get(body["Session"])
        if session is None or session.challenge != body["ChallengeName"]:
            raise Refused("NotAuthorizedException", "Invalid session for the user.")
        if session.used:
            raise Refused("NotAuthorizedException", "Invalid session for the user, session can only be used once.")
        if self.clock() - session.began >= SESSION_SECONDS:
            raise Refused("NotAuthorizedException", "Invalid session for the user, session is expired.")
        if given.get("USERNAME") != session.username:
            # "You must use the username and not an alias" (RespondToAuthChallenge).
            raise Refused("NotAuthorizedException", "Invalid session for the user.")
        self._check_hash(session.username, given)
        person = self.people[session.username]
        if session.challenge == "SELECT_MFA_TYPE":
            if given.get("ANSWER") not in person.factors:
                raise Refused("InvalidParameterException", "Invalid ANSWER")
            session.used = True
            return self._challenge(session.username, given["ANSWER"])
        code = given.get(f"{session.challenge}_CODE", "")
        if not code.isdigit() or len(code) != len(CODE):
            raise Refused("InvalidParameterException", "1 validation error detected: Value at 'userCode' failed")
        if code != CODE:
            raise Refused("CodeMismatchException", "Invalid code received for user")
        session.used = True
        return self._signed_in(session.username)

    def _check_hash(self, username: str, given: dict[str, str]) -> None:
        if self.secret is None:
            return
        if "SECRET_HASH" not in given:
            message = f"Client {CLIENT_ID} is configured with secret but SECRET_HASH was not received"
            raise Refused("NotAuthorizedException", message)
        if given["SECRET_HASH"] != secret_hash(username, self.secret):
            raise Refused("NotAuthorizedException", f"Unable to verify secret hash for client {CLIENT_ID}")

    def _name_of(self, username: str) -> str | None:
        names = (name for name, person in self.people.items() if username in (name, *person.aliases))
        return next(names, None)

    def _challenge(self, name: str, challenge: str) -> dict[str, Any]:
        session = f"AYABe{uuid.uuid4().hex}-canary-session"
        self.sessions[session] = Session(name, challenge, self.clock())
        parameters = {"USER_ID_FOR_SRP": name}
        if challenge == "SELECT_MFA_TYPE":
            parameters["MFAS_CAN_CHOOSE"] = json.dumps(self.people[name].factors)
        if challenge in ("SMS_MFA", "EMAIL_OTP"):
            parameters["CODE_DELIVERY_DESTINATION"] = "+*******1234" if challenge == "SMS_MFA" else "a***@e***"
        return {"ChallengeName": challenge, "ChallengeParameters": parameters, "Session": session}

    def _signed_in(self, name: str) -> dict[str, Any]:
        person = self.people[name]
        person.failures = 0
        claims = id_claims(self.clock(), **{"sub": person.sub, "cognito:username": name, **person.claims})
        token = self.forge(signed(claims, self.keys[0]))
        self.tokens.append(token)
        result = {"IdToken": token, "AccessToken": "canary-access", "RefreshToken": "canary-refresh"}
        return {"ChallengeParameters": {}, "AuthenticationResult": {**result, "ExpiresIn": 3600, "TokenType": "Bearer"}}


def _handler(stub: CognitoStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].removeprefix("AWSCognitoIdentityProviderService.")
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            stub.asked.append(Asked(operation, body, {name.lower(): value for name, value in self.headers.items()}))
            try:
                self._send(200, stub.answer(operation, body))
            except Refused as refused:
                self._send(refused.status, refused.body)

        def do_GET(self) -> None:
            if self.path != f"/{POOL_ID}/.well-known/jwks.json":
                self._send(404, {})
                return
            stub.key_fetches += 1
            self._send(200, {"keys": [public_jwk(kid) for kid in stub.keys]})

        def _send(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests look at the calls themselves."""

    return Handler
