"""What the administrator sets: the environment of the function, and the secret.

Both are checked as a whole. Every problem is reported at once, by its key and with its remedy, never with a value.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem
from chalicelib.model import TokenKind
from chalicelib.secret import Secret

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+")
_URL = re.compile(r"[A-Za-z0-9:/.\[\]%_~@!$&()*+,;=-]+")
_MONGODB_URI = re.compile(r"mongodb(\+srv)?://[^/\s]")
_PORTS = {"https": 443, "http": 80}
_T = TypeVar("_T")


def origin_of(url: str) -> str:
    """Return the origin of `url` as a browser writes it: scheme, host in lower case, the port unless it is the usual.

    Raises `ValueError` for what has no origin that Gantry would trust: another scheme than https (http for loopback
    hosts only), credentials, a host that is not a plain name or address, a port out of range. RFC 6454 section 6.2.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if not _HOST.fullmatch(host) or parts.username is not None or parts.password is not None:
        raise ValueError("not an address")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        raise ValueError("not https")
    port = parts.port
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, _PORTS[parts.scheme]) else "")


@dataclass(frozen=True)
class Brand:
    """The look of the pages."""

    name: str
    help_url: str | None = None


@dataclass(frozen=True)
class Settings:
    """The environment, understood. Made by `from_environ` alone."""

    rocketchat_url: str
    origins: tuple[str, ...]
    frame_ancestors: tuple[str, ...]
    secret_id: str
    directory: Literal["rocketchat", "mongodb"]
    token_source: Literal["rest", "mongodb"]
    token_kind: TokenKind
    workspace_2fa: Literal["honour", "totp", "skip"]
    handoff: Literal["token", "retry"]
    cookie_site: Literal["cross", "same"]
    session_seconds: int
    brand: Brand
    log_level: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings from `environ` (of the function's stage; every value a string).

        Raises `ConfigurationError` with all problems at once.
        """
        reader = _Reader(environ)
        workspace = reader.required("ROCKETCHAT_URL", _workspace, "Set it to the workspace's address, https://…")
        origin = origin_of(workspace) if workspace else ""
        none: tuple[str, ...] = ()
        others = reader.read("ALLOWED_ORIGINS", _origins, none)
        ancestors = reader.read("FRAME_ANCESTORS", _origins, none)
        origins = tuple(dict.fromkeys((origin, *others))) if origin else others
        framing = tuple(dict.fromkeys((*origins, *ancestors)))
        settings = cls(
            rocketchat_url=workspace or "",
            origins=origins,
            frame_ancestors=framing,
            secret_id=reader.required("SECRET_ID", _text, "Set it to the name or ARN of the secret") or "",
            directory=cast(Literal["rocketchat", "mongodb"], reader.choice("DIRECTORY", "rocketchat", "mongodb")),
            token_source=cast(Literal["rest", "mongodb"], reader.choice("TOKEN_SOURCE", "rest", "mongodb")),
            token_kind=cast(TokenKind, reader.choice("TOKEN_KIND", "login", "iframe")),
            workspace_2fa=cast(
                Literal["honour", "totp", "skip"], reader.choice("WORKSPACE_2FA", "honour", "totp", "skip")
            ),
            handoff=cast(Literal["token", "retry"], reader.choice("HANDOFF", "token", "retry")),
            cookie_site=cast(Literal["cross", "same"], reader.choice("COOKIE_SITE", "cross", "same")),
            session_seconds=reader.read("SESSION_HOURS", _hours, 168) * 3600,
            brand=Brand(
                name=reader.read("BRAND_NAME", _text, ""),
                help_url=reader.read("HELP_URL", _https_url, None),
            ),
            log_level=reader.choice("LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR"),
        )
        reader.problems.extend(settings._contradictions())
        if reader.problems:
            raise ConfigurationError(tuple(reader.problems), framing)
        return settings

    def _contradictions(self) -> Iterator[Problem]:
        if self.token_source == "rest":
            if self.directory == "mongodb":
                yield Problem("TOKEN_SOURCE", "with DIRECTORY=mongodb it cannot be rest", "Set it to mongodb")
            if self.token_kind == "iframe":
                yield Problem("TOKEN_KIND", "iframe tokens are written into MongoDB", "Set TOKEN_SOURCE to mongodb")

    @property
    def uses_mongodb(self) -> bool:
        """Whether the secret must hold `mongodb_uri`."""
        return self.token_source == "mongodb"

    @property
    def workspace_host(self) -> str:
        """Return the workspace's host and port, as people know it."""
        return urlsplit(self.rocketchat_url).netloc

    @property
    def workspace_name(self) -> str:
        """Return what the pages call the workspace: its brand, else its host."""
        return self.brand.name or self.workspace_host


@dataclass(frozen=True)
class Credentials:
    """The secret, understood. `session_keys` are Fernet keys, oldest first: the last one seals, all of them open."""

    session_keys: tuple[Secret, ...]
    mongodb_uri: Secret | None = None

    @classmethod
    def from_json(cls, text: str, *, mongodb: bool = False) -> "Credentials":
        """Read the secret's JSON object; with `mongodb` it must hold `mongodb_uri`.

        Raises `ConfigurationError` with all problems at once, never with a value.
        """
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise ConfigurationError(
                (Problem("SECRET_ID", "the secret is not a JSON object", 'Store {"session_keys": […]} in it'),)
            )
        problems = [*_key_problems(content.get("session_keys"))]
        uri = content.get("mongodb_uri")
        if mongodb and not (isinstance(uri, str) and _MONGODB_URI.match(uri)):
            what = "this is no MongoDB address" if uri else "the secret has none, and TOKEN_SOURCE is mongodb"
            problems.append(Problem("mongodb_uri", what, "Write mongodb+srv://user:password@host/rocketchat"))
        if problems:
            raise ConfigurationError(tuple(problems))
        return cls(
            session_keys=tuple(Secret(key) for key in content["session_keys"]),
            mongodb_uri=Secret(uri) if mongodb and isinstance(uri, str) else None,
        )


def _key_problems(keys: object) -> Iterator[Problem]:
    if not isinstance(keys, list) or not keys:
        yield Problem("session_keys", "the secret has no list of keys under this name", _KEY_REMEDY)
        return
    for position, key in enumerate(keys):
        if not _is_fernet_key(key):
            yield Problem(f"session_keys[{position}]", "this is not a Fernet key", _KEY_REMEDY)


class CredentialSource(Protocol):
    """Where the credentials come from: what they open (seals, the database) tells when to read them anew."""

    def current(self, deadline: Deadline) -> Credentials:
        """Return the credentials that are known here."""

    def refreshed(self, deadline: Deadline) -> Credentials:
        """Return the credentials read anew; the same object as before where that failed."""


_KEY_REMEDY = (
    "Add one made by: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)


class _Reader:
    """Read one setting after the other and keep what is wrong with each."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._environ = environ

    def read(self, key: str, parse: Callable[[str], _T], default: _T) -> _T:
        value = self._environ.get(key, "").strip()
        if not value:
            return default
        try:
            return parse(value)
        except _Unusable as unusable:
            self.problems.append(Problem(key, unusable.what, unusable.remedy))
            return default

    def required(self, key: str, parse: Callable[[str], _T], remedy: str) -> _T | None:
        if not self._environ.get(key, "").strip():
            self.problems.append(Problem(key, "it is not set", remedy))
            return None
        return self.read(key, lambda value: cast("_T | None", parse(value)), None)

    def choice(self, key: str, *allowed: str) -> str:
        def parse(value: str) -> str:
            if value not in allowed:
                raise _Unusable("this value is not known", "Set it to " + " or ".join(allowed))
            return value

        return self.read(key, parse, allowed[0])


class _Unusable(Exception):
    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def _text(value: str) -> str:
    if len(value) > 512 or not value.isprintable():
        raise _Unusable("it is too long or has control characters", "Shorten it to 512 printable characters")
    return value


def _workspace(value: str) -> str:
    url = _https_url(value)
    return url.rstrip("/")


def _https_url(value: str) -> str:
    try:
        origin_of(value)
    except ValueError:
        raise _Unusable(
            "it is not a usable https address (http is accepted for localhost only)",
            "Write it like https://chat.example.com",
        ) from None
    parts = urlsplit(value)
    if parts.query or parts.fragment or not _URL.fullmatch(value):
        raise _Unusable(
            "it has a query, a fragment or characters that have no place in it",
            "Write it like https://chat.example.com",
        )
    return value


def _origins(value: str) -> tuple[str, ...]:
    origins = []
    for item in filter(None, (part.strip() for part in value.split(","))):
        url = _https_url(item)
        if urlsplit(url).path not in ("", "/"):
            raise _Unusable(
                "an entry has a path", "List origins only: https://chat.example.com,https://chat.example.org"
            )
        origins.append(origin_of(url))
    return tuple(origins)


def _hours(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or not 1 <= int(value) <= 2160:
        raise _Unusable("it is not a whole number of hours from 1 to 2160", "Set it to 168 for a week")
    return int(value)


def _is_fernet_key(key: object) -> bool:
    if not isinstance(key, str):
        return False
    try:
        return len(base64.urlsafe_b64decode(key.encode("ascii"))) == 32
    except (binascii.Error, ValueError):
        return False
