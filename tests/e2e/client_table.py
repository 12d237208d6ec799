"""What each client comes to with each token source and handoff, and the table of that in `docs/clients.md`.

`test_clients.py` plays these stories and checks the page; `python -m tests.e2e.client_table` writes it.
"""

import os
import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

from playground.workspace.clients import CLIENTS

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
_BETWEEN = re.compile(r"(?<=<!-- clients:begin -->\n).*(?=<!-- clients:end -->)", re.DOTALL)

SOURCES = ("rest", "mongodb/login", "mongodb/iframe")
HANDOFFS = ("token", "retry")

Outcome = Literal["in", "in without a second factor", "web view alone: no token", "web view alone: no cookie"]
_CELLS: Mapping[Outcome, str] = {
    "in": "yes",
    "in without a second factor": "yes (1)",
    "web view alone: no token": "no (2)",
    "web view alone: no cookie": "no (3)",
}


class Story(NamedTuple):
    """One combination: who asks, where tokens come from, how they are handed over."""

    client: str
    source: str
    handoff: str

    @property
    def by_iframe(self) -> bool:
        """Whether the token is one of the `iframe` service."""
        return self.source == "mongodb/iframe"


def _expected(story: Story) -> Outcome:
    if story.client == "mobile" and story.handoff == "retry":
        return "web view alone: no cookie"
    if story.client == "mobile" and story.by_iframe:
        return "web view alone: no token"
    return "in without a second factor" if story.by_iframe else "in"


EXPECTED: Mapping[Story, Outcome] = {
    story: _expected(story) for story in (Story(*each) for each in product(CLIENTS, SOURCES, HANDOFFS))
}

ALIKE = {"7.10": "8.6", "6.x": "8.6", "electron": "8.6", "1.x": "3.x"}
"""Clients that say the same as another one as long as all goes well: what differs has tests of its own."""

PLAYED = [
    story
    for story in EXPECTED
    if story.client not in ALIKE
    or (story.handoff, story.source) == ("token", "rest")
    or os.environ.get("STORIES") == "all"
]
"""Of a client that is like another one a single story is played, for the sake of time; STORIES=all plays every one."""


def render(outcomes: Mapping[Story, Outcome]) -> str:
    """The table, a line a client."""
    columns = list(product(SOURCES, HANDOFFS))
    head = ["client", *(f"`{source}`, `{handoff}`" for source, handoff in columns)]
    rows = [
        [client, *(_CELLS[outcomes[Story(client, source, handoff)]] for source, handoff in columns)]
        for client in CLIENTS
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ["---"] * len(head), *rows))


def in_the_page() -> str:
    """The table as the page has it."""
    found = _BETWEEN.search(PAGE.read_text("utf-8"))
    assert found, "the markers are gone"
    return found[0]


def write() -> None:
    """Put the table between its markers."""
    PAGE.write_text(_BETWEEN.sub(lambda _: render(EXPECTED), PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    write()
