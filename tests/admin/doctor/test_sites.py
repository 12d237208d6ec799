"""Which addresses are one site, as far as that can be told without the Public Suffix List."""

import pytest

from admin.doctor.sites import Relation, registrable, relation


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("chat.example.com", "example.com"),
        ("a.b.chat.example.com.", "example.com"),
        ("Chat.Example.CO.UK", "example.co.uk"),
        ("example.com.br", "example.com.br"),
        ("chat.example.de", "example.de"),
        ("x1.execute-api.eu-central-1.amazonaws.com", "x1.execute-api.eu-central-1.amazonaws.com"),
        ("d111.cloudfront.net", "d111.cloudfront.net"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("localhost", "localhost"),
    ],
)
def test_the_registrable_domain_is_approximated(host: str, domain: str) -> None:
    """Two labels, three below a country's second level, the whole name where strangers share a suffix."""
    assert registrable(host) == domain


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("https://chat.example.com", "https://gantry.example.com/api", "same"),
        ("https://example.com", "https://auth.example.com:8443", "same"),
        ("https://chat.example.com", "https://x.execute-api.eu-central-1.amazonaws.com/api", "cross"),
        ("https://a.execute-api.eu-west-1.amazonaws.com", "https://b.execute-api.eu-west-1.amazonaws.com", "cross"),
        ("https://a.example.co.uk", "https://b.other.co.uk", "cross"),
        ("https://a.github.io", "https://b.github.io", "cross"),
        ("http://localhost:3000", "http://127.0.0.1:8000", "cross"),
        ("http://localhost:3000", "http://localhost:8000", "same"),
        ("https://chat.example.com", "http://gantry.example.com", "cross"),
        ("https://a.xy.zz", "https://b.xy.zz", "unsure"),
    ],
)
def test_two_addresses_are_one_site_or_two(one: str, other: str, found: Relation) -> None:
    """Scheme and registrable domain decide, whatever ports and paths there are; a doubt is told as one."""
    assert relation(one, other) == found
    assert relation(other, one) == found
