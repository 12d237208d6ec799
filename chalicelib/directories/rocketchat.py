"""The workspace itself as the directory: passwords and second factors are Rocket.Chat's, asked over its REST API."""

from collections.abc import Callable, Mapping
from time import time

from chalicelib import rocketchat
from chalicelib.deadline import Deadline
from chalicelib.directories import LONGEST_PASSWORD_BYTES
from chalicelib.errors import SecondFactorRequired, Unauthorized, WrongCredentials
from chalicelib.model import Account, Caller, Challenge, Identity, Token
from chalicelib.secret import Secret


def _nobody(deadline: Deadline) -> Mapping[str, str]:
    return {}


class RocketChatDirectory:
    """Verify people by `POST login`, which also makes the token that they are given."""

    name = "rocketchat"

    def __init__(
        self,
        send: rocketchat.Send,
        issuer: str,
        clock: Callable[[], float] = time,
        service: Callable[[Deadline], Mapping[str, str]] = _nobody,
    ) -> None:
        """Ask at `send`. `service` gives the headers of a service account, which the workspace's rate limit exempts."""
        self._send = send
        self._issuer = issuer
        self._clock = clock
        self._service = service

    def authenticate(self, username: str, password: Secret, caller: Caller) -> Identity:
        """Return who `username` (or e-mail address) with `password` is.

        Raises `WrongCredentials`, `SecondFactorRequired` (its memo holds the password: the code goes with a second
        `POST login`), any other `SignInRefused` of the workspace's, and `Unavailable`.
        """
        if len(password.reveal().encode()) > LONGEST_PASSWORD_BYTES:
            raise WrongCredentials
        try:
            return self._login(username, password, caller)
        except SecondFactorRequired as required:
            due = required
        # Rocket.Chat sends no e-mail code while one runs or ran out less than five minutes ago. In the second case that
        # code is gone by the time it says so, and one more call sends a new one.
        if due.sent is False and due.expires is not None and due.expires <= self._clock():
            try:
                return self._login(username, password, caller)
            except SecondFactorRequired as required:
                due = required
        due.memo["password"] = password.reveal()
        raise due

    def answer(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Return who answered `challenge` with `code`; raises as `authenticate`, and `WrongCode` or `TooManyCodes`."""
        password = Secret(challenge.memo["password"])
        try:
            return self._login(challenge.username, password, caller, code)
        except SecondFactorRequired as required:
            required.memo["password"] = password.reveal()
            raise

    def _login(self, username: str, password: Secret, caller: Caller, code: str | None = None) -> Identity:
        call = rocketchat.login(username, password, caller.address, code, self._service(caller.deadline))
        try:
            login = rocketchat.decipher_login(self._send(call, caller.deadline), self._clock())
        except Unauthorized:
            raise WrongCredentials from None
        return Identity(
            issuer=self._issuer,
            subject=login.user_id,
            username=login.username,
            email=login.email,
            email_verified=login.email_verified,
            name=login.name,
            second_factor=code is not None,
            account=Account(login.user_id),
            login=Token(login.token),
        )
