"""What a server can do, found out by asking it for it: names and versions of the many servers promise too much."""

from __future__ import annotations

import secrets
from typing import Any, Literal, get_args

from pymongo import MongoClient
from pymongo.collation import Collation
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

Capability = Literal[
    "authentication",  # users can be made, and a wrong password is refused
    "collation",  # a look-up can ignore case by collation
    "explain",  # a query plan is told
    "step-down",  # a replica set whose primary can be told to step down
    "array-index",  # a unique index over the elements of an array holds, and is right after changes
    "plain-index",  # an index that is not unique is used
    "restart",  # it can be killed, and started again with its data
    "relay",  # it can be reached through the relay of the tests: one place, no TLS
]
CAPABILITIES: frozenset[Capability] = frozenset(get_args(Capability))

Documents = Database[dict[str, Any]]


def measure(client: MongoClient[dict[str, Any]]) -> frozenset[Capability]:
    """Try in a database of its own, dropped afterwards, what the server can; needs a user who may make databases."""
    scratch = client[f"gantry_probe_{secrets.token_hex(6)}"]
    found: set[Capability] = set()
    try:
        if _ignores_case(scratch):
            found.add("collation")
        if _keeps_arrays_apart(scratch):
            found.add("array-index")
        plan = _plan(scratch)
        if plan:
            found.add("explain")
        if "IXSCAN" in plan:
            found.add("plain-index")
    finally:
        client.drop_database(scratch.name)
    users, actions = _rights(client)
    if users and {"createUser", "changePassword"} <= actions:
        found.add("authentication")
    if client.topology_description.replica_set_name and (not users or "replSetStateChange" in actions):
        found.add("step-down")
    return frozenset(found)


def _ignores_case(scratch: Documents) -> bool:
    scratch.cases.insert_one({"name": "A"})
    try:
        return scratch.cases.find_one({"name": "a"}, collation=Collation("en", strength=2)) is not None
    except OperationFailure:
        return False


def _keeps_arrays_apart(scratch: Documents) -> bool:
    """The three things that a wrong index gets wrong: duplicates, look-ups, and pushing into an emptied array."""
    arrays = scratch.arrays
    try:
        arrays.create_index("tokens.hash", unique=True, sparse=True)
        arrays.insert_one({"_id": 1, "tokens": [{"hash": "a"}]})
        arrays.insert_one({"_id": 2, "tokens": [{"hash": "b"}]})
        arrays.update_many({}, {"$pull": {"tokens": {"hash": "b"}}})
        arrays.update_one({"_id": 2}, {"$push": {"tokens": {"hash": "c"}}})
        if arrays.count_documents({"tokens.hash": "a"}) != 1:
            return False
    except OperationFailure:
        return False
    try:
        arrays.update_one({"_id": 2}, {"$push": {"tokens": {"hash": "a"}}})
    except DuplicateKeyError:
        return True
    return False


def _plan(scratch: Documents) -> str:
    scratch.plans.create_index("n")
    scratch.plans.insert_many([{"n": n} for n in range(100)])
    try:
        answer = scratch.command("explain", {"find": "plans", "filter": {"n": 7}}, verbosity="queryPlanner")
    except OperationFailure:
        return ""
    return str(answer.get("queryPlanner", ""))


def _rights(client: MongoClient[dict[str, Any]]) -> tuple[list[Any], set[str]]:
    """Who the connection is, and what that user may do anywhere."""
    try:
        told = client.admin.command("connectionStatus", showPrivileges=True)["authInfo"]
    except OperationFailure:
        return [], set()
    granted = told.get("authenticatedUserPrivileges", [])
    return told["authenticatedUsers"], {action for privilege in granted for action in privilege["actions"]}
