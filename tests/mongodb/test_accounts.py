"""Accounts for people of other issuers: found by link, found once by what is proved, or made."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import pytest

from chalicelib.accounts.mongodb import ID_ALPHABET, MongoAccounts, new_account_id
from chalicelib.errors import (
    AccountDeactivated,
    AccountNotForPeople,
    AccountWithoutRoles,
    EmailTaken,
    GantryError,
    NoAccount,
    Unavailable,
)
from chalicelib.model import Identity
from tests.fakes import NOON, caller
from tests.mongodb.stage import Stage, moment

ERIN = Identity("https://issuer.example", "subject-1", "erin", "erin@example.com", email_verified=True, name="Erin E.")


def accounts(
    stage: Stage, provision: Literal["off", "create"] = "create", link_by: Literal["email", "username"] = "email"
) -> MongoAccounts:
    return MongoAccounts(stage.gantry.mongo, provision, link_by, stage.clock)


def account_of(stage: Stage, identity: Identity = ERIN, **how: Any) -> str:
    return accounts(stage, **how).account_of(identity, caller().deadline).id


def links(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.database.documents["gantry_links"].find({}, {"_id": 0}))


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


def test_issuer_and_subject_are_the_person(stage: Stage) -> None:
    """Promise 37: the same subject of another issuer, and another subject of the same one, are other people."""
    one = account_of(stage)
    other = account_of(stage, replace(ERIN, issuer="https://other.example", email=None))
    third = account_of(stage, replace(ERIN, issuer="https://issuer.example\0subject", subject="-1", email=None))
    assert len({one, other, third}) == 3
    assert account_of(stage, replace(ERIN, username="renamed", email="new@example.com")) == one


def test_an_account_is_found_once_by_an_address_verified_on_both_sides(stage: Stage) -> None:
    """Promise 37: issuer and account both have the address verified; from then on the link counts, not the address."""
    stage.add("erin")
    assert account_of(stage, provision="off") == "erin-id"
    stage.database.users.update_one({"_id": "erin-id"}, {"$set": {"emails.0.address": "moved@example.com"}})
    assert account_of(stage, provision="off") == "erin-id"


@pytest.mark.parametrize(
    ("identity", "fields"),
    [
        (replace(ERIN, email_verified=False), {}),
        (ERIN, {"emails": [{"address": "erin@example.com", "verified": False}]}),
        (ERIN, {"emails": [{"address": "erin@example.com"}]}),
        (ERIN, {"roles": ["user", "admin"]}),
        (replace(ERIN, email="erin@other.example"), {}),
        (replace(ERIN, email=None), {}),
        (ERIN, {"emails": None, "customFields": {"email": "erin@example.com"}}),
    ],
)
def test_nothing_less_than_that_finds_an_account(stage: Stage, identity: Identity, fields: dict[str, Any]) -> None:
    """Promise 37: never by an unverified address, its local part, a custom field or a username, never an admin."""
    stage.add("erin", **fields)
    before = stage.record("erin")
    with pytest.raises(NoAccount):
        account_of(stage, identity, provision="off")
    assert links(stage) == []
    assert stage.record("erin") == before


def test_a_username_finds_an_account_only_where_that_is_set(stage: Stage) -> None:
    """Promise 37: `LINK_BY=username` alone takes a username for a proof."""
    stage.add("erin", emails=None)
    with pytest.raises(NoAccount):
        account_of(stage, provision="off")
    assert account_of(stage, provision="off", link_by="username") == "erin-id"


@pytest.mark.needs_mongodb("array-index")
def test_a_strangers_address_is_not_taken_over(stage: Stage) -> None:
    """Promise 37: who registered somebody's address unverified and waits gets nothing, and the person is told."""
    stage.add("mallory", emails=[{"address": "erin@example.com", "verified": False}])
    before = stage.record("mallory")
    with pytest.raises(EmailTaken):
        account_of(stage)
    assert stage.record("mallory") == before


def test_a_strangers_username_is_not_taken_over(stage: Stage) -> None:
    """Where a stranger has the username a free variant is found, and the stranger's account stays as it is."""
    stage.add("erin", emails=None)
    before = stage.record("erin")
    made = account_of(stage)
    assert stage.database.users.find_one({"_id": made})["username"] == "erin-2"  # type: ignore[index]
    assert stage.record("erin") == before


def test_a_free_username_is_looked_for_within_a_bound(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every variant is taken the search ends."""
    own = accounts(stage)
    tried: list[str] = []

    def taken(wanted: dict[str, str], *_: object) -> list[str]:
        tried.append(wanted["username"])
        return ["somebody"]

    monkeypatch.setattr(own._users, "ignoring_case", taken)
    with pytest.raises(Unavailable):
        own.account_of(ERIN, caller().deadline)
    assert len(tried) == len(set(tried)) < 30


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


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"active": False}, AccountDeactivated),
        ({"roles": None}, AccountWithoutRoles),
        ({"type": "app"}, AccountNotForPeople),
    ],
)
def test_an_unfit_account_is_refused(stage: Stage, fields: dict[str, Any], reason: type[GantryError]) -> None:
    """A linked account that Rocket.Chat would refuse is refused here, with the reason."""
    stage.add("erin", **fields)
    with pytest.raises(reason):
        account_of(stage)


def test_without_provisioning_nothing_is_written(stage: Stage) -> None:
    """With `PROVISION=off` a known person without an account is told so and leaves no trace."""
    with pytest.raises(NoAccount):
        account_of(stage, provision="off")
    assert links(stage) == []
    assert list(stage.database.users.find()) == []


def test_who_comes_second_gets_what_the_first_one_claimed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests that both saw no link end with one account, whichever wrote first."""
    own, other = accounts(stage), accounts(stage)
    looks: Iterator[None] = iter([None])
    linked = own._linked

    def late(identity: Identity, deadline: Any) -> str | None:
        try:
            next(looks)
        except StopIteration:
            return linked(identity, deadline)
        winner.append(other.account_of(identity, deadline).id)
        return None

    winner: list[str] = []
    monkeypatch.setattr(own, "_linked", late)
    assert own.account_of(ERIN, caller().deadline).id == winner[0]
    assert stage.database.users.count_documents({}) == 1
