"""A secret does not print."""

from dataclasses import dataclass

import pytest

from chalicelib.secret import Secret


def test_a_secret_shows_nothing_of_itself() -> None:
    """Promise 32: neither `repr`, `str` nor a format shows any part of the value, on its own or inside a dataclass."""

    @dataclass
    class Holder:
        inside: Secret

    secret = Secret("canary-value")
    shown = (repr(secret), str(secret), f"{secret}", f"{secret!r:>60}", repr(Holder(secret)), repr([secret]))
    assert not any("canary" in text for text in shown)


def test_a_secret_equals_only_a_secret_of_the_same_value() -> None:
    """Promise 13: secrets compare by value with `hmac.compare_digest`, and never equal a bare string."""
    assert Secret("é") == Secret("é")
    assert Secret("a") != Secret("b")
    assert (Secret("a") == "a") is False
    assert len({Secret("a"), Secret("a")}) == 1


def test_comparison_goes_through_compare_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 13: secrets are compared with `hmac.compare_digest`."""
    seen: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        seen.extend((one, other))
        return True

    monkeypatch.setattr("hmac.compare_digest", compare)
    assert Secret("a") == Secret("b")
    assert seen == [b"a", b"b"]


def test_an_empty_secret_is_false() -> None:
    """An empty secret counts as absent."""
    assert not Secret("")
    assert Secret("x")
