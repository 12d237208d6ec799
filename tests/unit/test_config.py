"""Settings: all problems at once, by key, with the remedy, never a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.config import Brand, Settings, origin_of
from chalicelib.errors import ConfigurationError
from chalicelib.model import Limits

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
    assert (settings.provision, settings.link_by, settings.relay, settings.state_table) == ("off", "email", (), "")
    assert settings.limits == Limits(name_after=5, address_after=20, window=300, ban=600)
    assert settings.workspace_name == settings.workspace_host == "Chat.Example.com"
    assert settings.brand == Brand("", languages=("en", "pt-BR", "de", "es", "fr"))


def test_every_setting_is_read() -> None:
    """Each setting of the environment arrives, and blank values count as absent."""
    settings = Settings.from_environ(
        {
            **GOOD,
            "ALLOWED_ORIGINS": "https://chat.example.org, https://chat.example.net:8443 ,",
            "FRAME_ANCESTORS": "https://portal.example.com/",
            "DIRECTORY": "users",
            "TOKEN_SOURCE": "rest",
            "PROVISION": "register",
            "LINK_BY": "username",
            "RELAY": "google, twitter ,google,",
            "STATE_TABLE": "gantry-prod_state.1",
            "BAN_NAME_AFTER": "0",
            "BAN_ADDRESS_AFTER": "1000",
            "BAN_WINDOW_SECONDS": "1",
            "BAN_SECONDS": "86400",
            "HANDOFF": "retry",
            "COOKIE_SITE": "same",
            "SESSION_HOURS": "12",
            "BRAND_NAME": "Acme & Sons",
            "BRAND_LOGO_URL": "https://Example.com/logo.svg",
            "BRAND_COLOR": "#FF9900",
            "HELP_URL": "https://example.com/help",
            "LANGUAGES": "de, pt-br ,de,",
            "LOG_LEVEL": " ",
        }
    )
    workspace = ("https://chat.example.com", "https://chat.example.org", "https://chat.example.net:8443")
    assert settings.origins == workspace
    assert settings.frame_ancestors == (*workspace, "https://portal.example.com")
    assert (settings.handoff, settings.cookie_site, settings.session_seconds) == ("retry", "same", 43200)
    assert (settings.workspace_name, settings.brand.help_url) == ("Acme & Sons", "https://example.com/help")
    assert (settings.brand.logo_url, settings.brand.color) == ("https://example.com/logo.svg", "#ff9900")
    assert settings.brand.languages == ("de", "pt-BR")
    assert settings.log_level == "INFO"
    assert (settings.directory, settings.provision, settings.link_by) == ("users", "register", "username")
    assert (settings.relay, settings.state_table) == (("google", "twitter"), "gantry-prod_state.1")
    assert settings.limits == Limits(name_after=0, address_after=1000, window=1, ban=86_400)


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
        "PROVISION": "canary",
        "LINK_BY": "canary",
        "RELAY": "google,canary",
        "STATE_TABLE": "arn:aws:dynamodb:eu-central-1:1:table/canary",
        "BAN_NAME_AFTER": "canary",
        "BAN_ADDRESS_AFTER": "canary",
        "BAN_WINDOW_SECONDS": "canary",
        "BAN_SECONDS": "canary",
        "HANDOFF": "canary",
        "COOKIE_SITE": "canary",
        "SESSION_HOURS": "canary",
        "BRAND_NAME": "canary\n",
        "BRAND_LOGO_URL": "http://example.com/canary.svg",
        "BRAND_COLOR": "canary",
        "HELP_URL": "javascript:canary",
        "LANGUAGES": "en,canary",
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
    ("key", "least", "most"),
    [
        ("BAN_NAME_AFTER", 2, 1000),
        ("BAN_ADDRESS_AFTER", 2, 1000),
        ("BAN_WINDOW_SECONDS", 1, 86_400),
        ("BAN_SECONDS", 1, 86_400),
    ],
)
def test_a_limit_is_a_whole_number_in_its_range(key: str, least: int, most: int) -> None:
    """Promise 5: a budget is 2 at least, for a password and its code; window and ban last a second to a day."""
    for value in (least, most):
        Settings.from_environ({**GOOD, key: str(value)})
    for wrong in (str(least - 1), str(most + 1), "-1", "1.5", "٣", "1e2", "5 0"):
        found = problems({**GOOD, key: wrong})
        assert set(found) == {key}
        assert f"from {least} to {most}" in found[key]


def test_a_budget_of_0_is_off() -> None:
    """Promise 5: 0 switches a budget off."""
    limits = Settings.from_environ({**GOOD, "BAN_NAME_AFTER": "0", "BAN_ADDRESS_AFTER": "0"}).limits
    assert (limits.name_after, limits.address_after) == (0, 0)


@pytest.mark.parametrize("relay", ["linkedin", "Google", "google;twitter", "google twitter", "all"])
def test_a_relay_is_one_of_the_three_providers(relay: str) -> None:
    """`RELAY` names providers that Gantry knows, in lower case, with commas between them."""
    assert set(problems({**GOOD, "RELAY": relay})) == {"RELAY"}


@pytest.mark.parametrize("table", ["ab", "a" * 256, "a b", "täble", "gantry/state", "arn:aws:dynamodb:eu:1:table/x"])
def test_a_state_table_is_the_name_of_one(table: str) -> None:
    """`STATE_TABLE` is a name as DynamoDB has them: 3 to 255 letters, digits, `_`, `-` and `.`."""
    assert set(problems({**GOOD, "STATE_TABLE": table})) == {"STATE_TABLE"}


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
        ({"TOKEN_KIND": "iframe"}, {"TOKEN_KIND"}),
        ({"DIRECTORY": "mongodb", "TOKEN_KIND": "iframe"}, {"TOKEN_KIND"}),
        ({"DIRECTORY": "users", "TOKEN_KIND": "iframe"}, {"TOKEN_KIND"}),
        ({"WORKSPACE_2FA": "off"}, {"WORKSPACE_2FA"}),
        ({"RELAY": "facebook"}, {"STATE_TABLE"}),
        ({"RELAY": "facebook", "TOKEN_KIND": "iframe"}, {"STATE_TABLE", "TOKEN_KIND"}),
    ],
)
def test_what_does_not_go_together_is_refused(environ: dict[str, str], keys: set[str]) -> None:
    """Settings that cannot work with each other are a configuration problem, not a failure at the first sign-in."""
    assert set(problems({**GOOD, **environ})) == keys


@pytest.mark.parametrize("directory", ["rocketchat", "mongodb", "users", "cognito"])
@pytest.mark.parametrize("source", ["rest", "mongodb"])
def test_every_directory_goes_with_every_token_source(directory: str, source: str) -> None:
    """Each pair is accepted, and says whether the secret needs a database and whose the accounts are."""
    settings = Settings.from_environ({**GOOD, "DIRECTORY": directory, "TOKEN_SOURCE": source})
    assert settings.uses_mongodb is ("mongodb" in (directory, source))
    assert settings.is_foreign is (directory in ("users", "cognito"))


def test_what_goes_together_is_taken() -> None:
    """Facebook with a place for links, and iframe tokens in a database, are accepted."""
    for environ in (
        {"TOKEN_SOURCE": "mongodb", "TOKEN_KIND": "iframe"},
        {"TOKEN_SOURCE": "mongodb", "RELAY": "facebook"},
        {"RELAY": "facebook,google,twitter", "STATE_TABLE": "gantry"},
        {"RELAY": "google,twitter"},
    ):
        Settings.from_environ({**GOOD, **environ})


def test_the_page_of_a_wrong_configuration_may_still_be_framed() -> None:
    """What was understood of the origins travels with the problems, so the page that says so can be shown."""
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environ({"ROCKETCHAT_URL": "https://chat.example.com"})
    assert refused.value.frame_ancestors == ("https://chat.example.com",)
