"""The table of `STATE_TABLE` over HTTP, as moto serves it: compare-and-set, and what its refusals are called."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Unavailable
from chalicelib.state import StateTable
from tests.dynamodb import DynamoDB
from tests.mongodb.outcomes import together
from tests.stage import closing

DEADLINE = Deadline.after(600)
CONTENT = {"text": "ä\u2028🚀", "number": 1.5, "whole": 2**53, "nothing": None, "list": [{"a": True}], "empty": ""}


@pytest.fixture(scope="module")
def served() -> Iterator[DynamoDB]:
    with closing(DynamoDB()) as dynamodb:
        yield dynamodb


@pytest.fixture
def dynamodb(served: DynamoDB) -> Iterator[DynamoDB]:
    yield served
    served.failure = None


@pytest.fixture
def name(dynamodb: DynamoDB) -> str:
    return dynamodb.new()


@pytest.fixture
def table(dynamodb: DynamoDB, name: str) -> StateTable:
    return StateTable(dynamodb.service, name)


def test_nothing_is_an_empty_object_of_version_0(table: StateTable) -> None:
    """A key that nobody wrote has no content and version 0."""
    assert table.read("a", DEADLINE) == ({}, 0)


def test_what_was_written_is_read_as_it_was(table: StateTable) -> None:
    """JSON comes back as it was kept: any text, whole and other numbers, null, lists, the empty text."""
    assert table.write("a", CONTENT, 0, DEADLINE)
    assert table.read("a", DEADLINE) == (CONTENT, 1)
    assert table.read("b", DEADLINE) == ({}, 0)


def test_a_write_counts_only_in_the_place_of_what_was_read(table: StateTable) -> None:
    """Compare-and-set: a write for another version than the one that is there changes nothing and says so."""
    assert not table.write("a", {"n": 0}, 1, DEADLINE)
    assert table.read("a", DEADLINE) == ({}, 0)
    assert table.write("a", {"n": 1}, 0, DEADLINE)
    assert not table.write("a", {"n": 2}, 0, DEADLINE)
    assert table.write("a", {"n": 3}, 1, DEADLINE)
    assert not table.write("a", {"n": 4}, 1, DEADLINE)
    assert table.read("a", DEADLINE) == ({"n": 3}, 2)


@pytest.mark.parametrize("version", [0, 1])
def test_of_writes_at_the_same_time_one_counts(table: StateTable, version: int) -> None:
    """Of many writes in the place of one version exactly one is kept, and it is the one that was told so."""
    if version:
        table.write("a", {}, 0, DEADLINE)
    told = together(16, lambda number: table.write("a", {"n": number}, version, DEADLINE))
    assert told.count(True) == 1
    assert table.read("a", DEADLINE) == ({"n": told.index(True)}, version + 1)


def test_reads_are_consistent(table: StateTable, dynamodb: DynamoDB) -> None:
    """A read asks for DynamoDB's consistent one, which sees every write that was answered before."""
    asked: list[object] = []

    def heard(params: dict[str, object], **_: object) -> None:
        asked.append(params["ConsistentRead"])

    events = dynamodb.service.client().meta.events
    events.register("provide-client-params.dynamodb.GetItem", heard)
    table.read("a", DEADLINE)
    events.unregister("provide-client-params.dynamodb.GetItem", heard)
    assert asked == [True]


def test_each_use_is_one_call(table: StateTable, dynamodb: DynamoDB) -> None:
    """A read is one GetItem, a write one PutItem, kept or not: the function needs no other permission."""
    table.write("a", {}, 0, DEADLINE)
    table.write("a", {}, 0, DEADLINE)
    table.read("a", DEADLINE)
    assert dynamodb.calls == ["PutItem", "PutItem", "GetItem"]


def test_the_time_to_delete_is_a_whole_number_of_seconds(table: StateTable, dynamodb: DynamoDB, name: str) -> None:
    """DynamoDB may delete an item after its last second and not before; one without a time is kept for good."""
    table.write("a", {}, 0, DEADLINE, expires=1_800_000_000.25)
    table.write("b", {}, 0, DEADLINE)
    kept = {item["id"]["S"]: item.get("expires") for item in dynamodb.items(name)}
    assert kept == {"a": {"N": "1800000001"}, "b": None}


