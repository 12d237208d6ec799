"""Languages: the one that the browser asks for, and every text in each of them."""

import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import errors
from chalicelib.config import LANGUAGES, Settings
from chalicelib.errors import ConfigurationError
from chalicelib.signin import CodeDue
from chalicelib.web.languages import choose, duration, text_of
from chalicelib.web.outcomes import FAULT, OUTCOMES
from chalicelib.web.pages import Pages
from chalicelib.web.relays import NAMES
from tests.fakes import NOON, a_request, settings

LIBRARY = Path(__file__).parents[2] / "chalicelib"
TEXTS: dict[str, dict[str, str]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in (LIBRARY / "locales").glob("*.json")
}
ENGLISH = TEXTS["en"]
# Rocket.Chat's own names of its settings, the direction of the script, and words that two languages share.
SAME_EVERYWHERE = {"admin.api_method", "admin.api_url", "admin.enabled", "admin.iframe_url", "direction"}
SAME = {
    ("de", "code.label"),
    ("es", "error.prefix"),
    ("fr", "code.label"),
    ("fr", "minutes.one"),
    ("fr", "minutes.other"),
}
# Keys that are put together from a value, by the template or module that does it.
PUT_TOGETHER = {
    *(f"error.{outcome.message}" for outcome in (*OUTCOMES.values(), FAULT)),
    *(f"error.{key}" for key in ("missing", "code-missing", "banned-for")),
    *(f"code.{method}.hint" for method in ("totp", "app", "email", "sms")),
    *(f"code.{method}.intro" for method in ("totp", "app")),
    *(f"relay.{provider}" for provider in NAMES),
    *(f"signed_out.{result}" for result in ("done", "none", "untold")),
    *(f"{unit}.{form}" for unit in ("seconds", "minutes", "hours") for form in ("one", "other")),
}


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-de-1996-x-private", "de"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("pt-br", "pt-BR"),
        ("ja", "en"),
        ("ja, fr", "fr"),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"),
        ("fr;q=0.2, es;q=0.8, de;q=0.5", "es"),
        ("fr;q=0.5, es;q=0.5", "fr"),
        ("es;q=0.999, fr;q=1.000", "fr"),
        ("fr;q=0, ja", "en"),
        ("en;q=0", "pt-BR"),
        ("en;q=0, pt;q=0, ja", "de"),
        ("en-GB, en;q=0, de;q=0.1", "de"),
        ("pt-PT;q=0, pt;q=0.5", "pt-BR"),
        ("pt;q=0, pt-BR", "pt-BR"),
        ("*", "en"),
        ("*;q=0", "en"),
        ("ja, *;q=0", "en"),
        ("en;q=0.5, *", "pt-BR"),
        ("en;q=0.5, pt, *;q=0.9", "pt-BR"),
        ("en;q=0, *", "pt-BR"),
        (", ,\t, de ;\tQ=1 ,", "de"),
        ("a, b-c, d", "en"),
        ("fr-x-de, de;q=0.1", "fr"),
        ("en;q=0, pt;q=0, de;q=0, es;q=0, fr;q=0", "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes_best(header: str, language: str) -> None:
    """`Accept-Language` is looked up by its quality values, from the special to the general; 0 excludes."""
    assert choose(header, LANGUAGES) == language


@pytest.mark.parametrize(
    "header",
    [
        "de;q=2",
        "de;q=1.001",
        "de;q=0.1234",
        "de;q=.5",
        "de;q=",
        "de;q=-1",
        "de;q = 1",
        "de;level=1",
        "de q=1",
        "de_AT",
        "deutschland",
        "de-",
        "*-de",
        "de; fr",
        "de;q=1;q=1",
        "dë",
        "de\n",
        "\uff11",
    ],
)
def test_a_broken_header_asks_for_nothing(header: str) -> None:
    """A header that breaks the grammar of RFC 9110 is answered in the first language, whatever else it names."""
    assert choose(header, LANGUAGES) == "en"
    assert choose(f"fr, {header}", LANGUAGES) == "en"


@given(st.text() | st.lists(st.sampled_from([*LANGUAGES, *";,*-=q01.\t ", "pt", "q=0"])).map("".join))
def test_any_header_chooses_a_language_that_is_offered(header: str) -> None:
    """Whatever is sent, one of the offered languages comes out."""
    assert choose(header, ("fr", "de")) in ("fr", "de")


def test_only_languages_of_the_setting_are_chosen() -> None:
    """`LANGUAGES` says which languages there are, and its first is everybody else's."""
    some = settings(LANGUAGES="es,de")
    assert Pages.of(some, a_request("de")).login().headers["Content-Language"] == "de"
    assert Pages.of(some, a_request("fr, en;q=0.5")).login().headers["Content-Language"] == "es"


@pytest.mark.parametrize("languages", [",", "pt", "en,it", "en;de", "en_GB", "*"])
def test_a_language_that_is_not_there_is_a_problem(languages: str) -> None:
    """`LANGUAGES` names languages that Gantry has, by their tags."""
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environ({"ROCKETCHAT_URL": "https://c.example", "SECRET_ID": "s", "LANGUAGES": languages})
    (problem,) = refused.value.problems
    assert "List any of en,pt-BR,de,es,fr" in str(problem)


def test_every_language_has_its_file() -> None:
    """Each language that can be configured has a file of texts, and each file can be configured."""
    assert set(LANGUAGES) == set(TEXTS)


def test_no_text_is_missing_and_none_is_unused() -> None:
    """Every text that a page asks for exists, and every text is asked for."""
    sources = "\n".join(path.read_text("utf-8") for path in LIBRARY.glob("templates/*.html"))
    asked = set(re.findall(r"[\"']([a-z]\w*(?:\.\w+)+|help|open|direction)[\"']", sources))
    asked = {name for name in asked if not name.endswith((".html", ".css", ".js"))}
    assert asked | PUT_TOGETHER == set(ENGLISH)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_in_every_language(language: str) -> None:
    """Each language has each text, translated, with the placeholders of the English one, and in the same order."""
    texts = TEXTS[language]
    assert list(texts) == sorted(ENGLISH)
    for key, text in texts.items():
        assert text == text.strip(), key
        assert text, key
        assert placeholders(text) == placeholders(ENGLISH[key]), key
        allowed = language == "en" or key in SAME_EVERYWHERE or (language, key) in SAME
        assert allowed == (text == ENGLISH[key]) or language == "en", key


def test_placeholders_are_the_ones_that_pages_fill() -> None:
    """No text asks for a value that no page gives."""
    known = {"workspace", "username", "duration", "destination", "count", "provider", "providers"}
    for key, text in ENGLISH.items():
        assert set(placeholders(text)) <= known, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_button_beside_the_password_is_called_what_it_shows(language: str) -> None:
    """What a button is called contains what stands on it, for those who speak to their browser (WCAG 2.5.3)."""
    texts = TEXTS[language]
    for key in ("login.show", "login.hide"):
        assert texts[key].casefold() in texts[f"{key}_label"].casefold()


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (0, "1 second", "1 Sekunde"),
        (1, "1 second", "1 Sekunde"),
        (1.2, "2 seconds", "2 Sekunden"),
        (59, "59 seconds", "59 Sekunden"),
        (60, "1 minute", "1 Minute"),
        (61, "2 minutes", "2 Minuten"),
        (600, "10 minutes", "10 Minuten"),
        (5400, "90 minutes", "90 Minuten"),
        (5401, "2 hours", "2 Stunden"),
        (86_400, "24 hours", "24 Stunden"),
    ],
)
def test_waiting_times_are_in_the_readers_words(seconds: float, english: str, german: str) -> None:
    """A time to wait is rounded up, and one of anything is not called several."""
    assert duration(text_of("en"), seconds) == english
    assert duration(text_of("de"), seconds) == german


