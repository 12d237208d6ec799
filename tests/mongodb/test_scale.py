"""A hundred thousand accounts: the server itself says that no command of Gantry's reads them all."""

from typing import Any

import pytest

from benchmarks import mongodb
from chalicelib.errors import SignInRefused
from playground.database.engine import Client, Engine
from tests.database import needs_mongodb
from tests.fakes import caller
from tests.mongodb.conftest import MakeStage
from tests.mongodb.filters import Heard
from tests.mongodb.people import foreign
from tests.mongodb.plans import plan, scans
from tests.mongodb.stage import BACKUP_CODE, PASSWORD, account, moment, with_totp

ACCOUNTS = 100_000
BATCH = 5_000


@needs_mongodb("explain", "plain-index", "collation", "array-index")
def test_no_command_reads_every_account(make_stage: MakeStage, heard: Heard) -> None:
    """Among 100,000 accounts the plan of every distinct command of every use case is free of collection scans."""
    stage, iframe = make_stage(), make_stage(TOKEN_KIND="iframe")
    for start in range(0, ACCOUNTS, BATCH):
        stage.database.users.insert_many([account(f"person{start + number}") for number in range(BATCH)])
    stage.add("bob", services=with_totp(BACKUP_CODE))
    stage.add("old", services={"iframe": {"token": "old", "when": moment(stage.clock.now - 700)}})

    for each in (stage, iframe):
        for typed in ("person7", "person8@example.com", "PERSON9"):
            signed_in = each.signed_in(typed)
            each.check(signed_in)
            each.sign_out(signed_in)
        with pytest.raises(SignInRefused):
            each.password("nobody")
        foreign(each.gantry).with_password(f"new to {each.gantry.settings.token_kind}", PASSWORD, caller())
    stage.code(stage.challenged("bob"), stage.totp())
    stage.code(stage.challenged("bob"), BACKUP_CODE)
    assert iframe.gantry.sweep(caller().deadline) == 1

    distinct = {str(command): command for command in heard if command.filters}
    assert len(distinct) > 10
    scanned = [name for name, command in distinct.items() if scans(plan(stage.database.documents, command))]
    assert scanned == []


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ({"stage": "IDHACK"}, False),
        ({"stage": "EXPRESS_IXSCAN", "indexName": "username_1"}, False),
        ({"stage": "EOF"}, False),
        ({"stage": "FETCH", "inputStage": {"stage": "IXSCAN", "indexName": "username_1"}}, False),
        ({"stage": "COLLSCAN", "direction": "forward"}, True),
        ({"stage": "UPDATE", "inputStage": {"stage": "COLLSCAN"}}, True),
        ({"queryPlan": {"stage": "LIMIT", "inputStage": {"stage": "COLLSCAN"}}, "slotBasedPlan": {}}, True),
        ({"stage": "OR", "inputStages": [{"stage": "IXSCAN"}, {"stage": "COLLSCAN"}]}, True),
        ({"stage": "SINGLE_SHARD", "shards": [{"winningPlan": {"stage": "COLLSCAN"}}]}, True),
    ],
    ids=str,
)
def test_a_scan_is_found_wherever_it_stands_in_a_plan(stages: dict[str, Any], expected: bool) -> None:
    """A plan's winning stages are searched to the bottom; those that were rejected do not count."""
    planner = {"winningPlan": stages, "rejectedPlans": [{"stage": "COLLSCAN"}]}
    assert scans({"queryPlanner": planner}) is expected


def test_the_benchmark_measures_every_size(
    engine: Engine, database_administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make bench-mongodb` names the engine, measures each use case at each size in one run, and leaves nothing."""
    monkeypatch.setattr(mongodb, "ROUNDS", 1)
    before = set(database_administrator.list_database_names())
    said: list[str] = []
    report = mongodb.measure(engine, database_administrator, [20, 40], said.append)
    assert engine.name in report[0]
    for name in ("check", "sign-in by username", "sign-in by address", "sweep of one old token"):
        (line,) = [each for each in report if each.startswith(f"{name}  ")]
        assert len(line.removeprefix(name).split()) == 3
    assert said == ["Filling 20 accounts", "Filling 40 accounts", "Measuring"]
    assert set(database_administrator.list_database_names()) <= before


@pytest.mark.parametrize(
    ("asked", "sizes"),
    [(None, [1_000, 10_000, 100_000]), ("1000000", [1_000, 10_000, 100_000, 1_000_000]), ("2500", [1_000, 2_500])],
)
def test_the_benchmark_grows_as_asked(asked: str | None, sizes: list[int]) -> None:
    """BENCH_ACCOUNTS names the largest size; without it that is a hundred thousand."""
    assert mongodb.sizes({"BENCH_ACCOUNTS": asked} if asked else {}) == sizes