def test_what_has_expired_is_there_until_dynamodb_deletes_it(table: StateTable) -> None:
    """DynamoDB deletes late: an item after its time is read as ever, and whoever reads compares the times."""
    table.write("a", {"n": 1}, 0, DEADLINE, expires=1.0)
    assert table.read("a", DEADLINE) == ({"n": 1}, 1)
    assert table.write("a", {"n": 2}, 1, DEADLINE, expires=1.0)


def use(table: StateTable) -> list[Exception]:
    """Read and write, and return what each of them raised."""
    raised: list[Exception] = []
    for work in (lambda: table.read("a", DEADLINE), lambda: table.write("a", {"secret": "canary"}, 0, DEADLINE)):
        with pytest.raises((ConfigurationError, Unavailable)) as caught:
            work()
        raised.append(caught.value)
        assert caught.value.__context__ is None or caught.value.__suppress_context__
        assert "canary" not in f"{caught.value} {caught.value!r}"
    return raised


def test_a_missing_table_is_the_administrators_to_mend(dynamodb: DynamoDB) -> None:
    """A table that does not exist is a configuration problem that names the setting and no value."""
    for error in use(StateTable(dynamodb.service, "canary")):
        assert isinstance(error, ConfigurationError)
        (problem,) = error.problems
        assert (problem.key, problem.what) == ("STATE_TABLE", "there is no such table in this account and region")


def test_a_table_with_another_key_is_the_administrators_to_mend(dynamodb: DynamoDB) -> None:
    """A table whose partition key is not `id` is a configuration problem that says which key it needs."""
    for error in use(StateTable(dynamodb.service, dynamodb.new(key="name"))):
        assert isinstance(error, ConfigurationError)
        assert "partition key `id`" in error.problems[0].remedy


def test_a_table_that_may_not_be_used_is_the_administrators_to_mend(table: StateTable, dynamodb: DynamoDB) -> None:
    """Promise 36: a policy without the table is a configuration problem that names the two calls, never `*`."""
    dynamodb.failure = 400, "AccessDeniedException"
    for error in use(table):
        assert isinstance(error, ConfigurationError)
        remedy = error.problems[0].remedy
        assert "dynamodb:GetItem and dynamodb:PutItem on the table's ARN" in remedy
        assert "*" not in remedy


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ProvisionedThroughputExceededException"),
        (400, "ThrottlingException"),
        (400, "ExpiredTokenException"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
    ],
)
def test_what_may_pass_by_itself_is_unavailable(table: StateTable, dynamodb: DynamoDB, status: int, code: str) -> None:
    """Promise 35: an error that is nobody's to mend is unavailable, by DynamoDB's own code, after one call."""
    dynamodb.failure = status, code
    dynamodb.calls.clear()
    assert [str(error) for error in use(table)] == [f"state: {code}"] * 2
    assert dynamodb.calls == ["GetItem", "PutItem"]


def test_no_call_is_made_past_the_deadline(table: StateTable, dynamodb: DynamoDB) -> None:
    """Promise 35: a request whose time is up asks the table nothing."""
    for work in (lambda: table.read("a", Deadline.after(0)), lambda: table.write("a", {}, 0, Deadline.after(0))):
        with pytest.raises(Unavailable, match="deadline"):
            work()
    assert dynamodb.calls == []


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"content": {"S": "{}"}},
        {"version": {"N": "1"}, "content": {"S": "canary"}},
        {"version": {"N": "1"}, "content": {"S": "[]"}},
        {"version": {"N": "1"}, "content": {"M": {}}},
    ],
    ids=str,
)
def test_an_item_of_somebody_elses_is_unavailable(
    table: StateTable, dynamodb: DynamoDB, name: str, strange: dict[str, Any]
) -> None:
    """What Gantry did not write is not taken for anything, and a write for nothing leaves it as it is."""
    dynamodb.client.put_item(TableName=name, Item={"id": {"S": "a"}, **strange})
    with pytest.raises(Unavailable, match="an item that Gantry did not write"):
        table.read("a", DEADLINE)
    assert not table.write("a", {}, 0, DEADLINE)
    assert dynamodb.items(name) == [{"id": {"S": "a"}, **strange}]
