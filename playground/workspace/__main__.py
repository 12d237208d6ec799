"""The stand-in workspace in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from playground.child import Parent, wait_forever


def main() -> None:
    """Serve on the socket that the parent opened; show in the inspector what Gantry logs."""
    parent = Parent()

    from playground.people import people_for
    from playground.workspace import Workspace, serve_on
    from playground.workspace.keys import SessionKeys
    from playground.workspace.line import Line
    from playground.workspace.store import MemoryStore, Store
    from playground.workspace.switches import API, calls_the_api
    from playground.workspace.trace import Trace

    def follow_log(trace: Trace, descriptor: int) -> None:
        with os.fdopen(descriptor, errors="replace") as lines:
            for line in lines:
                show_line(trace, line.strip())

    def show_line(trace: Trace, line: str) -> None:
        try:
            fields = json.loads(line)
            level, event = fields.pop("level"), fields.pop("event")
        except (ValueError, KeyError, TypeError, AttributeError):
            print(line, file=sys.stderr, flush=True)
            return
        if level in ("ERROR", "CRITICAL"):
            print(line, file=sys.stderr, flush=True)
        if event == "request" and level == "INFO":
            return  # the checks and calls are there already
        fields.pop("request_id", None)
        result = " ".join(str(fields.pop(key)) for key in ("outcome", "reason") if key in fields)
        detail = ", ".join(f"{key} {value}" for key, value in fields.items() if value not in ("", None))
        trace.add("log", f"Gantry logs: {event}", "plain" if level == "INFO" else "bad", result, detail=detail)

    def store(things: ExitStack, uri: str, name: str) -> Store:
        if not uri:
            return MemoryStore()
        from playground.database.engine import connect
        from playground.workspace.mongodb import MongoStore

        client = things.enter_context(connect(uri, maxPoolSize=8))
        return MongoStore(client.get_default_database(), name)

    def offer_faults(things: ExitStack, workspace: Workspace) -> str:
        """Offer the faults that can be had here; the answer is how Gantry is to reach the database."""
        settings: Mapping[str, str] = order["settings"]
        if not calls_the_api(settings):
            workspace.switches.remove(*API)
        workspace.switches.add_secret(SessionKeys(secrets_manager, order["secret"]["id"]))
        uri: str = order["database"]["uri"]
        try:
            line = things.enter_context(Line(uri))
        except ValueError:
            return uri  # no database, or a server that only DNS or TLS leads to
        workspace.switches.add_database(line)
        return line.uri

    def serve_the_providers(things: ExitStack, workspace: Workspace) -> dict[str, Any]:
        """Serve Google and the others where Gantry relays them; the answer is what it must know of them."""
        if not order["settings"].get("RELAY"):
            return {"applications": {}, "addresses": {}}
        from playground.providers import Providers, serve_providers

        providers = Providers()
        workspace.providers = things.enter_context(serve_providers(providers)).urls
        return {"applications": providers.applications, "addresses": workspace.providers}

    def secrets_manager() -> Any:
        import boto3

        session: Any = boto3.session.Session()
        return session.client("secretsmanager", endpoint_url=order["secret"]["endpoint"])

    order = parent.next_order()
    things = ExitStack()
    workspace = Workspace(
        iframe_url=order["iframe_url"],
        api_url=order["api_url"],
        people=people_for(order["settings"], create_tokens=bool(order["create_tokens_secret"])),
        store=store(things, **order["database"]),
        create_tokens_secret=order["create_tokens_secret"] or None,
        client=order["client"],
    )
    user_id, token = workspace.add_administrator("gantry")
    mongodb_uri = offer_faults(things, workspace)
    providers = serve_the_providers(things, workspace)
    log = threading.Thread(target=follow_log, args=(workspace.trace, order["log"]), daemon=True)
    log.start()
    with things, socket.socket(fileno=order["listener"]) as listener, serve_on(listener, workspace):
        parent.report_ready(user_id=user_id, token=token, mongodb_uri=mongodb_uri, providers=json.dumps(providers))
        wait_forever()


if __name__ == "__main__":
    main()
