"""Links lead somewhere, and every page can be found."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import DOCS, PAGES, anchors, ident, prose

_LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_links_lead_to_what_is_there(page: Path) -> None:
    """Every link to a file or to a heading leads to one that exists, and every other is an https address."""
    for link in _LINK.findall(prose(page)):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", link
            assert parts.hostname, link
            continue
        target = page.parent / parts.path if parts.path else page
        assert target.exists(), link
        if parts.fragment:
            assert parts.fragment in anchors(target), link


def test_every_page_is_listed() -> None:
    """The index has each page of the documentation once, and asks a question about it."""
    text = (DOCS / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[([\w-]+\.md)\]\(([\w-]+\.md)\) \| [^|]+\? \|$", text, re.MULTILINE)
    assert all(name == target for name, target in listed)
    assert sorted(["README.md", *(name for name, _ in listed)]) == sorted(page.name for page in DOCS.glob("*.md"))
