"""The session keys in the secret, rotated as `python -m admin rotate-key` does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any


class SessionKeys:
    """Reads and writes one secret; `connect` makes boto3's client for Secrets Manager, when it is first needed."""

    def __init__(self, connect: Callable[[], Any], secret_id: str) -> None:
        self._connect = connect
        self._secret_id = secret_id
        self._before: list[str] = []

    def rotate(self) -> None:
        """Put a new key behind the others: it seals from now on, and all of them open."""
        from cryptography.fernet import Fernet

        self._before = self._read()["session_keys"]
        self._write([*self._before, Fernet.generate_key().decode()])

    def take_back(self) -> None:
        """Restore the keys that there were; what the new one has sealed opens no longer."""
        self._write(self._before)

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def _read(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._client.get_secret_value(SecretId=self._secret_id)["SecretString"])
        return content

    def _write(self, keys: list[str]) -> None:
        content = json.dumps({**self._read(), "session_keys": keys})
        self._client.put_secret_value(SecretId=self._secret_id, SecretString=content)
