"""AWS: one way to call a service, and the secret, understood once and kept for a while.

How it is fetched is known to `chalicelib.secrets_manager` alone.
"""

import logging
from collections.abc import Callable
from threading import Lock
from time import time
from typing import Any, Protocol

from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, GantryError, Unavailable
from chalicelib.log import Journal
from chalicelib.people import weak_hashes

TTL_SECONDS = 300.0
RETRY_SECONDS = 30.0
"""How long a kept secret serves on after a refresh has failed, before the next one is tried."""

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0


class AwsRefusal(Unavailable):
    """A service of AWS answered with an error: its code, and its message, which is not for the log.

    Where nobody knows what the code means, the service is of no use: hence the base class.
    """

    def __init__(self, backend: str, code: str, message: str) -> None:
        super().__init__(backend, code)
        self.code = code
        self.message = message


class AwsService:
    """Call one service of AWS through boto3, over one client a container, which is made at the first call.

    `backend` is the service's name in the log. Without `signed` the calls carry no credentials: those of Cognito that
    anybody may make. boto3 reads `AWS_ENDPOINT_URL` and its kind from the environment by itself.
    """

    def __init__(self, service: str, backend: str, *, region: str | None = None, signed: bool = True) -> None:
        self._service = service
        self._backend = backend
        self._region = region
        self._signed = signed
        self._lock = Lock()
        self._client: Any = None

    def call(self, operation: str, deadline: Deadline, **parameters: Any) -> dict[str, Any]:
        """Return what `operation` (boto3's name of the method) answers.

        The client's time-outs are fixed: where less than their sum is left, no call is begun. Raises `AwsRefusal` for
        an answer that is an error, and `Unavailable` where there is none, or where AWS says that the fault is its own.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        if deadline.remaining() < CONNECT_SECONDS + READ_SECONDS:
            raise Unavailable(self._backend, "deadline")
        try:
            answer: dict[str, Any] = getattr(self.client(), operation)(**parameters)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            known = error.response.get("Error", {})
            code = str(known.get("Code") or "ClientError")
            if status >= 500:
                raise Unavailable(self._backend, code) from None
            raise AwsRefusal(self._backend, code, str(known.get("Message") or "")) from None
        except BotoCoreError as error:
            raise Unavailable(self._backend, type(error).__name__) from None
        return answer

    def client(self) -> Any:
        """Return boto3's client."""
        with self._lock:
            if self._client is None:
                import boto3
                from botocore import UNSIGNED
                from botocore.config import Config

                config = Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"total_max_attempts": 1},
                    signature_version=None if self._signed else UNSIGNED,
                )
                session: Any = boto3.session.Session()
                self._client = session.client(self._service, region_name=self._region, config=config)
            return self._client

    def close(self) -> None:
        """Close the client's connections; the next call makes another client."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


class SecretStore(Protocol):
    """Where the secret is kept."""

    def fetch(self, deadline: Deadline) -> str:
        """Return the secret's text. Raises `Unavailable`, or `ConfigurationError` where an administrator must help."""


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
        self._weak: tuple[str, ...] = ()
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
            self._report_weak(self._kept)
        except GantryError as error:
            if self._kept is None:
                raise
            if isinstance(error, ConfigurationError):
                self._journal.problems(error)
            self._journal.event("secret_kept", reason=error.reason)
            self._due = self._clock() + RETRY_SECONDS
        return self._kept

    def _report_weak(self, credentials: Credentials) -> None:
        """Log whose hash was made with less than is asked of new ones: once, and again when that changes."""
        weak = weak_hashes(credentials.people)
        if weak and weak != self._weak:
            self._journal.event("weak_hash", level=logging.WARNING, keys=list(weak))
        self._weak = weak
