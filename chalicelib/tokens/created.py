"""Native login tokens that the service account has the workspace make for others: `users.createToken`."""

from collections.abc import Callable
from contextlib import suppress
from time import sleep, time

from chalicelib import rocketchat, rocketchat_users
from chalicelib.config import Policy
from chalicelib.credentials import CredentialSource, ServiceAccount
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    AccountDeactivated,
    ConfigurationError,
    GantryError,
    Problem,
    SecondFactorUnserved,
    SignInRefused,
    Unauthorized,
    Unavailable,
)
from chalicelib.model import Account, Identity, Session, Token
from chalicelib.rocketchat import BACKEND, CallRefused
from chalicelib.secret import Secret
from chalicelib.service import Service
from chalicelib.tokens.rest import RestTokens

PAUSE_SECONDS = 1.0
LEAST_SECONDS = 2.0
"""What must be left of a request after the pause: the token is still to be made and looked at."""

SECRET = "rocketchat_create_token_secret"  # noqa: S105 - a key of the secret
NOT_AUTHORIZED = "error-not-authorized"
NOBODY = "error-invalid-user"


class CreatedTokens(RestTokens):
    """Tokens for people whom a directory outside the workspace vouches for; asked after and ended as any other.

    Such a token skips the account's second factor, which nobody has asked for (promise 39): the account is asked with
    the token itself whether it has TOTP, and the token is ended where it has, or where that cannot be known. `policy`
    is `WORKSPACE_2FA`.
    """

    def __init__(
        self,
        send: rocketchat.Send,
        service: Service,
        credentials: CredentialSource,
        clock: Callable[[], float] = time,
        *,
        policy: Policy = "honour",
        pause: Callable[[float], object] = sleep,
    ) -> None:
        super().__init__(send, clock)
        self._service = service
        self._credentials = credentials
        self._policy = policy
        self._pause = pause

    def issue(self, account: Account, identity: Identity, deadline: Deadline) -> Token:
        """Return the token that came with the login, else a new one.

        Raises `SecondFactorUnserved` for an account with TOTP, unless the directory checked a second factor or the
        policy is `skip`, `AccountDeactivated`, `ConfigurationError` where the workspace makes no tokens with what is in
        the secret, and `Unavailable`.
        """
        if identity.login is not None:
            return identity.login
        token = self._made(account, deadline)
        if self._policy == "skip" or identity.second_factor:
            return token
        try:
            self._refuse_second_factor(account, token, deadline)
        except GantryError:
            # Nobody has the token, whether or not the workspace could be told that it is over.
            with suppress(GantryError):
                self.revoke(Session(account.id, token, 0.0, 0.0), deadline)
            raise
        return token

    def _made(self, account: Account, deadline: Deadline) -> Token:
        def build(service: ServiceAccount) -> rocketchat.Call:
            # Read at each call: it may have been rotated together with the service account's token.
            return rocketchat_users.create_token(service, account.id, self._secret(deadline))

        try:
            content = self._service.call(build, deadline)
        except CallRefused as refused:
            self._before_another(refused, deadline)
            try:
                content = self._service.call(build, deadline)
            except CallRefused as again:
                raise _meaning(again) from None
        match content.get("data"):
            case {"userId": account.id, "authToken": str(value)} if rocketchat.is_credential(value):
                return Token(Secret(value))
            case _:
                raise Unavailable(BACKEND, "users.createToken answered in an unknown shape")

    def _before_another(self, refused: CallRefused, deadline: Deadline) -> None:
        """Do what may make the next call succeed; raise what `refused` means where nothing can.

        7.13 refuses an account that has never logged in at its first call, which stores a token all the same, and not
        at the next, a second later. A refused authority may be a secret that has been rotated (promise 34).
        """
        if refused.error_type == NOBODY:
            raise _meaning(refused)
        if refused.error_type == NOT_AUTHORIZED:
            known = self._secret(deadline)
            self._credentials.refreshed(deadline)
            if self._secret(deadline) == known:
                raise _meaning(refused)
            return
        if deadline.remaining() < PAUSE_SECONDS + LEAST_SECONDS:
            raise refused
        self._pause(PAUSE_SECONDS)

    def _secret(self, deadline: Deadline) -> Secret:
        secret = self._credentials.current(deadline).create_token_secret
        if secret is None:
            what = "the secret has none, and tokens are made with it"
            raise ConfigurationError((Problem(SECRET, what, _REMEDY),))
        return secret

    def _refuse_second_factor(self, account: Account, token: Token, deadline: Deadline) -> None:
        call = rocketchat.me(account.id, token.value)
        try:
            content = rocketchat.decipher(self._send(call, deadline), self._clock())
        except (Unauthorized, SignInRefused):
            raise Unavailable(BACKEND, "it does not accept a token that it has just made") from None
        match content:
            case {"_id": account.id}:
                pass
            case _:
                raise Unavailable(BACKEND, "me answered in an unknown shape")
        if content.get("active") is False:
            raise AccountDeactivated
        match content.get("services"):
            case {"totp": {"enabled": True}}:
                raise SecondFactorUnserved


_REMEDY = (
    "Store the workspace's CREATE_TOKENS_FOR_USERS_SECRET, or the empty string for 6.x and 7.x started with "
    "CREATE_TOKENS_FOR_USERS=true, and give the service account the permission user-generate-access-token"
)


def _meaning(refused: CallRefused) -> GantryError:
    if refused.error_type == NOBODY:
        return refused
    return ConfigurationError((Problem(SECRET, f"the workspace makes no token with it ({refused.word})", _REMEDY),))