@pytest.mark.parametrize(
    ("language", "banned", "still"),
    [
        ("en", "Wait 1 minute, then", "good for 3 minutes."),
        ("pt-BR", "Aguarde 1 minuto e", "válido por 3 minutos."),
        ("de", "Warten Sie 1 Minute und", "noch 3 Minuten gültig."),
        ("es", "Espere 1 minuto y", "válido durante 3 minutos."),
        ("fr", "Patientez 1 minute, puis", "valable 3 minutes."),
    ],
)
def test_a_page_is_in_one_language_from_top_to_bottom(language: str, banned: str, still: str) -> None:
    """The document, its header, its title, its words and those of its script are in the language that was asked for."""
    texts = TEXTS[language]
    pages = Pages.of(settings(), a_request(language))
    page = pages.login(status=429, error=errors.Banned(60))
    assert f'<html lang="{language}" dir="ltr">' in page.body
    assert page.headers["Content-Language"] == language
    assert f"<title>{texts['error.prefix']}: {texts['login.title']} · " in page.body
    assert f'data-busy="{texts["login.busy"]}"' in page.body
    assert banned in page.body
    due = CodeDue("carol", "email", "sealed", sent=False, expires=NOON + 130)
    assert still in pages.code(due, NOON).body


def test_a_workspace_that_is_not_set_up_is_said_so_in_the_readers_language() -> None:
    """Even where no setting can be read, the page is in the language that the browser asks for."""
    notice = Pages.unconfigured((), a_request("fr-CA")).notice(ConfigurationError(()), 503, {})
    assert TEXTS["fr"]["error.configuration"].partition("\u00a0:")[0] in notice.body
    assert notice.headers["Content-Language"] == "fr"
