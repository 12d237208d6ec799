"""MongoDB's connection strings, taken apart and put together; what they hold else is kept as it is."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

DATABASE = "rocketchat"


def for_server(host: str, port: int, options: dict[str, str] | None = None) -> str:
    """The connection string of one server without credentials, with Rocket.Chat's usual database in its path."""
    return urlunsplit(("mongodb", f"{host}:{port}", f"/{DATABASE}", urlencode(options or {}), ""))


def for_database(uri: str, name: str) -> str:
    """The same server and user with another database in the path.

    The path also says where a user is looked up unless `authSource` does, so that is written out. A `mongodb+srv` name
    may carry its own `authSource` in DNS: there nothing is added.
    """
    scheme, place, path, query, _ = urlsplit(uri)
    options = dict(parse_qsl(query))
    if scheme == "mongodb" and "@" in place:
        options.setdefault("authSource", path.strip("/") or "admin")
    return urlunsplit((scheme, place, f"/{name}", urlencode(options), ""))


def for_user(uri: str, name: str, password: str) -> str:
    """The same server and database for a user of the database `admin`."""
    scheme, place, path, query, _ = urlsplit(uri)
    hosts = place.rpartition("@")[2]
    options = {**dict(parse_qsl(query)), "authSource": "admin"}
    return urlunsplit((scheme, f"{quote_plus(name)}:{quote_plus(password)}@{hosts}", path, urlencode(options), ""))


def for_place(uri: str, host: str, port: int) -> str:
    """The same user and database at exactly this place: a driver must not go where the replica set says it is."""
    _, place, path, query, _ = urlsplit(uri)
    login = place.rpartition("@")[0]
    options = {name: value for name, value in parse_qsl(query) if name.lower() not in ("replicaset", "loadbalanced")}
    options["directConnection"] = "true"
    if login and "authSource" not in options:
        options["authSource"] = path.strip("/") or "admin"
    there = f"{login}@{host}:{port}" if login else f"{host}:{port}"
    return urlunsplit(("mongodb", there, path, urlencode(options), ""))


def place(uri: str) -> tuple[str, int]:
    """The first host and its port; ValueError for addresses that only DNS or TLS leads to."""
    scheme, hosts, _, query, _ = urlsplit(uri)
    options = {name.lower(): value.lower() for name, value in parse_qsl(query)}
    if scheme != "mongodb" or "true" in (options.get("tls"), options.get("ssl")):
        raise ValueError("neither DNS nor TLS is spoken here")
    first = urlsplit(f"//{hosts.rpartition('@')[2].split(',')[0]}")
    if not first.hostname:
        raise ValueError("no host in the connection string")
    return first.hostname, first.port or 27017
