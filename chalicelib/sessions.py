"""Sealed texts: the session in its cookie, and the second factor's challenge in its form.

A seal is a Fernet token (github.com/fernet/spec) over a JSON object that names its purpose and has times of our own.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import time
from typing import Any

from chalicelib.credentials import Credentials, CredentialSource
from chalicelib.deadline import Deadline
from chalicelib.errors import ChallengeGone, NotSignedIn, SealExpired, SealRefused, SealUnknown
from chalicelib.model import Challenge, Identity, Session, Token
from chalicelib.secret import Secret

FUTURE_TOLERANCE_SECONDS = 5.0
REREAD_SECONDS = 30.0
"""How often, at most, a seal that no key opens makes a container read the secret anew (promise 34)."""

CHALLENGE_SECONDS = 300
HANDOVER_SECONDS = 600
LONGEST_SEAL = 8192


@dataclass(frozen=True)
class Opened:
    """What was under a seal: its content, and when it was made and ends (seconds since 1970)."""

    content: Mapping[str, Any]
    began: float
    expires: float


class Seals:
    """Seal small JSON objects for one purpose and a time, and open what was sealed here or in a sister container."""

    def __init__(self, keys: CredentialSource, clock: Callable[[], float] = time) -> None:
        self._keys = keys
        self._clock = clock
        self._reread_at = float("-inf")
        self._opener: tuple[Credentials, Any, type[Exception]] | None = None

    def ready(self, deadline: Deadline) -> None:
        """Return when there are keys to seal with; raises `ConfigurationError` or `Unavailable` where not."""
        self._keys.current(deadline)

    def seal(self, purpose: str, content: Mapping[str, Any], began: float, lifetime: float, deadline: Deadline) -> str:
        """Return `content` sealed with the newest key, good from `began` for `lifetime` seconds, for `purpose` only."""
        plain = {"purpose": purpose, "began": began, "expires": began + lifetime, "content": content}
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
        fernet, _ = self._fernet(self._keys.current(deadline))
        sealed: bytes = fernet.encrypt(text.encode())
        return sealed.decode("ascii")

    def open(self, purpose: str, sealed: str, deadline: Deadline) -> Opened:
        """Return what is under `sealed`.

        Raises `SealUnknown` when no key opens it (the keys are read anew first, at most every `REREAD_SECONDS`),
        `SealExpired` when its time is up, `SealRefused` when it was made for another purpose or in the future.
        """
        plain = json.loads(self._decrypt(sealed.encode("utf-8", "surrogatepass"), deadline).decode())
        if plain["purpose"] != purpose:
            raise SealRefused
        now = self._clock()
        if plain["began"] > now + FUTURE_TOLERANCE_SECONDS:
            raise SealRefused
        if now >= plain["expires"]:
            raise SealExpired
        return Opened(plain["content"], plain["began"], plain["expires"])

    def _decrypt(self, sealed: bytes, deadline: Deadline) -> bytes:
        if len(sealed) > LONGEST_SEAL:
            raise SealUnknown(certain=True)
        known = self._keys.current(deadline)
        fernet, invalid = self._fernet(known)
        try:
            return bytes(fernet.decrypt(sealed))
        except invalid:
            if self._clock() - self._reread_at < REREAD_SECONDS:
                raise SealUnknown(certain=False) from None
        self._reread_at = self._clock()
        renewed = self._keys.refreshed(deadline)
        fernet, invalid = self._fernet(renewed)
        try:
            return bytes(fernet.decrypt(sealed))
        except invalid:
            raise SealUnknown(certain=renewed is not known) from None

    def _fernet(self, credentials: Credentials) -> tuple[Any, type[Exception]]:
        """Return what seals and opens with these keys, and what it raises for a seal of none of them."""
        if self._opener is None or self._opener[0] is not credentials:
            from cryptography.fernet import Fernet, InvalidToken, MultiFernet

            # MultiFernet seals with its first key; the list in the secret has the newest last.
            keys = [Fernet(key.reveal()) for key in reversed(credentials.session_keys)]
            self._opener = credentials, MultiFernet(keys), InvalidToken
        return self._opener[1:]


class Sessions:
    """The stateless session: what the cookie holds is all there is."""

    PURPOSE = "session"

    def __init__(self, seals: Seals, lifetime: int, clock: Callable[[], float] = time) -> None:
        self._seals = seals
        self._lifetime = lifetime
        self._clock = clock

    def ready(self, deadline: Deadline) -> None:
        """Return when a session could be started; raises as `Seals.ready`."""
        self._seals.ready(deadline)

    def start(self, account_id: str, token: Token, deadline: Deadline) -> tuple[Session, str]:
        """Return a fresh session and its seal. Its time counts from now and is never renewed.

        With an `iframe` token it is a hand-over, not a session: ten minutes, whatever the settings say.
        """
        began = self._clock()
        lifetime = min(self._lifetime, HANDOVER_SECONDS) if token.kind == "iframe" else self._lifetime
        content: dict[str, Any] = {"account": account_id, "token": token.value.reveal(), "kind": token.kind}
        if token.last_login is not None:
            content["last_login"] = token.last_login
        sealed = self._seals.seal(self.PURPOSE, content, began, lifetime, deadline)
        return Session(account_id, token, began, began + lifetime), sealed

    def open(self, sealed: str, deadline: Deadline) -> Session:
        """Return the session under `sealed`; raises `NotSignedIn` for whatever is not a session, or not any more."""
        try:
            opened = self._seals.open(self.PURPOSE, sealed, deadline)
        except SealUnknown as unknown:
            raise NotSignedIn(certain=unknown.certain) from None
        except SealRefused:
            raise NotSignedIn from None
        content = opened.content
        token = Token(Secret(content["token"]), content["kind"], content.get("last_login"))
        return Session(content["account"], token, opened.began, opened.expires)


class Challenges:
    """The step between a right password and its code: a sealed form field that is good for five minutes."""

    PURPOSE = "second-factor"

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    def issue(self, challenge: Challenge, deadline: Deadline) -> str:
        """Return `challenge` sealed; its five minutes count from when it *began*, however often it is issued."""
        content = {
            "directory": challenge.directory,
            "username": challenge.username,
            "method": challenge.method,
            "memo": dict(challenge.memo),
        }
        if challenge.identity is not None:
            content["identity"] = challenge.identity.as_plain()
        return self._seals.seal(self.PURPOSE, content, challenge.began, CHALLENGE_SECONDS, deadline)

    def open(self, sealed: str, directory: str, deadline: Deadline) -> Challenge:
        """Return the challenge under `sealed`; raises `ChallengeGone` unless it is one of `directory`'s and in time."""
        try:
            opened = self._seals.open(self.PURPOSE, sealed, deadline)
        except SealRefused:
            raise ChallengeGone from None
        content = opened.content
        if content["directory"] != directory:
            raise ChallengeGone
        return Challenge(
            directory=content["directory"],
            username=content["username"],
            method=content["method"],
            began=opened.began,
            memo=dict(content["memo"]),
            identity=Identity(**content["identity"]) if "identity" in content else None,
        )
