"""AWS Secrets Manager, asked with the standard library: one signed request for the secret's text.

A boto3 client costs a cold start more than all the rest of a session check. `GetSecretValue` is the one call that every
function with a session makes before it can answer, so it alone is made here; whatever else AWS does goes through boto3.
"""

import json
import os
import ssl
from collections.abc import Callable, Mapping
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import gmtime, strftime, time
from typing import Any
from urllib.parse import SplitResult, urlsplit

from chalicelib.config import origin_of
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem, Unavailable
from chalicelib.secret import Secret
from chalicelib.signature import AccessKey, signed

BACKEND = "secret"
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
LONGEST_ANSWER = 1 << 20
"""A secret has 65,536 bytes at most (Secrets Manager quotas), which JSON may write six times as long."""

ENDPOINTS = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL")
"""Where the address is taken from if not from the region: the service's own first (AWS SDKs and Tools Reference Guide,
"Service-specific endpoints")."""

_DOMAINS = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
"""The partitions that do not lie under `amazonaws.com`, by the first word of their regions; other than these two and
GovCloud are not on the public internet, and are reached by a setting of `ENDPOINTS`."""


class SecretsManager:
    """Fetch one secret by its name or ARN (`secretsmanager:GetSecretValue`).

    Keys, region and address come from `environ`, as Lambda sets them (Lambda Developer Guide, "Defined runtime
    environment variables"). Where it has no keys or no region (a function restored from a snapshot, somebody's own
    machine), botocore finds them as it always does. `clock` gives seconds since 1970.
    """

    def __init__(
        self, secret_id: str, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time
    ) -> None:
        self._secret_id = secret_id
        self._environ = environ
        self._clock = clock

    def fetch(self, deadline: Deadline) -> str:
        """Return the current `SecretString`, within `deadline`.

        Raises `ConfigurationError` when the secret does not exist, may not be read or has no text, `Unavailable` for
        all else (AWS API reference, GetSecretValue, section "Errors").
        """
        region = self._region()
        status, answer = self._exchange(region, self._address(region), deadline)
        try:
            content = json.loads(answer)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise Unavailable(BACKEND, f"status {status} without a JSON object")
        if status != 200:
            raise _refusal(status, content)
        text = content.get("SecretString")
        if not isinstance(text, str):
            raise ConfigurationError((Problem("SECRET_ID", "the secret is binary", "Store it as a JSON text"),))
        return text

    def _exchange(self, region: str, address: SplitResult, deadline: Deadline) -> tuple[int, bytes]:
        path = address.path or "/"
        body = json.dumps({"SecretId": self._secret_id}).encode()
        headers = {
            "Host": address.netloc,
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "secretsmanager.GetSecretValue",
        }
        at = strftime("%Y%m%dT%H%M%SZ", gmtime(self._clock()))
        headers = signed("POST", path, headers, body, self._key(), region, "secretsmanager", at)
        # A connection for each fetch: it is made once in the cache's minutes, and a function sleeps in between.
        connection = self._connection(address, deadline.timeout(CONNECT_SECONDS, BACKEND))
        try:
            connection.connect()
            # The connection lets go of it with the answer's head where that is the last one.
            wire = connection.sock
            wire.settimeout(deadline.timeout(READ_SECONDS, BACKEND))
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            # Read in pieces as they come: a time-out alone would let a dripping answer outlast the deadline.
            # Python 3.13 closes the connection with the last piece, versions before it when there is none any more.
            answer = bytearray()
            while not response.isclosed():
                wire.settimeout(deadline.timeout(READ_SECONDS, BACKEND))
                piece = response.read1(65536)
                if not piece:
                    break
                answer += piece
                if len(answer) > LONGEST_ANSWER:
                    raise Unavailable(BACKEND, "answer too long")
            if response.length:
                raise Unavailable(BACKEND, "answer cut off")
            return response.status, bytes(answer)
        except (OSError, HTTPException) as error:
            raise Unavailable(BACKEND, type(error).__name__) from None
        finally:
            connection.close()

    def _connection(self, address: SplitResult, timeout: float) -> HTTPConnection:
        if address.scheme == "http":
            return HTTPConnection(address.netloc, timeout=timeout)
        return HTTPSConnection(address.netloc, timeout=timeout, context=self._trust)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _address(self, region: str) -> SplitResult:
        """Return where the service answers. Raises `ConfigurationError` for an address that keys may not be sent to."""
        for name in ENDPOINTS:
            if self._environ.get(name):
                url = self._environ[name].rstrip("/")
                try:
                    return urlsplit(origin_of(url) + urlsplit(url).path)
                except ValueError:
                    what = "it is not a usable https address (http is accepted for localhost only)"
                    raise ConfigurationError((Problem(name, what, "Write it like https://…, or remove it"),)) from None
        domain = _DOMAINS.get(region.partition("-")[0], "amazonaws.com")
        return urlsplit(f"https://secretsmanager.{region}.{domain}")

    def _region(self) -> str:
        region = self._environ.get("AWS_DEFAULT_REGION") or self._found(
            lambda: self._elsewhere.get_config_variable("region")
        )
        if not region:
            raise Unavailable(BACKEND, "no region is configured")
        return str(region)

    def _key(self) -> AccessKey:
        key_id, secret = self._environ.get("AWS_ACCESS_KEY_ID"), self._environ.get("AWS_SECRET_ACCESS_KEY")
        token = self._environ.get("AWS_SESSION_TOKEN")
        if not key_id or not secret:
            lent = self._found(self._lent)
            if lent is None:
                raise Unavailable(BACKEND, "no AWS credentials are configured")
            key_id, secret, token = lent.access_key, lent.secret_key, lent.token
        return AccessKey(key_id, Secret(secret), Secret(token) if token else None)

    def _lent(self) -> Any:
        found = self._elsewhere.get_credentials()
        return found.get_frozen_credentials() if found is not None else None

    def _found(self, look: Callable[[], Any]) -> Any:
        """Return what botocore finds. Raises `Unavailable` where it cannot even look."""
        from botocore.exceptions import BotoCoreError

        try:
            return look()
        except BotoCoreError as error:
            raise Unavailable(BACKEND, type(error).__name__) from None

    @cached_property
    def _elsewhere(self) -> Any:
        """botocore's session, which looks into profiles and asks the container's or the machine's own service."""
        from botocore.session import Session

        return Session()


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


def _refusal(status: int, content: Mapping[str, Any]) -> ConfigurationError | Unavailable:
    # The type may stand behind a namespace (Smithy, AWS JSON 1.1 protocol, "Operation error serialization").
    named = content.get("__type")
    code = named.rpartition("#")[2].partition(":")[0] if isinstance(named, str) else ""
    if code in _PERMANENT:
        return ConfigurationError((Problem("SECRET_ID", *_PERMANENT[code]),))
    return Unavailable(BACKEND, code if code.isalnum() and code.isascii() and len(code) <= 64 else f"status {status}")
