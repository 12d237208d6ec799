"""The brand: a colour that everybody can read, a logo that nothing else can come in with, and neither by default."""

import re
from itertools import product

import pytest

from chalicelib.colour import DARK, LIGHT, contrast, text_on, theme
from chalicelib.errors import ConfigurationError
from chalicelib.web import csp
from chalicelib.web.pages import Pages
from tests.fakes import a_request, settings
from tests.unit.test_languages import LIBRARY

STEPS = [f"{step:02x}" for step in range(0, 256, 51)]
COLOURS = ["#" + "".join(channels) for channels in product(STEPS, repeat=3)]


def problem(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        settings(**environ)
    (found,) = refused.value.problems
    return str(found)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#ffffff", "#000000", 21.0), ("#767676", "#ffffff", 4.54), ("#abcdef", "#abcdef", 1.0)],
)
def test_contrast_is_what_wcag_calls_contrast(one: str, other: str, ratio: float) -> None:
    """The contrast ratio is that of WCAG 2.2, in either order."""
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("colour", COLOURS)
def test_every_accepted_colour_can_be_read(colour: str) -> None:
    """Whatever the brand's colour, texts have a contrast of 4.5:1 and outlines of 3:1, light and dark."""
    try:
        schemes = theme(colour)
    except ValueError:
        assert text_on(colour) is None or contrast(colour, "#ffffff") < 1.2
        return
    assert schemes[0]["--button"] == colour
    for shades, grounds in zip(schemes, (LIGHT, DARK), strict=True):
        assert min(contrast(shades["--accent"], ground) for ground in grounds) >= 4.5
        assert contrast(shades["--on-button"], shades["--button"]) >= 4.5
        assert contrast(shades["--on-button"], shades["--button-strong"]) >= 4.5
        assert contrast(shades["--button-line"], grounds[0]) >= 3


def test_most_colours_are_accepted() -> None:
    """Only a narrow band of medium shades and what is nearly white cannot be a brand's colour."""
    accepted = [colour for colour in COLOURS if text_on(colour) and contrast(colour, "#ffffff") >= 1.2]
    assert len(accepted) > 0.85 * len(COLOURS)


def test_the_shades_are_computed_for_the_colours_of_the_page() -> None:
    """What the shades are measured against are page and card as the style sheet has them."""
    css = (LIBRARY / "static" / "gantry.css").read_text()
    assert re.findall(r"--card: (#\w{6})", css) == [LIGHT[0], DARK[0]]
    assert re.findall(r"--page: (#\w{6})", css) == [LIGHT[1], DARK[1]]
    assert re.findall(r"(--[\w-]+):", css).count("--accent") == 2
    assert set(theme("#0b2a5b")[0]) < set(re.findall(r"(--[\w-]+):", css))


@pytest.mark.parametrize(
    ("colour", "why"),
    [
        ("#7b7b7b", "neither white nor nearly black text"),
        ("#ffffff", "cannot be told from the page"),
        ("#FFFF00", "cannot be told from the page"),
        ("#12345", "not a colour"),
        ("123456", "not a colour"),
        ("#1234567", "not a colour"),
        ("#12345g", "not a colour"),
        ("red", "not a colour"),
        ("#fff;}*{x:y", "not a colour"),
    ],
)
def test_a_colour_that_cannot_be_used_is_refused_with_the_reason(colour: str, why: str) -> None:
    """BRAND_COLOR is refused at configuration where no readable text exists on it or it looks like the page."""
    assert why in problem(BRAND_COLOR=colour)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/logo.svg",
        "http://localhost/logo.svg",
        "https://example.com",
        "https://example.com/",
        "https://example.com/logos/",
        "https://example.com/logo.svg?v=1",
        "https://example.com/logo.svg#a",
        "https://a@example.com/logo.svg",
        "https://example.com/lo go.svg",
        "https://example.com/logo'.svg",
        "//example.com/logo.svg",
        "data:image/svg+xml,x",
        "javascript:alert(1)",
    ],
)
def test_a_logo_is_one_picture_behind_https(url: str) -> None:
    """BRAND_LOGO_URL is the plain https address of one picture: no folder, nothing that a policy misreads."""
    assert problem(BRAND_LOGO_URL=url).startswith("BRAND_LOGO_URL: ")


def test_the_policy_allows_the_logo_and_nothing_else() -> None:
    """With a logo `img-src` is exactly its address, so written that it cannot end the directive."""
    plain = csp.policy("n", ["https://chat.example.com"])
    assert "img-src" not in plain
    page = Pages.of(settings(BRAND_LOGO_URL="https://Example.com:443/a;b,c/logo.svg"), a_request()).login()
    policy = page.headers["Content-Security-Policy"]
    assert re.findall(r"img-src [^;]*", policy) == ["img-src https://example.com/a%3Bb%2Cc/logo.svg"]
    assert "," not in policy
    assert re.findall(r"<img[^>]*>", page.body) == [
        '<img id="logo" class="logo" src="https://example.com/a;b,c/logo.svg" alt="chat.example.com">'
    ]
    assert re.findall(r"\ssrc=|<link|url\(|@import", page.body) == [" src="]


def test_a_logo_is_called_by_the_brands_name() -> None:
    """The logo's alternative text is the name, escaped; what stands in for it is hidden until it is needed."""
    named = settings(BRAND_NAME='"A" & <B>', BRAND_LOGO_URL="https://a.example/l.png")
    body = Pages.of(named, a_request()).login().body
    assert 'alt="&#34;A&#34; &amp; &lt;B&gt;"' in body
    assert '<div id="sign" class="sign" hidden>' in body


def test_the_brands_colour_is_in_the_style_of_the_page() -> None:
    """The colour's shades stand in the one style block, for light and dark, after the defaults."""
    body = Pages.of(settings(BRAND_COLOR="#FF9900"), a_request()).login().body
    (style,) = re.findall(r"<style nonce=[^>]*>(.*?)</style>", body, re.DOTALL)
    light, dark = re.findall(r":root \{[^}]*--button-line: #[^}]*\}", style)
    assert "--button: #ff9900; " in light
    assert "@media (prefers-color-scheme: dark) { " + dark + " }" in style
    assert style.count("{") == style.count("}")


def test_without_a_brand_the_page_is_plain() -> None:
    """Without logo and colour there is neither a picture nor a script for it nor a second theme."""
    body = Pages.of(settings(), a_request()).login().body
    assert "<img" not in body
    assert body.count("--button:") == 1
    assert body.count("<script") == 1
    assert '<div id="sign" class="sign">' in body


def test_pages_without_settings_have_no_brand() -> None:
    """Where the settings cannot be read nothing of them is on the page."""
    assert "img-src" not in Pages.unconfigured((), a_request()).outside().headers["Content-Security-Policy"]
