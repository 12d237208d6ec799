"""Accounts that are put straight into the database: their record, their id, and who comes second.

What holds for every way of finding and making accounts is in `tests/contract/test_accounts.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import pytest

from chalicelib.accounts.linking import Link, LinkedAccounts, NoProvision
from chalicelib.accounts.mongodb import (
    ID_ALPHABET,
    LINKS,
    CreateOrInsert,
    MongoInsert,
    MongoLinks,
    MongoRoster,
    new_account_id,
)
from chalicelib.deadline import Deadline
from chalicelib.errors import NoAccount, Unavailable, UsernameTaken
from chalicelib.model import Identity
from chalicelib.tokens.mongodb import IframeTokens
from tests.fakes import NOON, caller
from tests.mongodb.stage import Stage, moment

ERIN = Identity("https://issuer.example", "subject-1", "erin", "erin@example.com", email_verified=True, name="Erin E.")


def accounts(stage: Stage, provision: Literal["off", "create"] = "create") -> LinkedAccounts:
    mongo = stage.gantry.mongo
    provisioner = MongoInsert(mongo, stage.clock) if provision == "create" else NoProvision()
    return LinkedAccounts(MongoLinks(mongo, stage.clock), MongoRoster(mongo), provisioner)


def account_of(stage: Stage, identity: Identity = ERIN, **how: Any) -> str:
    return accounts(stage, **how).account_of(identity, caller().deadline).id


def links(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.database.documents[LINKS].find({}, {"_id": 0}))


def test_ids_are_meteors() -> None:
    """Promise 10: an account's id has 17 characters of Meteor's alphabet, from `secrets`."""
    ids = {new_account_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(made) == 17 and set(made) <= set(ID_ALPHABET) for made in ids)
    assert not set("0O1lIUV") & set(ID_ALPHABET)


def test_an_account_is_made_as_the_manuals_write_it(stage: Stage) -> None:
    """A person without an account gets exactly the record that Rocket.Chat expects, and a link to it."""
    made = account_of(stage)
    now = moment(NOON).replace(tzinfo=None)
    assert list(stage.database.users.find()) == [
        {
            "_id": made,
            "createdAt": now,
            "services": {},
            "emails": [{"address": "erin@example.com", "verified": True}],
            "name": "Erin E.",
            "username": "erin",
            "active": True,
            "statusDefault": "online",
            "roles": ["user"],
            "type": "user",
            "_updatedAt": now,
        }
    ]
    assert links(stage) == [{"issuer": ERIN.issuer, "subject": "subject-1", "account": made, "when": now}]
    assert account_of(stage) == made


def test_an_unverified_or_missing_address_is_written_as_what_it_is(stage: Stage) -> None:
    """Promise 37: an address that the issuer has not verified is not verified here; without one the field is absent."""
    first = account_of(stage, replace(ERIN, email_verified=False))
    second = account_of(stage, replace(ERIN, subject="2", username="frank", email=None, name=None))
    assert stage.database.users.find_one({"_id": first})["emails"][0]["verified"] is False  # type: ignore[index]
    record = stage.database.users.find_one({"_id": second})
    assert record is not None
    assert "emails" not in record
    assert record["name"] == "frank"


def test_people_without_an_address_are_told_apart_by_issuer_and_subject(stage: Stage) -> None:
    """Promise 37: the same subject of another issuer, and another subject of the same one, are other people."""
    one = account_of(stage, replace(ERIN, email=None))
    other = account_of(stage, replace(ERIN, issuer="https://other.example", email=None))
    third = account_of(stage, replace(ERIN, issuer="https://issuer.example\0subject", subject="-1", email=None))
    assert len({one, other, third}) == 3
    assert account_of(stage, replace(ERIN, username="renamed", email="new@example.com")) == one


def test_a_strangers_username_is_not_taken_over(stage: Stage) -> None:
    """Where a stranger has the username a free variant is found, and the stranger's account stays as it is."""
    stage.add("erin", emails=None)
    before = stage.record("erin")
    made = account_of(stage)
    assert stage.database.users.find_one({"_id": made})["username"] == "erin-2"  # type: ignore[index]
    assert stage.record("erin") == before


