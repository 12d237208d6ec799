"""AWS in a process of its own: moto's server with the secret, and a user pool and a table where they are wanted."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from playground.child import Parent, wait_forever
from playground.people import PASSWORD, Person, listed_in

_KINDS_OF_SIGNS = ("RequireUppercase", "RequireLowercase", "RequireNumbers", "RequireSymbols")
_CLAIMS = ["email", "email_verified", "name", "preferred_username"]


def main() -> None:
    """Serve on the socket that the parent opened, and store the secret: a session key, the credentials, the people."""
    parent = Parent()

    import boto3
    from cryptography.fernet import Fernet
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: object) -> None:
            """No access log."""

    order = parent.next_order()
    settings: Mapping[str, str] = order["settings"]
    with socket.socket(fileno=order["listener"]) as listener:
        host, port = listener.getsockname()
        application = DomainDispatcherApplication(create_backend_app)
        server = make_server(host, port, application, threaded=True, request_handler=Quiet, fd=listener.fileno())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        session: Any = boto3.session.Session()

        def client(service: str) -> Any:
            return session.client(service, endpoint_url=f"http://{host}:{port}")

        secret = {"session_keys": [Fernet.generate_key().decode()], **order["credentials"]}
        people = listed_in(settings)
        if settings["DIRECTORY"] == "users":
            secret["users"] = entries(people)
        if settings["DIRECTORY"] == "cognito":
            secret["cognito"] = user_pool(client("cognito-idp"), people)
        if settings.get("STATE_TABLE"):
            state_table(client("dynamodb"), settings["STATE_TABLE"])
        client("secretsmanager").create_secret(Name=order["secret_id"], SecretString=json.dumps(secret))
        parent.report_ready()
        wait_forever()


def entries(people: Iterable[Person]) -> dict[str, dict[str, str]]:
    """The list of people as it stands in the secret."""
    from argon2 import PasswordHasher

    from admin.hash_password import PROFILE

    hasher = PasswordHasher.from_parameters(PROFILE)
    return {
        person.username: {
            "password": hasher.hash(person.password or PASSWORD),
            "name": person.name,
            **({"email": person.email} if person.email else {}),
        }
        for person in people
    }


def user_pool(cognito: Any, people: Iterable[Person]) -> dict[str, str]:
    """A user pool with these people, as its place stands in the secret; whoever has a code there has a verified app."""
    # The demo's password has neither capitals nor digits.
    policy = {"MinimumLength": 8, **dict.fromkeys(_KINDS_OF_SIGNS, False)}
    made = cognito.create_user_pool(PoolName="gantry-demo", Policies={"PasswordPolicy": policy})
    pool_id = made["UserPool"]["Id"]
    cognito.set_user_pool_mfa_config(
        UserPoolId=pool_id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
    )
    made = cognito.create_user_pool_client(
        UserPoolId=pool_id,
        ClientName="gantry",
        GenerateSecret=True,
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        ReadAttributes=_CLAIMS,
    )["UserPoolClient"]
    for person in people:
        claims = {"name": person.name, "preferred_username": person.username}
        if person.email:
            claims |= {"email": person.email, "email_verified": "true" if person.verified else "false"}
        cognito.admin_create_user(
            UserPoolId=pool_id,
            Username=person.username,
            UserAttributes=[{"Name": name, "Value": value} for name, value in claims.items()],
            MessageAction="SUPPRESS",
        )
        password = person.password or PASSWORD
        cognito.admin_set_user_password(UserPoolId=pool_id, Username=person.username, Password=password, Permanent=True)
    return {"user_pool_id": pool_id, "client_id": made["ClientId"], "client_secret": made["ClientSecret"]}


def state_table(dynamodb: Any, name: str) -> None:
    """The table for attempts and links, as `python -m admin init` makes it."""
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})


if __name__ == "__main__":
    main()
