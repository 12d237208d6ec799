"""The secret: fetched from AWS Secrets Manager, understood once, kept for a while.

`SecretsManager` is the only place that knows how a secret is fetched.
"""

from collections.abc import Callable
from time import time
from typing import Protocol

from chalicelib.config import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, GantryError, Problem, Unavailable
from chalicelib.log import Journal

TTL_SECONDS = 300.0
RETRY_SECONDS = 30.0
"""How long a kept secret serves on after a refresh has failed, before the next one is tried."""

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0


class SecretStore(Protocol):
    """Where the secret is kept."""

    def fetch(self, deadline: Deadline) -> str:
        """Return the secret's text. Raises `Unavailable`, or `ConfigurationError` where an administrator must help."""


class SecretsManager:
    """AWS Secrets Manager through boto3 (`secretsmanager:GetSecretValue`)."""

    def __init__(self, secret_id: str) -> None:
        self._secret_id = secret_id

    def fetch(self, deadline: Deadline) -> str:
        """Return the current `SecretString`, within `deadline`.

        Raises `ConfigurationError` when the secret does not exist, may not be read or has no text, `Unavailable` for
        all else (AWS API reference, GetSecretValue, section "Errors").
        """
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        # A client is made for each fetch, so that its time-outs are those of this request's deadline. The secret is
        # fetched once in `TTL_SECONDS`.
        connect = deadline.timeout(CONNECT_SECONDS, "secret")
        config = Config(
            connect_timeout=connect,
            read_timeout=max(min(READ_SECONDS, deadline.remaining() - connect), 0.1),
            retries={"total_max_attempts": 1},
        )
        try:
            client = boto3.session.Session().client("secretsmanager", config=config)
            text: str | None = client.get_secret_value(SecretId=self._secret_id).get("SecretString")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _PERMANENT:
                raise ConfigurationError((Problem("SECRET_ID", *_PERMANENT[code]),)) from None
            raise Unavailable("secret", code or "ClientError") from None
        except BotoCoreError as error:
            raise Unavailable("secret", type(error).__name__) from None
        if text is None:
            raise ConfigurationError((Problem("SECRET_ID", "the secret is binary", "Store it as a JSON text"),))
        return text


_PERMANENT = {
    "ResourceNotFoundException": (
        "there is no such secret in this account and region",
        "Create it, or mend the name or ARN",
    ),
    "AccessDeniedException": (
        "the function may not read the secret",
        "Allow secretsmanager:GetSecretValue on the secret's full ARN in .chalice/policy-<stage>.json and deploy",
    ),
}


class CredentialCache:
    """Credentials for a container: read when first needed, after `TTL_SECONDS`, and whenever a caller doubts them.

    A refresh that fails keeps what is there (promise 34): a rotation that goes wrong, or an AWS that does not answer,
    signs nobody out.
    """

    def __init__(
        self,
        store: SecretStore,
        journal: Journal,
        clock: Callable[[], float] = time,
        understand: Callable[[str], Credentials] = Credentials.from_json,
    ) -> None:
        self._store = store
        self._understand = understand
        self._journal = journal
        self._clock = clock
        self._kept: Credentials | None = None
        self._due = 0.0

    def current(self, deadline: Deadline) -> Credentials:
        """Return the credentials, fetched again where their time is up.

        Raises `ConfigurationError` or `Unavailable` when there are none yet and none can be had.
        """
        if self._kept is not None and self._clock() < self._due:
            return self._kept
        return self.refreshed(deadline)

    def refreshed(self, deadline: Deadline) -> Credentials:
        """Return the credentials as they are now, or the kept ones where they cannot be read; raises as `current`."""
        try:
            self._kept = self._understand(self._store.fetch(deadline))
            self._due = self._clock() + TTL_SECONDS
        except GantryError as error:
            if isinstance(error, ConfigurationError):
                self._journal.problems(error)
            if self._kept is None:
                raise
            self._journal.event("secret_kept", reason=error.reason)
            self._due = self._clock() + RETRY_SECONDS
        return self._kept
