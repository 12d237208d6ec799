"""Forms are read within limits or refused before anything else happens."""

import contextlib
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import MalformedForm, RequestRefused, WrongContentType
from chalicelib.model import ProviderToken
from chalicelib.secret import Secret
from chalicelib.web import forms
from chalicelib.web.request import Request
from tests.fakes import caller

FORM = "application/x-www-form-urlencoded"


def posted(body: bytes | Callable[[], bytes], content_type: str | None = FORM) -> Request:
    headers = {} if content_type is None else {"content-type": content_type}
    return Request("POST", "/login", "", headers, {}, body if callable(body) else lambda: body, caller())


@pytest.mark.parametrize("content_type", [FORM, FORM + "; charset=UTF-8", FORM.upper() + " ;x"])
def test_a_form_is_read(content_type: str) -> None:
    """An URL-encoded form is read whatever the parameters of its content type."""
    assert forms.read(posted(b"username=al%C3%AFce&password=a+b&x=", content_type)) == {
        "username": "alïce",
        "password": "a b",
        "x": "",
    }


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "text/plain", "multipart/form-data; boundary=x"]
)
def test_another_content_type_is_refused(content_type: str | None) -> None:
    """Promise 20: a wrong or missing content type on a form route is refused."""
    with pytest.raises(WrongContentType):
        forms.read(posted(b"username=a", content_type))


def broken() -> bytes:
    raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")


@pytest.mark.parametrize(
    "body",
    [
        b"username=a&username=b",
        b"a=1&" * 21,
        b"x" * 8193,
        b"username=\xff",
        b"username=%ff",
        "&".join(f"f{number}=1" for number in range(21)).encode(),
        broken,
    ],
)
def test_a_form_beyond_the_limits_is_malformed(body: bytes | Callable[[], bytes]) -> None:
    """Promise 28: duplicate keys, bodies over 8 KiB, too many fields and what is not UTF-8 are malformed."""
    with pytest.raises(MalformedForm):
        forms.read(posted(body))


def test_a_body_of_exactly_8_kib_is_read() -> None:
    """Promise 28: 8,192 bytes pass."""
    assert forms.read(posted(b"a=" + b"x" * 8190))


def test_a_password_is_taken_exactly_as_it_was_typed() -> None:
    """Promise 4: spaces, capitals and any other character of a password stay; a name loses the spaces around it."""
    form = forms.login({"username": "  alice ", "password": "  Pä ss\t"})
    assert isinstance(form, forms.PasswordForm)
    assert (form.username, form.password.reveal()) == ("alice", "  Pä ss\t")
    assert "Pä" not in repr(form)


def test_a_code_is_taken_without_spaces() -> None:
    """Authenticator apps show codes in groups; the gaps do not count."""
    form = forms.login({"challenge": "sealed", "code": " 123 456\u00a0"})
    assert form == forms.CodeForm("sealed", "123456")
    assert "123456" not in repr(form)


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({}, ("username", "password")),
        ({"username": "a"}, ("password",)),
        ({"username": " ", "password": "x"}, ("username",)),
        ({"username[$ne]": "", "password[$ne]": ""}, ("username", "password")),
        ({"username": "a" * 255, "password": "x"}, ("username",)),
        ({"username": "a\x00b", "password": "x"}, ("username",)),
        ({"challenge": "c"}, ("code",)),
        ({"challenge": "c", "code": "  "}, ("code",)),
        ({"challenge": "c", "code": "1" * 65}, ("code",)),
        ({"challenge": "c", "code": "\x00"}, ("code",)),
    ],
)
def test_what_is_missing_is_named(fields: dict[str, str], missing: tuple[str, ...]) -> None:
    """Promise 28: a form without what it must have is malformed, and the fields to mend are named."""
    with pytest.raises(MalformedForm) as malformed:
        forms.login(fields)
    assert malformed.value.fields == missing


def test_a_providers_token_is_taken_as_it_came() -> None:
    """Promises 28 and 38: token and secret are read, hidden in reprs, and whatever else an answer claims is not."""
    token = forms.relay({"token": "t" * 4096, "secret": "!~", "email": "bob@example.org", "provider": "google"})
    assert isinstance(token, ProviderToken)
    assert token == ProviderToken(Secret("t" * 4096), Secret("!~"))
    assert "ttt" not in repr(token)
    assert forms.relay({"token": "x"}) == ProviderToken(Secret("x"))


@pytest.mark.parametrize("bad", ["", " ", "a b", "a\t", "a\n", "\x7f", "\u00e9", "\uff21", "x" * 4097])
def test_what_cannot_be_a_token_is_malformed(bad: str) -> None:
    """Promise 28: a token or a secret is 1 to 4,096 visible ASCII characters, or the form is malformed."""
    for fields in ({"token": bad}, {"token": "x", "secret": bad}, {"secret": "x"}):
        with pytest.raises(MalformedForm):
            forms.relay(fields)


def test_a_code_goes_back_to_the_relay() -> None:
    """The second factor's form is read as after a password, and a token beside it counts for nothing."""
    assert forms.relay({"challenge": "sealed", "code": "123 456", "token": "x"}) == forms.CodeForm("sealed", "123456")
    with pytest.raises(MalformedForm) as malformed:
        forms.relay({"challenge": "sealed", "token": "x"})
    assert malformed.value.fields == ("code",)


@given(st.binary(max_size=300), st.text(max_size=60))
def test_nothing_that_is_posted_raises_anything_else(body: bytes, content_type: str) -> None:
    """Promise 28: whatever is posted is a form or a refusal."""
    for kind in (FORM, content_type):
        for understand in (forms.login, forms.relay):
            with contextlib.suppress(RequestRefused):
                understand(forms.read(posted(body, kind)))


@given(st.dictionaries(st.sampled_from(["username", "password", "challenge", "code"]), st.text(max_size=40)))
def test_what_a_browser_encodes_is_what_is_read(fields: dict[str, str]) -> None:
    """Every text that a browser can put into a form comes out as it went in."""
    try:
        body = urlencode(fields).encode()
    except UnicodeEncodeError:
        return
    assert forms.read(posted(body)) == fields
