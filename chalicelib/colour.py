"""The brand's colour, and the shades of it that people can read (WCAG 2.2, success criteria 1.4.3 and 1.4.11)."""

import re
from collections.abc import Callable, Mapping
from functools import cache

READABLE = 4.5
VISIBLE = 3.0
# Below this even a shape with an outline looks like the page itself.
APART = 1.2

WHITE = "#ffffff"
NEAR_BLACK = "#10151d"
# What colours lie on, as in static/gantry.css: the page and the card, light and dark.
LIGHT = (WHITE, "#eef1f6")
DARK = ("#1a212c", "#10151d")
_STEPS = 50
_COLOUR = re.compile(r"#[0-9a-f]{6}")

Shades = Mapping[str, str]
"""The CSS custom properties of one scheme, by name."""


@cache
def theme(colour: str) -> tuple[Shades, Shades]:
    """Return the shades of `colour` for the light and for the dark scheme.

    Buttons have the colour itself where the scheme is light; in the dark they are lightened until they stand out.
    Raises `ValueError`, with words for the administrator, for what is no colour or can be no brand's.
    """
    colour = colour.lower()
    if not _COLOUR.fullmatch(colour):
        raise ValueError("it is not a colour of six hexadecimal digits")
    if contrast(colour, WHITE) < APART:
        raise ValueError("it cannot be told from the page")
    if text_on(colour) is None:
        raise ValueError("neither white nor nearly black text can be read on it")
    in_the_dark = _towards(WHITE, colour, lambda shade: contrast(shade, DARK[0]) >= VISIBLE and bool(text_on(shade)))
    return _shades(colour, LIGHT, NEAR_BLACK), _shades(in_the_dark, DARK, WHITE)


def text_on(colour: str) -> str | None:
    """Return white or near black, whichever can be read better on `colour`, or None where neither can be."""
    best = max(WHITE, NEAR_BLACK, key=lambda text: contrast(text, colour))
    return best if contrast(best, colour) >= READABLE else None


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _shades(button: str, grounds: tuple[str, str], away: str) -> Shades:
    """The shades for one scheme, whose texts stand on `grounds` and are the better read the nearer they are `away`."""
    text = text_on(button) or away
    # Hovering takes the button away from its text, which then reads even better.
    strong = _mixed(button, NEAR_BLACK if text == WHITE else WHITE, 0.2)
    return {
        "--accent": _towards(away, button, lambda shade: min(contrast(shade, each) for each in grounds) >= READABLE),
        "--button": button,
        "--button-strong": strong,
        "--button-line": _towards(away, button, lambda shade: contrast(shade, grounds[0]) >= VISIBLE),
        "--on-button": text,
    }


def _towards(end: str, colour: str, is_enough: Callable[[str], bool]) -> str:
    """The first shade on the way from a colour to `end` that is enough."""
    shades = (_mixed(colour, end, step / _STEPS) for step in range(_STEPS))
    return next((shade for shade in shades if is_enough(shade)), end)


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (another - one) * share):02x}" for one, another in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """The relative luminance of a colour (WCAG 2.2, "relative luminance")."""
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
