"""Secrets Manager in a process of its own: moto's server with the one secret that Gantry reads."""

from __future__ import annotations

import json
import socket
import threading

from playground.child import Parent, wait_forever


def main() -> None:
    """Serve on the socket that the parent opened, and store the secret: a session key and the credentials given."""
    parent = Parent()

    import boto3
    from cryptography.fernet import Fernet
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: object) -> None:
            """No access log."""

    order = parent.next_order()
    with socket.socket(fileno=order["listener"]) as listener:
        host, port = listener.getsockname()
        application = DomainDispatcherApplication(create_backend_app)
        server = make_server(host, port, application, threaded=True, request_handler=Quiet, fd=listener.fileno())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = boto3.client("secretsmanager", endpoint_url=f"http://{host}:{port}")
        secret = json.dumps({"session_keys": [Fernet.generate_key().decode()], **order["credentials"]})
        client.create_secret(Name=order["secret_id"], SecretString=secret)
        parent.report_ready()
        wait_forever()


if __name__ == "__main__":
    main()
