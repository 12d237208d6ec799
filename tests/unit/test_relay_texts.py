"""What is taken from a vendor's answer: names, addresses and times that anybody may have typed."""

import pytest

from chalicelib.relay import answers


@pytest.mark.parametrize(
    ("name", "username"),
    [
        ("Alice Archer", "alice.archer"),
        ("  Zoë  O'Brien-Źdź ", "zoe.o.brien.zdz"),
        ("王小明", "google-567890"),
        ("...", "google-567890"),
        (None, "google-567890"),
        ("a" * 99, "a" * 64),
        ("alice@example.org", "alice.example.org"),
    ],
)
def test_a_username_is_the_name_in_dots(name: str | None, username: str) -> None:
    """Promise 37: a new account is called after the display name, or the id's last digits, never after an address."""
    assert answers.username("google", "1234567890", name) == username


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "a",
        "a@",
        "@a",
        "a@b@c",
        "a b@c",
        "a@b\n",
        "a@b\u2028",
        "a@\ud800",
        "a" * 250 + "@b.example",
        7,
        None,
        ["a@b"],
    ],
)
def test_a_strange_address_is_no_address(hostile: object) -> None:
    """An address is a text of two parts that fits in a mail, or it is not there."""
    assert answers.address(hostile) is None


@pytest.mark.parametrize(
    "hostile", [True, False, -1, 1.5, 10**12, "1.5", "-1", "1e3", "", "9" * 13, "\u0661", None, [1]]
)
def test_a_strange_time_is_no_time(hostile: object) -> None:
    """A time is a whole number of seconds or its digits: above all, false is not the 0 of what does not expire."""
    assert answers.number(hostile) is None


def test_a_name_is_one_line() -> None:
    """Control characters, lone surrogates and endless names do not get past the vendor's answer."""
    assert answers.name(" Alice\r\n\x00 \ud800Archer\u202e ") == "Alice Archer"
    assert len(answers.name("x" * 99_999) or "") == answers.LONGEST_NAME
    assert answers.name("\x00") is None
