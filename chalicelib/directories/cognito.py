"""An Amazon Cognito user pool as the directory: passwords and second factors are the pool's, asked over its public API.

What Cognito tells before it has seen a right password, and what is made of it (promise 2):
- An unknown user is told as such where the app client's `PreventUserExistenceErrors` is `LEGACY`, the default of the
  API (Cognito Developer Guide, "Managing user existence error responses"): a wrong password here.
- `UserNotConfirmedException` comes whatever the password is; AWS says that this is meant
  (github.com/amazon-archives/amazon-cognito-identity-js/issues/288, github.com/aws/aws-sdk-js/issues/4608).
- `PasswordResetRequiredException` too: a reset deactivates the password, so there is no right one (API reference,
  AdminResetUserPassword).
- "User is disabled." was documented to need a right password where user existence errors are prevented (same guide, in
  2020); the guide says nothing of `LEGACY`.

So these four give the page of a wrong password, with a reason of their own in the log. `NEW_PASSWORD_REQUIRED`,
`MFA_SETUP` and all other challenges come after a right password and are explained, as is whatever is told in answer to
a code.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import time
from typing import Any

from chalicelib.aws import AwsRefusal, AwsService
from chalicelib.credentials import CredentialSource, UserPool
from chalicelib.deadline import Deadline
from chalicelib.directories.id_token import BACKEND, IdTokens
from chalicelib.errors import (
    ChallengeGone,
    ConfigurationError,
    DisabledInDirectory,
    EnrolmentDue,
    GantryError,
    LockedUnsaid,
    NewPasswordDue,
    PasswordResetDue,
    PasswordResetUnsaid,
    Problem,
    RateLimited,
    SecondFactorRequired,
    TooManyCodes,
    Unavailable,
    Unconfirmed,
    UnconfirmedUnsaid,
    UnknownSecondFactor,
    WrongCode,
    WrongCredentials,
)
from chalicelib.model import Caller, Challenge, Identity
from chalicelib.secret import Secret

LONGEST_PASSWORD = 256
"""Characters in a password of Cognito's (API reference, PasswordType); a longer one is nobody's.

In UTF-8 they are `LONGEST_PASSWORD_BYTES` at most (promise 4).
"""

METHODS = {"SOFTWARE_TOKEN_MFA": "app", "EMAIL_OTP": "email", "EMAIL_MFA": "email", "SMS_MFA": "sms"}
"""The challenges that a code answers, best first: the order in which `SELECT_MFA_TYPE` is answered.

