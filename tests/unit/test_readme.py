"""What the README says about settings is what the code reads."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from chalicelib.config import Settings

README = (Path(__file__).parents[2] / "README.md").read_text()


class Asked(Mapping[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._given = {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "s"}

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def test_the_settings_table_is_the_settings_that_are_read() -> None:
    """Every setting that the code reads has its row in the README, and no other is promised there."""
    environ = Asked()
    Settings.from_environ(environ)
    section = README.partition("## Set up Gantry")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([A-Z0-9_]+)` \|", section, re.MULTILINE)) == environ.names
