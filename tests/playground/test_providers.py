"""The stand-ins of the providers: what they refuse, and the popup in which a person says yes or no."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests_oauthlib import OAuth1

from playground.providers import DEMO, NAMES, ProviderPerson, Providers, Serving, answer, cancelled, serve_providers
from tests.fakes import NOON, FakeClock

VERIFY = "/1.1/account/verify_credentials.json"


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    with serve_providers(Providers(FakeClock())) as serving:
        yield serving


@pytest.fixture
def vendors(serving: Serving) -> Providers:
    vendors = serving.providers
    vendors.clock = FakeClock()
    vendors.faults, vendors.calls, vendors.suspended = {}, [], set()
    return vendors


def ask(method: str, url: str, **how: Any) -> tuple[int, Any]:
    with requests.Session() as http:
        http.trust_env = False
        with http.request(method, url, **{"timeout": 10, **how}) as reply:
            return reply.status_code, reply.json() if "json" in reply.headers["Content-Type"] else reply.text


def verify(serving: Serving, granted: dict[str, Any], **changed: Any) -> tuple[int, int | None]:
    """The status and the error's code of a signed call; `changed` is what is signed with instead."""
    application = serving.providers.applications["twitter"]
    signed = {
        "client_key": application["consumer_key"],
        "client_secret": application["consumer_secret"],
        "resource_owner_key": granted["token"],
        "resource_owner_secret": granted["secret"],
        "timestamp": str(int(NOON)),
        **changed,
    }
    status, body = ask("GET", serving.urls["twitter"] + VERIFY, auth=OAuth1(**signed))
    return status, body["errors"][0]["code"] if "errors" in body else None


def test_twitter_verifies_the_signature_itself(serving: Serving, vendors: Providers) -> None:
    """RFC 5849: key, secrets, time and nonce are looked at, each with the code that Twitter documents."""
    granted, foreign = vendors.grant("twitter", "alice"), vendors.grant("twitter", "alice", "another")
    assert verify(serving, granted, nonce="one") == (200, None)
    assert verify(serving, granted, nonce="one") == (401, 32)
    assert verify(serving, granted, client_secret="wrong") == (401, 32)
    assert verify(serving, granted, resource_owner_secret="wrong") == (401, 32)
    assert verify(serving, granted, client_key="wrong") == (401, 32)
    assert verify(serving, granted, resource_owner_key="wrong") == (401, 89)
    assert verify(serving, foreign) == (401, 89)
    assert verify(serving, granted, timestamp=str(int(NOON) - 3600)) == (401, 135)
    assert ask("GET", serving.urls["twitter"] + VERIFY)[0] == 400


def test_twitter_knows_an_application_by_its_secret(serving: Serving, vendors: Providers) -> None:
    """The application's own token is given to its key and secret alone."""
    url, application = f"{serving.urls['twitter']}/oauth2/token", vendors.applications["twitter"]
    form, key, secret = {"grant_type": "client_credentials"}, *application.values()
    assert ask("POST", url, data=form, auth=(key, secret))[1]["token_type"] == "bearer"
    assert ask("POST", url, data=form, auth=(key, "wrong"))[1]["errors"][0]["code"] == 99
    assert ask("POST", url, auth=(key, secret))[0] == 400


def test_facebook_refuses_without_the_proof(serving: Serving, vendors: Providers) -> None:
    """A person's data is told to whoever proves to be the application, and a token is inspected for nobody else."""
    granted, base = vendors.grant("facebook", "alice"), serving.urls["facebook"]
    token = {"Authorization": f"Bearer {granted['token']}"}
    assert ask("GET", f"{base}/me", headers=token)[1]["error"]["code"] == 100
    assert ask("GET", f"{base}/me")[1]["error"]["code"] == 2500
    inspected = ask("GET", f"{base}/debug_token", params={"input_token": granted["token"]}, headers=token)
    assert (inspected[0], inspected[1]["error"]["code"]) == (400, 100)


