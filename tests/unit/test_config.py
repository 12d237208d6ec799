"""Settings and credentials: all problems at once, by key, with the remedy, never a value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.config import Credentials, Settings, origin_of
from chalicelib.errors import ConfigurationError
from tests.fakes import fernet_key, secret_text

GOOD = {"ROCKETCHAT_URL": "https://Chat.Example.com/", "SECRET_ID": "gantry/prod"}


def problems(environ: dict[str, str]) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environ(environ)
    return {problem.key: str(problem) for problem in refused.value.problems}


def test_two_settings_are_enough() -> None:
    """With the address and the secret's name alone every other setting has the design's default."""
    settings = Settings.from_environ(GOOD)
    assert settings.rocketchat_url == "https://Chat.Example.com"
    assert settings.origins == settings.frame_ancestors == ("https://chat.example.com",)
    assert (settings.directory, settings.token_source, settings.handoff) == ("rocketchat", "rest", "token")
    assert (settings.cookie_site, settings.session_seconds, settings.log_level) == ("cross", 168 * 3600, "INFO")
    assert settings.workspace_name == settings.workspace_host == "Chat.Example.com"


def test_every_setting_is_read() -> None:
    """Each setting of the environment arrives, and blank values count as absent."""
    settings = Settings.from_environ(
        {
            **GOOD,
            "ALLOWED_ORIGINS": "https://chat.example.org, https://chat.example.net:8443 ,",
            "FRAME_ANCESTORS": "https://portal.example.com/",
            "DIRECTORY": "rocketchat",
            "TOKEN_SOURCE": "rest",
            "HANDOFF": "retry",
            "COOKIE_SITE": "same",
            "SESSION_HOURS": "12",
            "BRAND_NAME": "Acme & Sons",
            "HELP_URL": "https://example.com/help",
            "LOG_LEVEL": " ",
        }
    )
    workspace = ("https://chat.example.com", "https://chat.example.org", "https://chat.example.net:8443")
    assert settings.origins == workspace
    assert settings.frame_ancestors == (*workspace, "https://portal.example.com")
    assert (settings.handoff, settings.cookie_site, settings.session_seconds) == ("retry", "same", 43200)
    assert (settings.workspace_name, settings.brand.help_url) == ("Acme & Sons", "https://example.com/help")
    assert settings.log_level == "INFO"


def test_all_problems_come_at_once_by_key_and_without_values() -> None:
    """Every wrong setting is named in one go, with what to do, and no value is repeated."""
    wrong = {
        "ROCKETCHAT_URL": "http://canary.example.com",
        "ALLOWED_ORIGINS": "https://chat.example.com/canary",
        "FRAME_ANCESTORS": "canary",
        "DIRECTORY": "canary",
        "TOKEN_SOURCE": "canary",
        "TOKEN_KIND": "canary",
        "WORKSPACE_2FA": "canary",
        "HANDOFF": "canary",
        "COOKIE_SITE": "canary",
        "SESSION_HOURS": "canary",
        "BRAND_NAME": "canary\n",
        "HELP_URL": "javascript:canary",
        "LOG_LEVEL": "canary",
    }
    wrong["BRAND_NAME"] = "canary\x07" + "x"
    found = problems(wrong)
    assert set(found) == {*wrong, "SECRET_ID"}
    assert "canary" not in " ".join(found.values())
    assert found["HANDOFF"] == "HANDOFF: this value is not known. Set it to token or retry"
    assert all(". " in text for text in found.values())


@pytest.mark.parametrize("hours", ["0", "-1", "1.5", "2161", "٣", "1e2"])
def test_session_hours_are_a_whole_number_of_hours(hours: str) -> None:
    """`SESSION_HOURS` is a plain whole number from 1 to 2160, which is 90 days."""
    assert set(problems({**GOOD, "SESSION_HOURS": hours})) == {"SESSION_HOURS"}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Chat.Example.com", "https://chat.example.com"),
        ("https://chat.example.com:443/", "https://chat.example.com"),
        ("https://chat.example.com:8443/x", "https://chat.example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    """RFC 6454: lower-case host, no default port, no path."""
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://chat.example.com",
        "ftp://chat.example.com",
        "https://user@chat.example.com",
        "https://:secret@chat.example.com",
        "https://chat.example.com:99999",
        "https://",
        "chat.example.com",
        "https://chat example.com",
        "https://*.example.com",
        "https://chat.example.com;script-src",
        "https://[::1",
        "null",
        "*",
    ],
)
def test_what_is_no_trustworthy_address_is_refused(url: str) -> None:
    """https only (http for localhost), no credentials, nothing that could end a header or a policy."""
    assert "ROCKETCHAT_URL" in problems({**GOOD, "ROCKETCHAT_URL": url})
    assert "ALLOWED_ORIGINS" in problems({**GOOD, "ALLOWED_ORIGINS": url})


@given(st.text())
def test_no_origin_can_break_out_of_a_header(text: str) -> None:
    """Promise 31: whatever is accepted as an origin has no space, quote, comma, semicolon or control character."""
    try:
        origin = origin_of(text)
    except ValueError:
        return
    assert origin.isascii()
    assert not set(origin) & set(" \t\r\n;,'\"<>*")


@pytest.mark.parametrize(
    ("environ", "keys"),
    [
        ({"DIRECTORY": "mongodb"}, {"TOKEN_SOURCE"}),
        ({"TOKEN_KIND": "iframe"}, {"TOKEN_KIND"}),
        ({"DIRECTORY": "mongodb", "TOKEN_KIND": "iframe"}, {"TOKEN_SOURCE", "TOKEN_KIND"}),
        ({"WORKSPACE_2FA": "off"}, {"WORKSPACE_2FA"}),
    ],
)
def test_what_does_not_go_together_is_refused(environ: dict[str, str], keys: set[str]) -> None:
    """A pair of settings that cannot work is a configuration problem, not a failure at the first sign-in."""
    assert set(problems({**GOOD, **environ})) == keys


def test_what_goes_together_is_taken() -> None:
    """Each pair of directory and token source that works is accepted, and says whether the secret needs a database."""
    for environ, uses_mongodb in (
        ({}, False),
        ({"TOKEN_SOURCE": "mongodb"}, True),
        ({"TOKEN_SOURCE": "mongodb", "TOKEN_KIND": "iframe"}, True),
        ({"TOKEN_SOURCE": "mongodb", "DIRECTORY": "mongodb", "WORKSPACE_2FA": "totp"}, True),
    ):
        assert Settings.from_environ({**GOOD, **environ}).uses_mongodb is uses_mongodb


@pytest.mark.parametrize("uri", [None, 5, "", "canary", "http://canary", "mongodb://", "mongodb:// canary"])
def test_a_database_address_that_is_none_is_named(uri: object) -> None:
    """`mongodb_uri` is asked for where it is needed, and its value, which holds a password, is never repeated."""
    text = json.dumps({"session_keys": [fernet_key()], "mongodb_uri": uri})
    with pytest.raises(ConfigurationError) as refused:
        Credentials.from_json(text, mongodb=True)
    assert [problem.key for problem in refused.value.problems] == ["mongodb_uri"]
    assert "canary" not in str(refused.value)
    assert Credentials.from_json(text).mongodb_uri is None


def test_a_database_address_is_kept_and_hidden() -> None:
    """A URI of either form is taken as it is and never prints."""
    for uri in ("mongodb://user:canary@127.0.0.1:27017/chat", "mongodb+srv://user:canary@cluster.example.net/"):
        text = json.dumps({"session_keys": [fernet_key()], "mongodb_uri": uri})
        credentials = Credentials.from_json(text, mongodb=True)
        assert credentials.mongodb_uri is not None
        assert credentials.mongodb_uri.reveal() == uri
        assert "canary" not in repr(credentials)


def test_all_problems_of_the_secret_come_at_once() -> None:
    """Keys and address are judged together."""
    with pytest.raises(ConfigurationError) as refused:
        Credentials.from_json("{}", mongodb=True)
    assert [problem.key for problem in refused.value.problems] == ["session_keys", "mongodb_uri"]


def test_the_page_of_a_wrong_configuration_may_still_be_framed() -> None:
    """What was understood of the origins travels with the problems, so the page that says so can be shown."""
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environ({"ROCKETCHAT_URL": "https://chat.example.com"})
    assert refused.value.frame_ancestors == ("https://chat.example.com",)


def test_session_keys_are_understood() -> None:
    """The secret's keys are kept in their order, oldest first, and never print."""
    old, new = fernet_key(), fernet_key()
    credentials = Credentials.from_json(secret_text(old, new))
    assert [key.reveal() for key in credentials.session_keys] == [old, new]
    assert old not in repr(credentials)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("canary", "SECRET_ID"),
        ('["canary"]', "SECRET_ID"),
        ("{}", "session_keys"),
        ('{"session_keys": []}', "session_keys"),
        ('{"session_keys": "canary"}', "session_keys"),
        ('{"session_keys": ["canary"]}', "session_keys[0]"),
        (json.dumps({"session_keys": [fernet_key(), 5]}), "session_keys[1]"),
        (json.dumps({"session_keys": ["ä" * 43 + "="]}), "session_keys[0]"),
    ],
)
def test_a_faulty_secret_is_named_by_key_and_never_by_value(text: str, key: str) -> None:
    """Promise 32: the problem names the key and the remedy, and repeats nothing of the secret."""
    with pytest.raises(ConfigurationError) as refused:
        Credentials.from_json(text)
    (problem,) = refused.value.problems
    assert problem.key == key
    assert "canary" not in str(refused.value)
    assert problem.remedy


def test_all_faulty_keys_are_named() -> None:
    """Every key that is none is named at once."""
    with pytest.raises(ConfigurationError) as refused:
        Credentials.from_json(secret_text("one", fernet_key(), "two"))
    assert [problem.key for problem in refused.value.problems] == ["session_keys[0]", "session_keys[2]"]
