"""Checks of the workspace's database."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pymongo.database import Database
from pymongo.errors import OperationFailure

from admin.doctor.finding import Finding, Lacking, problem
from admin.doctor.patient import ADMINISTRATOR, Patient, soon
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import ConfigurationError, GantryError, Unavailable
from chalicelib.indexes import INDEXES, OwnIndex
from chalicelib.mongodb import BACKEND, Mongo

Rights = Mapping[str, frozenset[str]]
"""Collection to actions of MongoDB's access control."""

_UNAUTHORIZED = 13
_NO_SUCH_COLLECTION = 26
_WIDE = frozenset({"find", "insert", "update", "remove", "dropCollection", "dropDatabase", "createUser", "grantRole"})
_PROBE = "gantry-doctor-probe"
_SHOWN = 5


def reachable(patient: Patient) -> Iterator[Finding]:
    """Whether the database answers, from here; where it does not, whether the deployed function reaches it."""
    if not patient.settings.uses_mongodb:
        return
    try:
        patient.mongo.run(lambda database: database.command("ping"), soon())
    except ConfigurationError as error:
        yield from (problem(each, "Nobody can sign in") for each in error.problems)
        return
    except GantryError as error:
        yield _unreachable(patient, error)
        return
    yield Finding("ok", "database", "answers from here")
    yield from permissions(patient.mongo, needed(patient.settings, patient.credentials))
    yield from indexes(patient.mongo, patient.settings, patient.administrator)


def _unreachable(patient: Patient, error: GantryError) -> Finding:
    why = "Without the database nobody can sign in, and no session can be checked"
    remedy = (
        "Compare mongodb_uri in the secret with the one that Atlas shows (user, password, host),"
        " and Atlas → Network Access with the addresses of the function and of this computer"
    )
    try:
        reached = patient.health().get("database") is True
    except (GantryError, Lacking):
        reached = False
    if reached:
        what = f"not checked: it does not answer this computer ({error}), though it does answer the deployed function"
        return Finding("note", "database", what, "", "Run the doctor from a computer that the database lets in")
    return Finding("error", "database", f"it cannot be used from here ({error})", why, remedy)


def needed(settings: Settings, credentials: Credentials) -> Rights:
    """What the user of `mongodb_uri` needs, as docs/mongodb-atlas.md lists it."""
    inserts = settings.knows_foreigners and settings.provision == "create" and credentials.service_account is None
    own = frozenset({"find", "insert", "update"})
    return {
        "users": frozenset({"find", "update"}) | ({"insert"} if inserts else frozenset()),
        "rocketchat_settings": frozenset({"find"}),
        "gantry_attempts": own,
        "gantry_links": own,
    }


def permissions(mongo: Mongo, rights: Rights) -> Iterator[Finding]:
    """What the user may do: as the server tells it, else as far as harmless attempts show."""
    try:
        name, told = mongo.run(lambda database: (database.name, _connection_status(database)), soon())
        if told is None:
            yield from _attempted(mongo, rights)
            return
    except GantryError as error:
        yield Finding("note", "permissions", f"not checked ({error})")
        return
    if not told.get("authenticatedUsers"):
        why = "Whoever reaches the server may read and change everything"
        remedy = f"Switch authentication on, and make a user: {role(name, rights)}"
        yield Finding("warning", "permissions", "the database asks for no user and no password", why, remedy)
        return
    privileges = told.get("authenticatedUserPrivileges")
    if not isinstance(privileges, list):
        yield from _attempted(mongo, rights)
        return
    yield from judged(privileges, name, rights)


def judged(privileges: Sequence[Mapping[str, Any]], database: str, rights: Rights) -> Iterator[Finding]:
    """Compare what a user was granted (`connectionStatus`, field `authenticatedUserPrivileges`) with what it needs."""
    missing = [
        f"{action} on {collection}"
        for collection, actions in rights.items()
        for action in sorted(actions - _granted(privileges, database, collection))
    ]
    if missing:
        why = "Sign-ins fail, or sessions cannot be checked"
        what = f"the user of mongodb_uri may not {', '.join(missing)}"
        yield Finding("error", "permissions", what, why, f"As an administrator: {role(database, rights)}")
    wide = list(dict.fromkeys(place for each in privileges for place in _beyond(each, database, rights)))
    if wide:
        places = ", ".join(wide[:_SHOWN]) + (", …" if len(wide) > _SHOWN else "")
        why = "Whoever gets hold of mongodb_uri may read messages and change accounts; Gantry needs four collections"
        what = f"the user of mongodb_uri may do more than Gantry needs: it has rights in {places}"
        yield Finding("warning", "permissions", what, why, f"As an administrator: {role(database, rights)}")
    if not missing and not wide:
        yield Finding("ok", "permissions", "the user may do what Gantry needs, and no more")


def role(database: str, rights: Rights) -> str:
    """Return the line for mongosh that makes a role with these rights; Atlas has it under Custom Roles."""
    granted = [
        {"resource": {"db": database, "collection": collection}, "actions": sorted(actions)}
        for collection, actions in rights.items()
    ]
    wanted = json.dumps({"role": "gantry", "privileges": granted, "roles": []})
    return f"db.getSiblingDB({json.dumps(database)}).createRole({wanted}) in mongosh, and give the user that role alone"


