"""The language of a page, by what the browser asks for, and its texts."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import ceil
from pathlib import Path

Text = Callable[..., str]
"""`text(key, **values)`: the text of one language with its values."""

_LOCALES = Path(__file__).parent.parent / "locales"
# RFC 9110 sections 12.4.2 and 12.5.4, RFC 4647 section 2.1.
_RANGE = re.compile(
    r"(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?", re.IGNORECASE
)
_MINUTE = 60
_HOUR = 60 * _MINUTE


def choose(header: str, offered: Sequence[str]) -> str:
    """Return the language among `offered`, best first, that an `Accept-Language` header asks for, else the first.

    A language that the header excludes (`q=0`) is not chosen unless it excludes them all. A header that breaks the
    grammar asks for nothing.
    """
    ranges = _ranges(header)
    named = {wanted: quality for wanted, quality in ranges.items() if wanted != "*"}
    possible = [tag for tag in offered if not _is_excluded(tag, named)] or list(offered)
    for wanted, quality in sorted(ranges.items(), key=lambda item: -item[1]):
        if not quality:
            break
        if wanted == "*":
            # It stands for every language that no other range names (RFC 9110 section 12.5.4).
            found = next((tag for tag in possible if not any(_matches(tag, other) for other in named)), None)
        else:
            found = _look_up(wanted, possible)
        if found:
            return found
    return possible[0]


@cache
def text_of(language: str) -> Text:
    """Return the function that gives the texts of a language."""
    texts: Mapping[str, str] = json.loads((_LOCALES / f"{language}.json").read_text("utf-8"))

    def text(key: str, **values: object) -> str:
        return texts[key].format(**values)

    return text


def duration(text: Text, seconds: float) -> str:
    """Return a waiting time in words, rounded up: seconds under a minute, minutes up to an hour and a half, hours."""
    size, unit = (1, "seconds") if seconds < _MINUTE else (_MINUTE, "minutes")
    if seconds > 1.5 * _HOUR:
        size, unit = _HOUR, "hours"
    count = max(1, ceil(seconds / size))
    # One or more than one is all that these languages tell apart between 1 and 90 (CLDR's plural rules).
    return text(f"{unit}.{'one' if count == 1 else 'other'}", count=count)


def _ranges(header: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for element in header.split(","):
        stripped = element.strip(" \t")
        if not stripped:
            continue  # a list may have empty elements (RFC 9110 section 5.6.1.2)
        match = _RANGE.fullmatch(stripped)
        if match is None:
            return {}
        ranges.setdefault(match[1].lower(), float(match[2] or 1))
    return ranges


def _is_excluded(tag: str, named: Mapping[str, float]) -> bool:
    """Whether the longest range that matches a tag is one of no quality."""
    longest = max((wanted for wanted in named if _matches(tag, wanted)), key=len, default=None)
    return longest is not None and not named[longest]


def _matches(tag: str, wanted: str) -> bool:
    return f"{tag.lower()}-".startswith(f"{wanted}-")


def _look_up(wanted: str, offered: Sequence[str]) -> str | None:
    """Shorten a range until something fits (RFC 4647 section 3.4), then take a sister: `pt-PT` reads `pt-BR`."""
    while wanted:
        for tag in offered:
            if _matches(tag, wanted):
                return tag
        wanted = wanted.rpartition("-")[0]
    return None
