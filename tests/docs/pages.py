"""The pages as the tests read them: the README, the change log and everything in `docs/`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")))

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the language after the fence, and its text without the fence's indentation."""

    page: Path
    language: str
    text: str


def ident(page: Path) -> str:
    """The page's name in a test's id."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    return [
        Block(page, language, re.sub(f"^{indent}", "", text, flags=re.MULTILINE))
        for indent, language, text in _FENCE.findall(page.read_text("utf-8"))
    ]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def spans(page: Path) -> list[str]:
    """What stands between backticks in the text, on one line each."""
    return [" ".join(span.split()) for span in _SPAN.findall(prose(page))]


def section(page: Path, heading: str) -> str:
    """What stands below a heading, up to the next of the same depth or a higher one."""
    text = page.read_text("utf-8")
    depth = len(heading) - len(heading.lstrip("#"))
    _, found, rest = ("\n" + text).partition(f"\n{heading}\n")
    assert found, f"{ident(page)} has no {heading!r}"
    return re.split(rf"^#{{1,{depth}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """Each row of the tables in a text, without their heads."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        is_row = line.startswith("|") and not line.startswith("| ---")
        is_head = number + 1 < len(lines) and lines[number + 1].startswith("| ---")
        if is_row and not is_head:
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings have on GitHub."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}
