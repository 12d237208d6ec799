"""How the stand-in workspace says no."""

from __future__ import annotations

from collections.abc import Mapping


class LoginRefused(Exception):
    """A login that a handler, or what comes after every handler, turned down."""

    def __init__(self, error: str | int, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.details = details


class BadRequest(Exception):
    """A call that the API does not take: 400. `note` is a shorter word for the inspector; some have no error type."""

    def __init__(
        self, message: str, error_type: str | int | None = "invalid-params", *, note: str = "", ordinary: bool = False
    ) -> None:
        super().__init__(message)
        self.note = note or message
        self.ordinary = ordinary
        self.message = message
        self.error_type = error_type
