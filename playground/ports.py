"""Ports on loopback."""

from __future__ import annotations

import socket


def bind(host: str, port: int, *, listen: bool) -> socket.socket:
    """A socket bound to that port, a free one for 0; OSError when another program listens there.

    Bound without listening it only keeps the place: whoever connects is still refused.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        if listen:
            bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound
