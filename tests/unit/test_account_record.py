"""An account's record is read without trusting its shape."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.record import AccountRecord, milliseconds

HASH = "$2b$10$" + "a" * 53


def record(**content: Any) -> AccountRecord:
    return AccountRecord({"_id": "aliceid", **content})


def test_a_whole_record_is_understood() -> None:
    """Every field that Gantry decides by is read from Rocket.Chat's own shape."""
    full = record(
        active=True,
        roles=["user", "admin"],
        emails=[{"address": "a@example.com", "verified": True}, {"address": "b@example.com", "verified": False}],
        lastLogin=datetime(2027, 1, 15, 8, 0, 0, 123000, tzinfo=UTC),
        services={
            "password": {"bcrypt": HASH},
            "totp": {"enabled": True, "secret": "S"},
            "email2fa": {"enabled": True},
            "resume": {"loginTokens": []},
        },
    )
    assert (full.id, full.active, full.has_roles, full.is_admin) == ("aliceid", True, True, True)
    assert (full.password_hash, full.totp_enabled, full.wants_email_codes) == (HASH, True, True)
    assert list(full.emails()) == [("a@example.com", True), ("b@example.com", False)]
    assert full.last_login == 1_800_000_000_123
    assert full.from_provider is False


def test_a_provider_makes_an_oauth_account() -> None:
    """An account with anything but Rocket.Chat's own services counts as one of a provider."""
    assert record(services={"password": {}, "google": {"id": "1"}}).from_provider


@pytest.mark.parametrize("active", [None, 1, "true", False, [True]])
def test_only_true_is_active(active: object) -> None:
    """Rocket.Chat refuses every account whose `active` is not exactly true."""
    assert not record(active=active).active


@pytest.mark.parametrize("hashed", [None, "", "x", 5, {"a": 1}, HASH[:-1], HASH + "a", "$2b$99$" + "a" * 53, "$1$abc"])
def test_what_is_no_bcrypt_hash_is_none(hashed: object) -> None:
    """A hash that bcrypt could not compare with, or only at an absurd cost, is unusable."""
    assert record(services={"password": {"bcrypt": hashed}}).password_hash is None


def test_codes_by_email_need_an_address_that_is_verified() -> None:
    """Rocket.Chat asks for a code by e-mail only where it can send one to a verified address."""
    services = {"email2fa": {"enabled": True}}
    assert not record(services=services, emails=[{"address": "a@x", "verified": False}]).wants_email_codes
    assert record(services=services, emails=[{"address": "a@x", "verified": True}]).wants_email_codes


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["password", "bcrypt", "totp", "enabled", "secret", "iframe", "address", "verified", "resume"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(services=odd, emails=odd, roles=odd, active=odd, last_login=odd)
def test_no_shape_of_a_record_breaks_the_reading(**content: Any) -> None:
    """A half-written account, of whatever types, is read as one that lacks what it should have."""
    strange = record(lastLogin=content.pop("last_login"), **content)
    assert strange.last_login is None
    assert strange.password_hash is None
    assert isinstance(list(strange.emails()), list)
    for flag in (strange.active, strange.has_roles, strange.is_admin, strange.totp_enabled, strange.from_provider):
        assert isinstance(flag, bool)
    assert isinstance(strange.wants_email_codes, bool)


def test_dates_are_compared_in_milliseconds() -> None:
    """Dates with and without a zone are the same moment in UTC, to BSON's millisecond."""
    aware = datetime(2027, 1, 15, 8, 0, 0, 5000, tzinfo=UTC)
    assert milliseconds(aware) == milliseconds(aware.replace(tzinfo=None)) == 1_800_000_000_005
    assert milliseconds("2027") is None
