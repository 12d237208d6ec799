"""The page on settings is the code: names, defaults, allowed values, and the keys of the secret."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from admin.deployment import SETTINGS
from chalicelib import credentials
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import ConfigurationError, Problem
from tests.docs.pages import DOCS, PAGES, ident, rows, section, spans

PAGE = DOCS / "settings.md"
NEEDED = {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "gantry/prod", "TOKEN_SOURCE": "mongodb"}
NONE = "none"


def _table(heading: str) -> dict[str, list[str]]:
    return {cells[0].strip("`"): cells[1:] for cells in rows(section(PAGE, heading))}


DOCUMENTED = _table("## Settings")


def _settings(**changes: str) -> Settings:
    return Settings.from_environ({**NEEDED, **changes})


def _problem(name: str, value: str) -> Problem:
    with pytest.raises(ConfigurationError) as caught:
        _settings(**{name: value})
    [problem] = [problem for problem in caught.value.problems if problem.key == name]
    return problem


def _listed(name: str) -> list[str]:
    return re.findall(r"`([^`]+)`", DOCUMENTED[name][1])


def test_the_settings_are_those_that_are_read() -> None:
    """Every setting that the code reads has its row, and no other is promised."""
    assert sorted(DOCUMENTED) == sorted(SETTINGS)


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if name not in NEEDED])
def test_the_default_is_the_default(name: str) -> None:
    """With the default that the page shows, everything is as it is without the setting."""
    default = DOCUMENTED[name][0]
    shown = "" if default == NONE else default.strip("`")
    assert _settings(**{name: shown}) == _settings()


def test_the_default_of_the_token_source_is_the_default() -> None:
    """Without `TOKEN_SOURCE` tokens come from where the page says."""
    assert _settings(TOKEN_SOURCE="").token_source == DOCUMENTED["TOKEN_SOURCE"][0].strip("`")


@pytest.mark.parametrize("name", ["ROCKETCHAT_URL", "SECRET_ID"])
def test_what_is_required_is_required(name: str) -> None:
    """Without a setting that the page calls required there is a problem, and there are no other such settings."""
    assert _problem(name, "").what == "it is not set"
    assert [each for each in DOCUMENTED if DOCUMENTED[each][0] == "required"] == ["ROCKETCHAT_URL", "SECRET_ID"]


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if " · " in DOCUMENTED[name][1]])
def test_choices_are_the_choices(name: str) -> None:
    """Each choice that the page lists is accepted, and the code names the same ones when it refuses another."""
    for value in _listed(name):
        _settings(**{name: value})
    named = re.findall(r"[A-Za-z]+", _problem(name, "no-such-choice").remedy.partition("Set it to ")[2])
    named = named or re.findall(r"[a-z]+", _problem(name, "no-such-choice").remedy.partition("List any of ")[2])
    assert sorted(set(named) - {"or"}) == sorted(_listed(name))


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if re.search(r"\d to \d", DOCUMENTED[name][1])])
def test_numbers_have_the_bounds_that_are_shown(name: str) -> None:
    """The bounds are accepted, the numbers beside them are not, and a value listed beside them is."""
    found = re.search(r"(\d+) to (\d+)", DOCUMENTED[name][1])
    assert found
    least, most = int(found[1]), int(found[2])
    for value in (least, most, *_listed(name)):
        _settings(**{name: str(value)})
    for value in {least - 1, most + 1} - set(map(int, _listed(name))):
        _problem(name, str(value))


class _Asked(dict[str, Any]):
    """A secret that remembers which keys were asked for."""

    names: set[str]

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


def test_the_keys_of_the_secret_are_those_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key of the secret that some settings make the code read has its row, and no other is promised."""
    asked: set[str] = set()
    content = _Asked()
    content.names = asked
    monkeypatch.setattr(credentials, "json", SimpleNamespace(loads=lambda text: content))
    for directory in ("rocketchat", "mongodb", "users", "cognito"):
        with pytest.raises(ConfigurationError):
            Credentials.from_json("", _settings(DIRECTORY=directory, RELAY="facebook,google,twitter"))
    assert set(_table("## The secret")) == asked


def test_examples_of_the_secrets_values_are_objects() -> None:
    """What the page shows of people, user pool and applications is JSON, with the keys that are read."""
    examples = {name: re.search(r"`(\{.*?\})`", cells[0]) for name, cells in _table("## The secret").items()}
    shown = {name: json.loads(found[1]) for name, found in examples.items() if found}
    assert set(shown) == {"users", "cognito", "google", "facebook", "twitter"}
    assert set(shown["cognito"]) == {"user_pool_id", "client_id"}
    assert set(shown["users"]["alice"]) == {"password", "name", "email"}
    assert set(shown["google"]) == {"client_id"}
    assert set(shown["facebook"]) == {"app_id", "app_secret"}
    assert set(shown["twitter"]) == {"consumer_key", "consumer_secret"}


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_values_that_are_mentioned_are_accepted(page: Path) -> None:
    """Where any page writes a setting with a value, the code accepts it; a table's setting is one of Gantry's."""
    for span in spans(page):
        name, equals, value = span.partition("=")
        if name in SETTINGS and equals and re.fullmatch(r"[a-z0-9]+", value):
            _settings(**{name: value})
    first = (cells[0] for cells in rows(page.read_text("utf-8")))
    named = {cell.strip("`") for cell in first if re.fullmatch(r"`[A-Z][A-Z0-9_]+`", cell)}
    assert named <= set(SETTINGS)
