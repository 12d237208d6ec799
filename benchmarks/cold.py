"""Cold starts: each sample a new process under Lambda's runtime client, all variants in turn and in random order."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from benchmarks import events
from benchmarks.archives import Archives
from benchmarks.backends import SIGNING_IN
from benchmarks.containers import Sample, measured
from benchmarks.stage import Stage

PACKED, SOURCES = "as packed", "without byte code"
PLAIN, BARE = "plain handler", "Chalice"


@dataclass(frozen=True)
class Variant:
    """One row: a function in an archive, and what it is asked. A baseline has no `form`."""

    name: str
    form: str
    archive: Path
    environ: Mapping[str, str]
    event: Callable[[], events.Event]
    status: int

    @property
    def key(self) -> str:
        """What the report calls it."""
        return f"{self.name}, {self.form}" if self.form else self.name


def variants(archives: Archives, stage: Stage, cookies: Mapping[str, str]) -> list[Variant]:
    """Every row of the table. Without byte code in the archive both of its forms are one, which is measured once."""
    bare = stage.environs["rest"]
    nobody = events.check(stage.backends.workspace_url)
    rows = [
        Variant(name, "", archive, bare, lambda: nobody, HTTPStatus.OK) for name, archive in archives.baselines.items()
    ]
    rows += [
        Variant(f"floor: {name}", "", archive, bare, lambda: nobody, HTTPStatus.OK)
        for name, archive in archives.floors.items()
    ]
    forms = {PACKED: archives.packed, SOURCES: archives.sources}
    if not archives.has_byte_code:
        del forms[SOURCES]
    for form, archive in forms.items():
        for name, kind, event, status in _asked(stage, cookies):
            rows.append(Variant(name, form, archive, stage.environs[kind], event, status))
    return rows


def _asked(stage: Stage, cookies: Mapping[str, str]) -> Iterator[tuple[str, str, Callable[[], events.Event], int]]:
    workspace = stage.backends.workspace_url
    yield "check without a cookie", "rest", lambda: events.check(workspace), HTTPStatus.UNAUTHORIZED
    yield "GET /login", "rest", events.login_page, HTTPStatus.OK
    for kind, cookie in cookies.items():
        yield f"check, {kind}", kind, _check(workspace, cookie), HTTPStatus.OK
        yield f"POST /login, {kind}", kind, lambda: events.sign_in(SIGNING_IN), HTTPStatus.OK


def _check(workspace: str, cookie: str) -> Callable[[], events.Event]:
    return lambda: events.check(workspace, cookie)


def measure(
    archives: Archives, stage: Stage, cookies: Mapping[str, str], rounds: int, say: Callable[[str], None]
) -> dict[str, list[Sample]]:
    """Measure every variant so many times; one round before them, which fills caches, does not count."""
    rows = variants(archives, stage, cookies)
    samples: dict[str, list[Sample]] = {row.key: [] for row in rows}
    for number in range(rounds + 1):
        say(f"Cold starts: round {number} of {rounds}" if number else "Cold starts: warming up")
        for row in random.sample(rows, len(rows)):
            sample = measured(row.archive, archives.provided, row.environ, row.event(), stage.backends.counted)
            if sample.status != row.status:
                raise RuntimeError(f"{row.key} was answered {sample.status}")
            if number:
                samples[row.key].append(sample)
    return samples
