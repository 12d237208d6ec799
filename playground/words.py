"""The words after `python -m playground`: NAME=value, each a setting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from chalicelib.config import Settings
from chalicelib.errors import ConfigurationError
from playground.people import FOREIGN

PORTS_AND_HOST = ("DEMO_PORT", "DEMO_WORKSPACE_PORT", "DEMO_GANTRY_HOST")
Backend = Literal["rest", "mongodb"]
Kind = Literal["login", "iframe"]
CreateTokens = Literal["on", "off"]
Client = Literal["8.6", "7.10", "6.x", "3.x", "1.x", "mobile", "electron"]
STATE_TABLE = "gantry-demo"
_HOSTS = ("localhost", "127.0.0.1")


class _Empty(Mapping[str, str]):
    """An environment in which nothing is set; `asked` keeps what it was asked for, in order."""

    def __init__(self) -> None:
        self.asked: dict[str, None] = {}

    def __getitem__(self, name: str) -> str:
        self.asked[name] = None
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _settings_of_gantry() -> tuple[str, ...]:
    """The names that Gantry reads, in its order: another word would have no effect."""
    environment = _Empty()
    with suppress(ConfigurationError):
        Settings.from_environ(environment)
    return tuple(environment.asked)


GANTRY = _settings_of_gantry()
OWN = ("BACKEND", "KIND", "CREATE_TOKENS", "CLIENT", *PORTS_AND_HOST)


class WordError(ValueError):
    """A word that cannot be used, as one sentence."""


@dataclass(frozen=True)
class Demo:
    """What the words ask for. Port 0 means any free one; `gantry` are Gantry's settings as they were typed.

    `create_tokens` says whether the secret has the workspace's secret for making tokens, `client` whom the workspace's
    page plays until the switch on it says otherwise.
    """

    port: int = 8000
    workspace_port: int = 3000
    gantry_host: str = "localhost"
    gantry: Mapping[str, str] = field(default_factory=dict)
    backend: Backend = "rest"
    kind: Kind = "login"
    create_tokens: CreateTokens = "on"
    client: Client = "8.6"

    @property
    def settings(self) -> dict[str, str]:
        """The settings of Gantry: what the backend and the kind of tokens mean, and whatever was typed wins."""
        directory, source = ("mongodb", "mongodb") if self.backend == "mongodb" else ("rocketchat", "rest")
        settings = {
            "DIRECTORY": directory,
            "TOKEN_SOURCE": source,
            "TOKEN_KIND": self.kind,
            "HANDOFF": "retry" if self.kind == "iframe" else "token",
        }
        if self.gantry.get("DIRECTORY") in FOREIGN or self.gantry.get("RELAY"):
            settings["PROVISION"] = "create"
            if self.backend == "rest":
                settings["STATE_TABLE"] = STATE_TABLE
        return {**settings, **self.gantry}


def read_words(words: Iterable[str], environment: Mapping[str, str]) -> Demo:
    """Understand the command line; ports and host may also come from the environment."""
    own = {name: environment[name] for name in PORTS_AND_HOST if environment.get(name)}
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
    demo = Demo(
        port=_port(own, "DEMO_PORT", 8000),
        workspace_port=_port(own, "DEMO_WORKSPACE_PORT", 3000),
        gantry_host=_one_of(own, "DEMO_GANTRY_HOST", _HOSTS),
        gantry=gantry,
        backend=cast(Backend, _one_of(own, "BACKEND", get_args(Backend))),
        kind=cast(Kind, _one_of(own, "KIND", get_args(Kind))),
        create_tokens=cast(CreateTokens, _one_of(own, "CREATE_TOKENS", get_args(CreateTokens))),
        client=cast(Client, _one_of(own, "CLIENT", get_args(Client))),
    )
    _refuse_without_a_database(demo)
    if demo.gantry.get("RELAY") and demo.backend == "rest" and demo.create_tokens == "off":
        raise WordError("RELAY needs CREATE_TOKENS=on, or BACKEND=mongodb: nobody types a password that makes a token.")
    return demo


def _refuse_without_a_database(demo: Demo) -> None:
    """What only a database can do is refused by name, rather than by every page of a Gantry that has none."""
    if demo.backend == "mongodb":
        return
    typed = {"KIND": demo.kind, **demo.gantry}
    wanting = {"KIND": "iframe", "DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb", "TOKEN_KIND": "iframe"}
    for name, value in wanting.items():
        if typed.get(name) == value:
            raise WordError(f"{name}={value} needs a database: add BACKEND=mongodb.")


def _one_of(own: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = own.get(name, allowed[0])
    if value not in allowed:
        raise WordError(f"{name} must be {' or '.join(allowed)}, not {value!r}.")
    return value


def _port(own: Mapping[str, str], name: str, default: int) -> int:
    text = own.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise WordError(f"{name} must be a port from 0 to 65535, not {text!r}.")
    return int(text)
