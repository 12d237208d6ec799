"""What the administrator sets in the environment of the function.

It is checked as a whole. Every problem is reported at once, by its key and with its remedy, never with a value.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, cast
from urllib.parse import urlsplit

from chalicelib import colour
from chalicelib.errors import ConfigurationError, Problem
from chalicelib.model import Limits, TokenKind

DirectoryName = Literal["rocketchat", "mongodb", "users", "cognito"]
Policy = Literal["honour", "totp", "skip"]
Provision = Literal["off", "create", "register"]
LinkBy = Literal["email", "username"]

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+")
_URL = re.compile(r"[A-Za-z0-9:/.\[\]%_~@!$&()*+,;=-]+")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_PROVIDERS = ("facebook", "google", "twitter")
LANGUAGES = ("en", "pt-BR", "de", "es", "fr")
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
    """The look of the pages. `languages` are what they can be in, the one for everybody else first."""

    name: str
    help_url: str | None = None
    logo_url: str | None = None
    color: str | None = None
    languages: tuple[str, ...] = LANGUAGES


@dataclass(frozen=True)
class Settings:
    """The environment, understood. Made by `from_environ` alone."""

    rocketchat_url: str
    origins: tuple[str, ...]
    frame_ancestors: tuple[str, ...]
    secret_id: str
    directory: DirectoryName
    token_source: Literal["rest", "mongodb"]
    token_kind: TokenKind
    workspace_2fa: Policy
    provision: Provision
    link_by: LinkBy
    relay: tuple[str, ...]
    state_table: str
    limits: Limits
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
            directory=cast(DirectoryName, reader.choice("DIRECTORY", "rocketchat", "mongodb", "users", "cognito")),
            token_source=cast(Literal["rest", "mongodb"], reader.choice("TOKEN_SOURCE", "rest", "mongodb")),
            token_kind=cast(TokenKind, reader.choice("TOKEN_KIND", "login", "iframe")),
            workspace_2fa=cast(Policy, reader.choice("WORKSPACE_2FA", "honour", "totp", "skip")),
            provision=cast(Provision, reader.choice("PROVISION", "off", "create", "register")),
            link_by=cast(LinkBy, reader.choice("LINK_BY", "email", "username")),
            relay=reader.read("RELAY", _providers, none),
            state_table=reader.read("STATE_TABLE", _table, ""),
            limits=Limits(
                name_after=reader.read("BAN_NAME_AFTER", _budget, 5),
                address_after=reader.read("BAN_ADDRESS_AFTER", _budget, 20),
                window=reader.number("BAN_WINDOW_SECONDS", 300, 1, 86_400),
                ban=reader.number("BAN_SECONDS", 600, 1, 86_400),
            ),
            handoff=cast(Literal["token", "retry"], reader.choice("HANDOFF", "token", "retry")),
            cookie_site=cast(Literal["cross", "same"], reader.choice("COOKIE_SITE", "cross", "same")),
            session_seconds=reader.number("SESSION_HOURS", 168, 1, 2160) * 3600,
            brand=Brand(
                name=reader.read("BRAND_NAME", _text, ""),
                help_url=reader.read("HELP_URL", _https_url, None),
                logo_url=reader.read("BRAND_LOGO_URL", _picture, None),
                color=reader.read("BRAND_COLOR", _colour, None),
                languages=reader.read("LANGUAGES", _languages, LANGUAGES),
            ),
            log_level=reader.choice("LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR"),
        )
        reader.problems.extend(settings._contradictions())
        if reader.problems:
            raise ConfigurationError(tuple(reader.problems), framing)
        return settings

    def _contradictions(self) -> Iterator[Problem]:
        if self.token_source == "rest" and self.token_kind == "iframe":
            yield Problem("TOKEN_KIND", "iframe tokens are written into MongoDB", "Set TOKEN_SOURCE to mongodb")
        if self.token_source == "rest" and "facebook" in self.relay and not self.keeps_links:
            # Facebook's addresses count as unverified, so nothing but a link finds the account again.
            yield Problem("STATE_TABLE", "RELAY has facebook, and there is no place for links", "Name a DynamoDB table")

    @property
    def uses_mongodb(self) -> bool:
        """Whether the secret must hold `mongodb_uri`."""
        return "mongodb" in (self.directory, self.token_source)

    @property
    def keeps_links(self) -> bool:
        """Whether there is a place for links and attempts."""
        return self.uses_mongodb or bool(self.state_table)

    @property
    def is_foreign(self) -> bool:
        """Whether the directory knows people and not their accounts, which are then found, linked or made."""
        return self.directory in ("users", "cognito")

    @property
    def knows_foreigners(self) -> bool:
        """Whether anybody is known elsewhere than in the workspace: to such a directory, or to one of `RELAY`."""
        return self.is_foreign or bool(self.relay)

    @property
    def workspace_host(self) -> str:
        """Return the workspace's host and port, as people know it."""
        return urlsplit(self.rocketchat_url).netloc

    @property
    def workspace_name(self) -> str:
        """Return what the pages call the workspace: its brand, else its host."""
        return self.brand.name or self.workspace_host


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

    def number(self, key: str, default: int, least: int, most: int) -> int:
        def parse(value: str) -> int:
            if not (value.isascii() and value.isdigit()) or not least <= int(value) <= most:
                raise _Unusable(
                    f"it is not a whole number from {least} to {most}", f"Set it to {default}, or remove it"
                )
            return int(value)

        return self.read(key, parse, default)

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


def _picture(value: str) -> str:
    url = _https_url(value)
    parts = urlsplit(url)
    # A Content-Security-Policy takes a path with a slash at its end for all that lies below it.
    if parts.scheme != "https" or parts.path.endswith("/") or not parts.path:
        raise _Unusable("it is not the https address of one picture", "Write it like https://example.com/logo.svg")
    return origin_of(url) + parts.path


def _colour(value: str) -> str:
    try:
        colour.theme(value)
    except ValueError as refused:
        raise _Unusable(str(refused), "Write it like #1d4fd8, and take a darker or a lighter shade") from None
    return value.lower()


def _languages(value: str) -> tuple[str, ...]:
    known = {tag.lower(): tag for tag in LANGUAGES}
    named = tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))
    if not named or not set(named) <= set(known):
        raise _Unusable("it names no language, or one that is not known", "List any of " + ",".join(LANGUAGES))
    return tuple(known[tag] for tag in named)


def _budget(value: str) -> int:
    # A password whose code is due uses up one attempt, the code another.
    if not (value.isascii() and value.isdigit()) or not (int(value) == 0 or 2 <= int(value) <= 1000):
        raise _Unusable("it is not 0 or a whole number from 2 to 1000", "Set it to 0 to switch it off, or to 2 or more")
    return int(value)


def _providers(value: str) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not set(named) <= set(_PROVIDERS):
        raise _Unusable("it names a provider that is not known", "List any of facebook,google,twitter")
    return named


def _table(value: str) -> str:
    if not _TABLE.fullmatch(value):
        raise _Unusable("it is not the name of a DynamoDB table", "Write its name alone, without the ARN")
    return value
