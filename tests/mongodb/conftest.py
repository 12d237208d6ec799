"""The stage of these tests."""

from collections.abc import Callable, Iterator

import pytest

from tests.database.fixtures import FreshDatabase
from tests.mongodb.stage import Stage

MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(database: FreshDatabase) -> Iterator[MakeStage]:
    made: list[Stage] = []

    def make(uri: str | None = None, **environ: str) -> Stage:
        made.append(Stage(database, environ, uri))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    return make_stage()


@pytest.fixture
def iframe(make_stage: MakeStage) -> Stage:
    return make_stage(TOKEN_KIND="iframe")