@pytest.mark.parametrize(("exact", "end"), [(False, Unavailable), (True, UsernameTaken)])
def test_a_free_username_is_looked_for_within_a_bound(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, exact: bool, end: type[Exception]
) -> None:
    """Where every variant is taken the search ends; where only the person's own username will do, after that one."""
    insert = MongoInsert(stage.gantry.mongo, stage.clock)
    tried: list[str] = []

    def taken(wanted: dict[str, str], *_: object) -> list[str]:
        tried.append(wanted["username"])
        return ["somebody"]

    monkeypatch.setattr(insert._users, "ignoring_case", taken)
    with pytest.raises(end):
        insert.create(ERIN, caller().deadline, exact=exact)
    assert len(tried) == len(set(tried))
    assert len(tried) == 1 if exact else 10 < len(tried) < 30


@pytest.mark.parametrize(
    ("username", "made"), [("Érin Ünal!", "rinnal"), ("erin@example.com", "erinexample.com"), ("日本", "user")]
)
def test_usernames_are_such_as_rocketchat_accepts(stage: Stage, username: str, made: str) -> None:
    """A made username matches Rocket.Chat's default pattern, whatever the issuer calls the person."""
    account = account_of(stage, replace(ERIN, username=username))
    found = stage.database.users.find_one({"_id": account})
    assert found is not None
    assert found["username"] == made
    assert re.fullmatch(r"[0-9a-zA-Z._-]+", found["username"])


def test_a_lost_account_is_made_again_under_the_same_id(stage: Stage) -> None:
    """A link whose account is missing, because a request died between the two, makes it under the id it names."""
    made = account_of(stage)
    stage.database.users.delete_one({"_id": made})
    with pytest.raises(NoAccount):
        account_of(stage, provision="off")
    assert account_of(stage) == made


def test_an_account_that_another_request_has_just_inserted_is_taken(stage: Stage) -> None:
    """An account that was inserted under the planned id after it was looked for is the person's, and stays the one."""
    insert = MongoInsert(stage.gantry.mongo, stage.clock)
    planned = new_account_id()
    for _ in range(2):
        assert insert.create(ERIN, caller().deadline, planned=planned) == planned
    assert stage.database.users.count_documents({}) == 1


def test_without_a_service_account_accounts_are_inserted(stage: Stage) -> None:
    """Where the secret has no service account, the accounts are put into the database."""
    insert = MongoInsert(stage.gantry.mongo, stage.clock, new_id=lambda: "planned-id")
    chosen = CreateOrInsert(stage.gantry.credentials, NoProvision(), insert)
    assert chosen.plan(ERIN, caller().deadline) == "planned-id"
    assert chosen.create(ERIN, caller().deadline, planned="planned-id") == "planned-id"


def test_who_comes_second_gets_what_the_first_one_claimed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests that both saw no link end with one account, whichever wrote first."""
    own, other = accounts(stage), accounts(stage)
    looks: Iterator[None] = iter([None])
    find = own._links.find

    def late(identity: Identity, deadline: Deadline) -> Link | None:
        try:
            next(looks)
        except StopIteration:
            return find(identity, deadline)
        winner.append(other.account_of(identity, deadline).id)
        return None

    winner: list[str] = []
    monkeypatch.setattr(own._links, "find", late)
    assert own.account_of(ERIN, caller().deadline).id == winner[0]
    assert stage.database.users.count_documents({}) == 1


def test_a_second_factor_of_another_directory_says_nothing_of_the_account(stage: Stage) -> None:
    """Who gave a second factor to another directory may have none in the workspace, and an `iframe` token serves."""
    person = replace(ERIN, second_factor=True)
    tokens = IframeTokens(stage.gantry.mongo, stage.clock)
    account = accounts(stage).account_of(person, caller().deadline)
    assert tokens.issue(account, person, caller().deadline).kind == "iframe"