def _connection_status(database: Database[dict[str, Any]]) -> Mapping[str, Any] | None:
    """Return what the server says of the connection's user, None where it does not know the question."""
    try:
        told = database.client.admin.command("connectionStatus", showPrivileges=True).get("authInfo")
    except OperationFailure:
        return None
    return told if isinstance(told, Mapping) else None


def _granted(privileges: Sequence[Mapping[str, Any]], database: str, collection: str) -> frozenset[str]:
    found: set[str] = set()
    for privilege in privileges:
        resource = privilege.get("resource", {})
        named = resource.get("db") in ("", database) and resource.get("collection") in ("", collection)
        if resource.get("anyResource") is True or named:
            found.update(privilege.get("actions", ()))
    return frozenset(found)


def _beyond(privilege: Mapping[str, Any], database: str, rights: Rights) -> Iterator[str]:
    """Yield where a privilege reaches further than Gantry needs."""
    if not _WIDE.intersection(privilege.get("actions", ())):
        return
    resource = privilege.get("resource", {})
    db, collection = resource.get("db"), resource.get("collection")
    if resource.get("anyResource") is True or db == "":
        yield "every database"
    elif isinstance(db, str) and collection == "":
        yield f"all of {ascii(db)[1:-1]}"
    elif isinstance(db, str) and isinstance(collection, str):
        own = collection.startswith("system.") or (db == database and collection in rights)
        if not own:
            yield ascii(f"{db}.{collection}")[1:-1]


def _attempted(mongo: Mongo, rights: Rights) -> Iterator[Finding]:
    """Try what changes nothing: a look-up and an update by an id that nothing has."""
    missing = []
    for collection, actions in rights.items():
        for action in sorted(actions & {"find", "update"}):
            if mongo.run(partial(_refused, collection=collection, action=action), soon()):
                missing.append(f"{action} on {collection}")
    name = mongo.run(lambda database: database.name, soon())
    if missing:
        what = f"the user of mongodb_uri may not {', '.join(missing)}"
        yield Finding("error", "permissions", what, "Sign-ins fail, or sessions cannot be checked", role(name, rights))
        return
    what = "the user may look up and update; whether it may insert, and more than it needs, this server does not tell"
    yield Finding("note", "permissions", what, "", f"Compare with: {role(name, rights)}")


def _refused(database: Database[dict[str, Any]], collection: str, action: str) -> bool:
    """Tell whether the server refuses an action for want of a permission. Nothing is changed."""
    try:
        if action == "find":
            database[collection].find_one({"_id": _PROBE}, {"_id": 1})
        else:
            database[collection].update_one({"_id": _PROBE}, {"$set": {_PROBE: 1}})
    except OperationFailure as failure:
        if failure.code == _UNAUTHORIZED:
            return True
        raise
    return False


def indexes(mongo: Mongo, settings: Settings, administrator: Mongo | None = None) -> Iterator[Finding]:
    """Whether Gantry's own indexes are there, those that these settings use.

    `administrator` looks and mends where there is one: Gantry's own user need not be allowed to.
    """
    asked = administrator or mongo
    sweeps = settings.token_kind == "iframe"  # noqa: S105 - the kind of a token
    wanted = [each for each in INDEXES if each.collection != "users" or sweeps]
    for index in wanted:
        try:
            name = mongo.run(lambda database: database.name, soon())
            there = asked.run(partial(_has, name=name, index=index), soon())
        except GantryError as error:
            yield Finding("note", "indexes", f"not checked ({error})")
            return
        options = ", ".join(f"{key}: {json.dumps(value)}" for key, value in index.options.items())
        place = f"db.getSiblingDB({json.dumps(name)}).{index.collection}"
        command = f'{place}.createIndex({{"{index.field}": 1}}, {{{options}}}) in mongosh'
        if there is None:
            what = "not checked: listIndexes is not allowed with mongodb_uri, and Gantry does not need it"
            yield Finding(
                "note",
                "indexes",
                what,
                "",
                f"export {ADMINISTRATOR}=… and run the doctor again, or, as an administrator: {command}",
            )
        elif there:
            yield Finding("ok", "indexes", f"{index.collection}.{index.field} is there")
        else:
            why = "The hourly sweep scans all accounts" if index.collection == "users" else "Old attempts pile up"
            what = f"the index on {index.field} of {index.collection} is missing"
            remedy = f"As an administrator: {command}"
            yield Finding("warning", "indexes", what, why, remedy, partial(_create, asked, name, index))


def _has(database: Database[dict[str, Any]], name: str, index: OwnIndex) -> bool | None:
    """Tell whether there is such an index, None where the user may not know."""
    try:
        found = list(database.client[name][index.collection].list_indexes())
    except OperationFailure as failure:
        if failure.code == _UNAUTHORIZED:
            return None
        if failure.code == _NO_SUCH_COLLECTION:
            return False
        raise
    return any(
        dict(each["key"]) == {index.field: 1} and (not index.expires or "expireAfterSeconds" in each) for each in found
    )


def _create(mongo: Mongo, name: str, index: OwnIndex) -> None:
    def work(database: Database[dict[str, Any]]) -> None:
        try:
            database.client[name][index.collection].create_index([(index.field, 1)], **index.options)
        except OperationFailure as failure:
            if failure.code == _UNAUTHORIZED:
                raise Unavailable(
                    BACKEND, f"its user may not createIndex; export {ADMINISTRATOR}=… of one who may"
                ) from None
            raise

    mongo.run(work, soon())