def test_google_describes_any_application_s_token(serving: Serving, vendors: Providers) -> None:
    """A live token is described whoever asks, by header, form or query; to whom it was issued is for them to see."""
    granted, url = vendors.grant("google", "gina", "another"), f"{serving.urls['google']}/tokeninfo"
    token = {"access_token": granted["token"]}
    known = ask("POST", url, headers={"Authorization": f"Bearer {granted['token']}"})
    assert known == ask("POST", url, data=token) == ask("GET", url, params=token)
    assert known[1]["azp"] == vendors.application_id("google", "another")
    assert ask("POST", url)[0] == 400


def test_a_vendor_knows_its_own_tokens_alone(serving: Serving, vendors: Providers) -> None:
    """A token of one vendor is none of another's."""
    headers = {"Authorization": f"Bearer {vendors.grant('facebook', 'alice')['token']}"}
    assert ask("POST", f"{serving.urls['google']}/tokeninfo", headers=headers)[0] == 400
    assert ask("GET", f"{serving.urls['google']}/elsewhere")[0] == 404


@pytest.mark.parametrize("name", NAMES)
def test_a_grant_has_the_shape_of_the_client_s_answer(vendors: Providers, name: str) -> None:
    """What a client of 1.x posts on has the fields of rocketchat-protocol.md, section 2.2."""
    granted = vendors.grant(name, "noel")
    fields = {
        "google": {"email", "userId", "displayName", "gender", "imageUrl", "givenName", "familyName", "oauthToken"},
        "facebook": {"authResponse", "userID"},
        "twitter": {"userName", "userId", "secret", "token"},
    }
    told = answer(granted)
    assert (told["event"], set(told["response"])) == (f"{name}-login-success", fields[name])
    assert granted["token"] in repr(told)
    assert granted["email"] is None
    assert cancelled(name)["event"] == f"{name}-login-error"


@pytest.mark.parametrize("name", NAMES)
def test_the_popup_shows_the_people_and_tells_its_opener_alone(serving: Serving, vendors: Providers, name: str) -> None:
    """The page has a button for each person and Cancel, and only an origin can be told."""
    url = f"{serving.urls[name]}/consent"
    status, page = ask("GET", url, params={"origin": "http://localhost:3000"})
    assert status == 200
    assert re.findall(r'data-person="(\w+)"', page) == [person.key for person in DEMO]
    assert 'data-origin="http://localhost:3000"' in page
    assert 'id="cancel"' in page
    for origin in ("", "*", "null", "http://localhost:3000/path", 'http://a"onload="', "javascript:alert(1)"):
        assert ask("GET", url, params={"origin": origin})[0] == 400
    status, message = ask("POST", url, json={"person": "gina", "application": "another"})
    assert (message["provider"], message["person"]) == (name, "gina")
    assert message["answer"] == answer(message["granted"])
    found = vendors.find(name, message["granted"]["token"])
    assert found is not None
    assert found.application == vendors.application_id(name, "another")
    assert ask("POST", url, json={"person": ["gina"]})[0] == 404
    assert ask("POST", url, data="x")[0] == 404
    assert vendors.calls == []


def test_what_waits_ends_with_the_serving() -> None:
    """A slow vendor keeps nobody beyond its bound, and nobody at all once the serving ends."""
    vendors = Providers(people=(ProviderPerson(key="zoe", name="Zoe", ids=dict.fromkeys(NAMES, "1")),))
    vendors.slow_seconds = 0.01
    vendors.faults["google"] = "slow"
    with serve_providers(vendors) as serving:
        assert ask("POST", f"{serving.urls['google']}/tokeninfo")[0] == 503
        vendors.slow_seconds = 60
        with pytest.raises(requests.Timeout):
            ask("POST", f"{serving.urls['google']}/tokeninfo", timeout=0.05)
    assert vendors.grant("twitter", "zoe")["id"] == "1"