The API reference names e-mail both ways; whichever is offered is what is answered.
"""

_NO_CLIENT = Problem(
    "cognito.client_id",
    "Cognito knows no such app client in the pool's region",
    "Copy the app client's id from the user pool's page",
)
_CLIENT_SECRET = Problem(
    "cognito.client_secret",
    "the app client refuses it, or wants one, or has none",
    "Store the secret that the app client's page shows, or remove it where there is none",
)
_FLOW = Problem(
    "cognito",
    "the app client does not allow USER_PASSWORD_AUTH",
    "Switch on sign in with username and password (ALLOW_USER_PASSWORD_AUTH) for the app client",
)
_POOL = Problem(
    "cognito",
    "the user pool is set up so that nobody can sign in this way",
    "Look at the user pool's settings: its region, its feature plan and its Lambda triggers",
)

_BUSY = {
    "LimitExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_MISCONFIGURED = {
    "FeatureUnavailableInTierException": _POOL,
    "InvalidUserPoolConfigurationException": _POOL,
    "OperationNotEnabledException": _POOL,
    "UnsupportedOperationException": _FLOW,
}
_NO_SUCH_FACTOR = {"MFAMethodNotFoundException", "SoftwareTokenMFANotFoundException"}
_ABOUT_SECRET = re.compile(r"secret.?hash|configured (with|for) secret|client secret", re.IGNORECASE)
_ABOUT_FLOW = re.compile(r"flow not enabled|auth method not supported|auth flow not", re.IGNORECASE)


@dataclass(frozen=True)
class _Pool:
    """What a container keeps for one user pool."""

    id: str
    service: AwsService
    tokens: IdTokens


class CognitoDirectory:
    """Verify people by a user pool: `InitiateAuth` with `USER_PASSWORD_AUTH`, then the ID token that it gives.

    The pool is the one in the secret. Where Cognito refuses the app client or its secret, the secret is read anew once
    and the call repeated once (promise 34). `clock` gives seconds since 1970.
    """

    name = "cognito"

    def __init__(self, credentials: CredentialSource, clock: Callable[[], float] = time) -> None:
        self._credentials = credentials
        self._clock = clock
        self._kept: _Pool | None = None

    def authenticate(self, username: str, password: Secret, caller: Caller) -> Identity:
        """Return who `username` (or what else the pool takes for one) with `password` is.

        Raises `WrongCredentials`, `SecondFactorRequired` (its memo holds Cognito's session), `NewPasswordDue`,
        `EnrolmentDue`, `UnknownSecondFactor`, `RateLimited`, `Unavailable` and `ConfigurationError`.

        Cognito locks a user after five failures, for a second that doubles with each further one up to a quarter of an
        hour (Cognito Developer Guide, "Lockout behavior for failed sign-in attempts"). Whether it locks names that
        nobody has is not documented, so that is answered like a wrong password too.
        """
        typed = password.reveal()
        if not 0 < len(typed) <= LONGEST_PASSWORD:
            raise WrongCredentials

        def parameters(pool: UserPool) -> dict[str, Any]:
            known = {"USERNAME": username, "PASSWORD": typed, **_secret_hash(pool, username)}
            return {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": pool.client_id, "AuthParameters": known}

        try:
            pool, answer = self._call("initiate_auth", parameters, caller.deadline)
        except AwsRefusal as refusal:
            raise _of_password(refusal) from None
        return self._understood(pool, answer, username, caller.deadline, second_factor=False)

    def answer(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Return who answered `challenge` with `code`; raises as `authenticate`, and what a code can be refused for.

        After `WrongCode` the same challenge may be answered again: a refusal of Cognito's brings no new session (the
        shape of `CodeMismatchException` in the API reference has a message alone), and AWS's own clients keep the one
        that they have (github.com/aws-amplify/amplify-swift/pull/2617). A session ends with the app client's
        `AuthSessionValidity`, 3 minutes unless changed: `ChallengeGone`.
        """
        memo, name = challenge.memo, challenge.memo["challenge"]
        try:
            pool, answer = self._respond(name, memo["session"], memo["user"], {f"{name}_CODE": code}, caller.deadline)
        except AwsRefusal as refusal:
            raise _of_code(refusal, challenge.method) from None
        return self._understood(pool, answer, memo["user"], caller.deadline, second_factor=True)

    def close(self) -> None:
        """Close the connections to Cognito; the next call opens others."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.service.close()

    def _understood(
        self, pool: UserPool, answer: Mapping[str, Any], user: str, deadline: Deadline, *, second_factor: bool
    ) -> Identity:
        """Return the identity in `answer`, or raise the challenge that is in it. `user` is who was named last."""
        if answer.get("ChallengeName") == "SELECT_MFA_TYPE":
            user = _user_of(answer, user)
            try:
                pool, answer = self._respond(
                    "SELECT_MFA_TYPE", answer.get("Session", ""), user, {"ANSWER": _choice(answer)}, deadline
                )
            except AwsRefusal as refusal:
                refused = _of_code(refusal, "")
                raise UnknownSecondFactor if isinstance(refused, WrongCode) else refused from None
        if "ChallengeName" in answer:
            raise _of_challenge(answer, user)
        token = answer.get("AuthenticationResult", {}).get("IdToken")
        if not token:
            raise Unavailable(BACKEND, "neither a challenge nor an ID token")
        tokens = self._at(pool).tokens
        return tokens.identity(token, pool.client_id, second_factor=second_factor, deadline=deadline)

    def _respond(
        self, name: str, session: str, user: str, responses: Mapping[str, str], deadline: Deadline
    ) -> tuple[UserPool, Mapping[str, Any]]:
        def parameters(pool: UserPool) -> dict[str, Any]:
            known = {"USERNAME": user, **responses, **_secret_hash(pool, user)}
            return {
                "ClientId": pool.client_id,
                "ChallengeName": name,
                "Session": session,
                "ChallengeResponses": known,
            }

        return self._call("respond_to_auth_challenge", parameters, deadline)

    def _call(
        self, operation: str, parameters: Callable[[UserPool], dict[str, Any]], deadline: Deadline
    ) -> tuple[UserPool, Mapping[str, Any]]:
        """Return the pool that was asked, and its answer; the secret is read anew where it refuses the app client.

        Raises `AwsRefusal` for what else it refuses, `ConfigurationError` where the app client is refused for good.
        """
        pool = self._pool(self._credentials.current(deadline).user_pool)
        try:
            return pool, self._at(pool).service.call(operation, deadline, **parameters(pool))
        except AwsRefusal as refusal:
            problem = _about_client(refusal, operation)
            if problem is None:
                raise
        renewed = self._pool(self._credentials.refreshed(deadline).user_pool)
        if renewed != pool:
            try:
                return renewed, self._at(renewed).service.call(operation, deadline, **parameters(renewed))
            except AwsRefusal as refusal:
                problem = _about_client(refusal, operation)
                if problem is None:
                    raise
        raise ConfigurationError((problem,))

    def _pool(self, pool: UserPool | None) -> UserPool:
        if pool is None:
            raise ConfigurationError((Problem("cognito", "the secret has no user pool", "Store one under this key"),))
        return pool

    def _at(self, pool: UserPool) -> _Pool:
        """Return what is kept for `pool`, made where the secret did not name it before."""
        kept = self._kept
        if kept is None or kept.id != pool.id:
            from chalicelib.transport import HttpTransport

            self.close()
            service = AwsService("cognito-idp", BACKEND, region=pool.region, signed=False)
            # Where AWS_ENDPOINT_URL leads the calls, the keys are too; who issues the tokens is another matter.
            endpoint = str(service.client().meta.endpoint_url).rstrip("/")
            issuer = f"https://cognito-idp.{pool.region}.amazonaws.com/{pool.id}"
            send = HttpTransport(endpoint, BACKEND, self._clock)
            self._kept = kept = _Pool(pool.id, service, IdTokens(issuer, send, pool.id, self._clock))
        return kept


def _secret_hash(pool: UserPool, username: str) -> dict[str, str]:
    """Return the proof that we know the app client's secret, where it has one.

    Cognito Developer Guide, "Computing secret hash values".
    """
    if pool.client_secret is None:
        return {}
    key, message = pool.client_secret.reveal().encode(), (username + pool.client_id).encode()
    return {"SECRET_HASH": base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()}


def _user_of(answer: Mapping[str, Any], user: str) -> str:
    """Return the name by which Cognito wants to hear of `user` again: never an alias (API reference, InitiateAuth)."""
    parameters = answer.get("ChallengeParameters") or {}
    return parameters.get("USER_ID_FOR_SRP") or parameters.get("USERNAME") or user


def _choice(answer: Mapping[str, Any]) -> str:
    """Return which of the second factors that `SELECT_MFA_TYPE` offers is asked for."""
    try:
        offered = json.loads((answer.get("ChallengeParameters") or {}).get("MFAS_CAN_CHOOSE", ""))
    except ValueError:
        offered = None
    best = next((name for name in METHODS if isinstance(offered, list) and name in offered), None)
    if best is None:
        raise UnknownSecondFactor
    return best


def _of_challenge(answer: Mapping[str, Any], user: str) -> GantryError:
    """Return what a challenge means that Cognito put up after a right password."""
    name = answer["ChallengeName"]
    if name == "NEW_PASSWORD_REQUIRED":
        return NewPasswordDue()
    if name == "MFA_SETUP":
        return EnrolmentDue()
    method = METHODS.get(name)
    if method is None:
        return UnknownSecondFactor()
    session = answer.get("Session")
    if not session:
        return Unavailable(BACKEND, "a challenge without a session")
    memo = {"session": session, "challenge": name, "user": _user_of(answer, user)}
    destination = (answer.get("ChallengeParameters") or {}).get("CODE_DELIVERY_DESTINATION")
    if destination:
        memo["destination"] = destination
    return SecondFactorRequired(method, memo, sent=True if method in ("email", "sms") else None)


def _about_client(refusal: AwsRefusal, operation: str) -> Problem | None:
    """Return the problem with the app client that `refusal` is about, None where it is about a person."""
    if refusal.code in ("NotAuthorizedException", "InvalidParameterException"):
        return _CLIENT_SECRET if _ABOUT_SECRET.search(refusal.message) else None
    # An app client that is gone by the time of the code leaves nothing to answer; starting over says what is wrong.
    missing = refusal.code == "ResourceNotFoundException" and operation == "initiate_auth"
    return _NO_CLIENT if missing else None


def _of_password(refusal: AwsRefusal) -> GantryError:
    """Return what a refusal of `InitiateAuth` means."""
    code, message = refusal.code, refusal.message
    if code == "NotAuthorizedException":
        if "attempts exceeded" in message:
            return LockedUnsaid()
        return DisabledInDirectory() if "disabled" in message else WrongCredentials()
    if code == "InvalidParameterException":
        # Else it is a name or a password that cannot be anybody's.
        return ConfigurationError((_FLOW,)) if _ABOUT_FLOW.search(message) else WrongCredentials()
    if code == "UserNotConfirmedException":
        return UnconfirmedUnsaid()
    if code == "PasswordResetRequiredException":
        return PasswordResetUnsaid()
    if code in ("UserNotFoundException", "UserLambdaValidationException"):
        return WrongCredentials()
    if code == "TooManyFailedAttemptsException":
        return LockedUnsaid()
    return _of_any(code)


def _of_code(refusal: AwsRefusal, method: str) -> GantryError:
    """Return what a refusal of `RespondToAuthChallenge` means, which comes after a right password."""
    code, message = refusal.code, refusal.message
    if code == "NotAuthorizedException":
        if "attempts exceeded" in message:
            return TooManyCodes()
        return DisabledInDirectory() if "disabled" in message else ChallengeGone()
    if code in ("CodeMismatchException", "InvalidParameterException"):
        return WrongCode()
    if code == "ExpiredCodeException":
        # An app has another code in a moment; one that was sent is good for as long as its session (Cognito Developer
        # Guide, "SMS and email message MFA"), and nothing but a new sign-in sends another.
        return WrongCode() if method == "app" else ChallengeGone()
    if code == "UserNotConfirmedException":
        return Unconfirmed()
    if code == "PasswordResetRequiredException":
        return PasswordResetDue()
    if code in ("ResourceNotFoundException", "UserNotFoundException"):
        return ChallengeGone()
    if code == "UserLambdaValidationException":
        return WrongCredentials()
    if code == "TooManyFailedAttemptsException":
        return TooManyCodes()
    if code in _NO_SUCH_FACTOR:
        return UnknownSecondFactor()
    return _of_any(code)


def _of_any(code: str) -> GantryError:
    """Return what an error means that has nothing to do with the person."""
    if code in _BUSY:
        return RateLimited(BACKEND, code)
    if code in _MISCONFIGURED:
        return ConfigurationError((_MISCONFIGURED[code],))
    return Unavailable(BACKEND, code)
