"""The words after `python -m playground`: NAME=value, each a setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

OWN = ("DEMO_PORT", "DEMO_WORKSPACE_PORT", "DEMO_GANTRY_HOST")
GANTRY = (
    "ROCKETCHAT_URL",
    "ALLOWED_ORIGINS",
    "FRAME_ANCESTORS",
    "SECRET_ID",
    "DIRECTORY",
    "TOKEN_SOURCE",
    "TOKEN_KIND",
    "HANDOFF",
    "PROVISION",
    "LINK_BY",
    "WORKSPACE_2FA",
    "RELAY",
    "STATE_TABLE",
    "BAN_NAME_AFTER",
    "BAN_ADDRESS_AFTER",
    "BAN_WINDOW_SECONDS",
    "BAN_SECONDS",
    "COOKIE_SITE",
    "SESSION_HOURS",
    "BRAND_NAME",
    "BRAND_LOGO_URL",
    "BRAND_COLOR",
    "HELP_URL",
    "LANGUAGES",
    "LOG_LEVEL",
)
_HOSTS = ("localhost", "127.0.0.1")


class WordError(ValueError):
    """A word that cannot be used, as one sentence."""


@dataclass(frozen=True)
class Demo:
    """What the words ask for. Port 0 means any free one; `gantry` goes to Gantry's environment."""

    port: int = 8000
    workspace_port: int = 3000
    gantry_host: str = "localhost"
    gantry: Mapping[str, str] = field(default_factory=dict)


def read_words(words: Iterable[str], environment: Mapping[str, str]) -> Demo:
    """Understand the command line; the playground's own settings may also come from the environment."""
    own = {name: environment[name] for name in OWN if environment.get(name)}
    gantry = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in OWN:
            own[name] = value
        elif equals and name in GANTRY:
            gantry[name] = value
        else:
            raise WordError(
                f"{word!r} is no setting of the playground: NAME=value with one of {', '.join(OWN + GANTRY)}."
            )
    host = own.get("DEMO_GANTRY_HOST", _HOSTS[0])
    if host not in _HOSTS:
        raise WordError(f"DEMO_GANTRY_HOST must be {' or '.join(_HOSTS)}, not {host!r}.")
    return Demo(_port(own, "DEMO_PORT", 8000), _port(own, "DEMO_WORKSPACE_PORT", 3000), host, gantry)


def _port(own: Mapping[str, str], name: str, default: int) -> int:
    text = own.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise WordError(f"{name} must be a port from 0 to 65535, not {text!r}.")
    return int(text)
