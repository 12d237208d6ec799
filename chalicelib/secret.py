"""A string that does not print."""


class Secret:
    """Hold a password, token or key so that only `reveal()` gives it away.

    `repr` and `str` show a fixed text, so a secret inside a dataclass, a log line or a traceback stays hidden.
    Comparison takes the same time wherever two secrets differ (promise 13); it is defined between secrets only, so that
    a bare string never slips through as equal.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # Imported here: this module is part of every start, and OpenSSL's hashes are not.
        from hmac import compare_digest

        return compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)
