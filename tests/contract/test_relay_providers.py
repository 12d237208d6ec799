"""The three providers over HTTP, against stand-ins that refuse what the vendors' documentation says they refuse."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, GantryError, RateLimited, RelayRefused, Unavailable
from chalicelib.model import Identity, ProviderToken
from chalicelib.relay.applications import FacebookApplication, GoogleApplication, TwitterApplication
from chalicelib.relay.facebook import FacebookProvider
from chalicelib.relay.google import GoogleProvider
from chalicelib.relay.twitter import PROVED_SECONDS, TwitterProvider
from chalicelib.secret import Secret
from chalicelib.signin import Provider
from chalicelib.transport import HttpTransport
from playground.providers import DEMO, FAULTS, NAMES, Providers, Serving, serve_providers
from tests.fakes import FakeClock

ALICE, GINA, NOEL = DEMO
EXPIRING = ("google", "facebook")
WITH_SECRET = ("facebook", "twitter")


@dataclass
class SecretKept:
    """A secret that has been read, and what it is when it is read anew."""

    known: Credentials
    renewed: Credentials | None = None
    refreshes: int = field(default=0)

    def current(self, deadline: Deadline) -> Credentials:
        return self.known

    def refreshed(self, deadline: Deadline) -> Credentials:
        self.refreshes += 1
        self.known = self.renewed or self.known
        return self.known


def credentials(applications: Mapping[str, Mapping[str, str]], **changed: str) -> Credentials:
    """The secret with these applications; `changed` are parts that somebody has mistyped."""
    google, facebook, twitter = (applications[name] for name in NAMES)
    return Credentials(
        (),
        google=GoogleApplication(google["client_id"], web_client_id="web.apps.googleusercontent.com"),
        facebook=FacebookApplication(
            changed.get("app_id", facebook["app_id"]), Secret(changed.get("app_secret", facebook["app_secret"]))
        ),
        twitter=TwitterApplication(
            changed.get("consumer_key", twitter["consumer_key"]),
            Secret(changed.get("consumer_secret", twitter["consumer_secret"])),
        ),
    )


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    with serve_providers(Providers(FakeClock())) as serving:
        yield serving


@pytest.fixture
def vendors(serving: Serving, clock: FakeClock) -> Providers:
    """The vendors as they are at first, whatever another test has done to them."""
    vendors = serving.providers
    vendors.clock = clock
    vendors.faults, vendors.calls, vendors.suspended = {}, [], set()
    return vendors


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kept(vendors: Providers) -> SecretKept:
    return SecretKept(credentials(vendors.applications))


@pytest.fixture
def provider(serving: Serving, kept: SecretKept, clock: FakeClock) -> Callable[[str], Provider]:
    """A provider by its name: one object, as in a container."""

    def made(name: str) -> Provider:
        send = HttpTransport(serving.urls[name], name, clock)
        if name == "google":
            return GoogleProvider(send, kept, clock, profiles=send)
        if name == "facebook":
            return FacebookProvider(send, kept, clock)
        return TwitterProvider(send, kept, serving.urls[name], clock)

    known: dict[str, Provider] = {}
    return lambda name: known.setdefault(name, made(name))


def token(granted: Mapping[str, Any]) -> ProviderToken:
    return ProviderToken(Secret(granted["token"]), Secret(granted["secret"]) if granted["secret"] else None)


def identify(provider: Provider, granted: Mapping[str, Any], seconds: float = 20.0) -> Identity:
    return provider.identify(token(granted), Deadline.after(seconds))


def refusal(provider: Provider, granted: Mapping[str, Any]) -> str:
    """The word for the log; nothing of the token or the person stands in it."""
    with pytest.raises(RelayRefused) as refused:
        identify(provider, granted)
    told = f"{refused.value} {refused.value!r}"
    assert not [each for each in (granted["token"], granted["secret"], granted["id"]) if each and each in told]
    return refused.value.why


def problem(provider: Provider, granted: Mapping[str, Any]) -> str:
    """The key of the one thing that an administrator has to mend."""
    with pytest.raises(ConfigurationError) as error:
        identify(provider, granted)
    (only,) = error.value.problems
    assert granted["token"] not in str(error.value)
    return only.key


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("google", Identity("google", ALICE.ids["google"], "alice.archer", ALICE.email, True, ALICE.name)),
        ("facebook", Identity("facebook", ALICE.ids["facebook"], "alice.archer", ALICE.email, False, ALICE.name)),
        ("twitter", Identity("twitter", ALICE.ids["twitter"], "alice_archer", ALICE.email, True, ALICE.name)),
    ],
)
def test_a_good_token_says_who_somebody_is(
    provider: Callable[[str], Provider], vendors: Providers, name: str, expected: Identity
) -> None:
    """Promise 37: the provider's id is the subject, and an address counts as verified where the provider says so."""
    granted = vendors.grant(name, "alice")
    assert identify(provider(name), granted) == expected
    assert provider(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_the_same_token_may_be_shown_again(provider: Callable[[str], Provider], vendors: Providers, name: str) -> None:
    """Each call stands for itself: a second look at a token is no replay."""
    granted = vendors.grant(name, "gina")
    assert identify(provider(name), granted) == identify(provider(name), granted)


@pytest.mark.parametrize("name", NAMES)
def test_a_token_of_another_application_is_refused(
    provider: Callable[[str], Provider], vendors: Providers, name: str
) -> None:
    """Promise 38: a live token of a known person counts for nothing where it was made for another application."""
    why = refusal(provider(name), vendors.grant(name, "alice", application="another"))
    assert "made for another application" in why


def test_google_must_name_our_client_twice(provider: Callable[[str], Provider], vendors: Providers) -> None:
    """Promise 38: audience and presenter of Google's are our client, or the web client that the secret names."""
    ours, web = vendors.application_id("google"), "web.apps.googleusercontent.com"
    assert identify(provider("google"), vendors.grant("google", "alice", audience=web)).subject == ALICE.ids["google"]
    for application, audience in (("another", ours), ("another", web), ("workspace", "somebody-else")):
        granted = vendors.grant("google", "alice", application, audience=audience)
        assert refusal(provider("google"), granted) == "google: made for another application"


@pytest.mark.parametrize("name", EXPIRING)
def test_an_expired_token_is_refused(provider: Callable[[str], Provider], vendors: Providers, name: str) -> None:
    """A token whose time is over at the provider signs nobody in."""
    granted = vendors.grant(name, "alice")
    vendors.expire(granted)
    assert refusal(provider(name), granted) in ("google: not accepted", "facebook: not valid")


@pytest.mark.parametrize("name", NAMES)
def test_a_revoked_token_is_refused(provider: Callable[[str], Provider], vendors: Providers, name: str) -> None:
    """A token that its person has taken back signs nobody in."""
    granted = vendors.grant(name, "alice")
    vendors.revoke(granted)
    assert refusal(provider(name), granted)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("made_up", ["?", "a&input_token=b#%00", "1|2", "~" * 4096])
def test_a_malformed_token_is_refused(
    provider: Callable[[str], Provider], vendors: Providers, name: str, made_up: str
) -> None:
    """Promise 38: whatever a browser makes up is refused by the provider, and gets nowhere but there."""
    granted = {**vendors.grant(name, "alice"), "token": made_up}
    assert refusal(provider(name), granted)


@pytest.mark.parametrize("person", [NOEL.key])
@pytest.mark.parametrize("name", NAMES)
def test_without_the_permission_there_is_no_address(
    provider: Callable[[str], Provider], vendors: Providers, name: str, person: str
) -> None:
    """Somebody who keeps the address to themselves is known all the same, without any address."""
    identity = identify(provider(name), vendors.grant(name, person))
    assert (identity.subject, identity.email, identity.email_verified) == (NOEL.ids[name], None, False)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_browser_claims_is_not_looked_at(
    provider: Callable[[str], Provider], vendors: Providers, name: str
) -> None:
    """Promise 37: the port takes a token alone, so the provider's answer is the only word on who somebody is."""
    granted = vendors.grant(name, "gina")
    forged = {**granted, "id": ALICE.ids[name], "email": ALICE.email, "name": ALICE.name, "username": "alice"}
    assert identify(provider(name), forged).subject == GINA.ids[name]


def test_a_forged_secret_is_the_browsers_fault(
    provider: Callable[[str], Provider], vendors: Providers, kept: SecretKept, clock: FakeClock
) -> None:
    """Promise 34: a forged half of Twitter's token neither reads our secret anew nor costs Twitter a call each time."""
    forged = {**vendors.grant("twitter", "alice"), "secret": "forged"}
    for _ in range(3):
        assert refusal(provider("twitter"), forged) == "twitter: the token's secret is not its own"
    assert [call.route for call in vendors.calls].count("oauth2/token") == 1
    clock.now += PROVED_SECONDS
    assert refusal(provider("twitter"), forged)
    assert [call.route for call in vendors.calls].count("oauth2/token") == 2
    assert kept.refreshes == 0


def test_twitter_wants_both_halves(provider: Callable[[str], Provider], vendors: Providers) -> None:
    """Without the token's secret nothing can be signed, and Twitter is not asked."""
    assert "half" in refusal(provider("twitter"), {**vendors.grant("twitter", "alice"), "secret": ""})
    assert vendors.calls == []


def test_the_signature_covers_the_address(
    serving: Serving, vendors: Providers, kept: SecretKept, clock: FakeClock
) -> None:
    """RFC 5849, section 3.4.1: what was signed for one address is refused at another."""
    send = HttpTransport(serving.urls["twitter"], "twitter", clock)
    elsewhere = TwitterProvider(send, kept, "https://api.twitter.com", clock)
    assert "secret" in refusal(elsewhere, vendors.grant("twitter", "alice"))


def test_a_suspended_person_is_refused(provider: Callable[[str], Provider], vendors: Providers) -> None:
    """Somebody whom Twitter has suspended is not signed in by it."""
    vendors.suspended.add("alice")
    assert refusal(provider("twitter"), vendors.grant("twitter", "alice")) == "twitter: suspended"


@pytest.mark.parametrize(
    ("name", "mistyped", "key"),
    [
        ("facebook", {"app_secret": "wrong"}, "facebook.app_secret"),
        ("facebook", {"app_id": "1"}, "facebook.app_secret"),
        ("twitter", {"consumer_secret": "wrong"}, "twitter.consumer_secret"),
        ("twitter", {"consumer_key": "wrong"}, "twitter.consumer_secret"),
    ],
)
def test_a_wrong_application_is_read_anew_and_then_told(
    provider: Callable[[str], Provider],
    vendors: Providers,
    kept: SecretKept,
    name: str,
    mistyped: dict[str, str],
    key: str,
) -> None:
    """Promise 34: an application that is refused is read anew once; refused again, its key is told, never its value."""
    granted = vendors.grant(name, "alice")
    kept.known = credentials(vendors.applications, **mistyped)
    assert problem(provider(name), granted) == key
    assert kept.refreshes == 1
    kept.renewed = credentials(vendors.applications)
    assert identify(provider(name), granted).subject == ALICE.ids[name]
    assert kept.refreshes == 2


@pytest.mark.parametrize(("name", "key"), [("facebook", "facebook.app_secret"), ("twitter", "twitter.consumer_key")])
def test_a_suspended_application_is_told(
    provider: Callable[[str], Provider], vendors: Providers, kept: SecretKept, name: str, key: str
) -> None:
    """An application that the vendor has shut out is the administrator's affair and nobody else's fault."""
    vendors.faults[name] = "application"
    assert problem(provider(name), vendors.grant(name, "alice")) == key
    assert kept.refreshes == 1


@pytest.mark.parametrize("name", NAMES)
def test_no_application_in_the_secret_is_told(
    provider: Callable[[str], Provider], vendors: Providers, kept: SecretKept, name: str
) -> None:
    """Where a rotation has removed an application no vendor is asked, and its key is told."""
    kept.known = Credentials(())
    assert problem(provider(name), vendors.grant(name, "alice")) == name
    assert vendors.calls == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in ("slow", "application")])
def test_a_vendor_in_trouble_is_unavailable(
    provider: Callable[[str], Provider], vendors: Providers, name: str, fault: Any
) -> None:
    """Promise 35: limits, troubles, redirects and pages are no answer; nothing is known, so nobody is to blame."""
    granted = vendors.grant(name, "alice")
    vendors.faults[name] = fault
    with pytest.raises(Unavailable) as unavailable:
        identify(provider(name), granted)
    assert unavailable.value.backend == name
    assert isinstance(unavailable.value, RateLimited) == (fault == "rate")
    if fault == "rate":
        assert unavailable.value.retry_after == (90 if name == "twitter" else 60)
    del vendors.faults[name]
    assert identify(provider(name), granted).subject == ALICE.ids[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_slow_vendor_is_given_up_at_the_deadline(
    provider: Callable[[str], Provider], vendors: Providers, name: str
) -> None:
    """Promise 35: all calls of one sign-in share its deadline, and a vendor that says nothing does not outlast it."""
    vendors.faults[name] = "slow"
    with pytest.raises(Unavailable) as unavailable:
        identify(provider(name), vendors.grant(name, "alice"), seconds=0.15)
    assert unavailable.value.why == "ReadTimeout"


@pytest.mark.parametrize("name", NAMES)
def test_no_token_is_written_down(
    provider: Callable[[str], Provider],
    vendors: Providers,
    kept: SecretKept,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    """Promises 26 and 32: whatever a vendor says and whatever level is logged, no token, secret or person is told."""
    caplog.set_level(logging.DEBUG)
    granted = vendors.grant(name, "alice")
    errors: list[str] = []
    for fault in (None, *(each for each in FAULTS if each != "slow")):
        vendors.faults = {name: fault} if fault else {}
        try:
            identify(provider(name), granted)
        except GantryError as error:
            told: BaseException | None = error
            while told is not None:
                errors.append(f"{told} {told!r}")
                told = None if told.__suppress_context__ else told.__cause__ or told.__context__
    secrets = [*vendors.applications["facebook"].values(), *vendors.applications["twitter"].values()]
    canaries = [granted["token"], granted["secret"], granted["email"], granted["id"], *secrets]
    written = "\n".join([caplog.text, *capsys.readouterr(), *errors])
    assert errors
    assert not [canary for canary in canaries if canary and canary in written]


def test_no_token_stands_in_an_address_but_one(provider: Callable[[str], Provider], vendors: Providers) -> None:
    """Promise 26: tokens travel in headers; Facebook alone wants the one that it inspects in the query."""
    for name in NAMES:
        identify(provider(name), vendors.grant(name, "alice"))
    assert [(call.provider, call.method, call.route, call.query) for call in vendors.calls] == [
        ("google", "POST", "tokeninfo", ()),
        ("google", "GET", "v1/userinfo", ()),
        ("facebook", "GET", "debug_token", ("input_token",)),
        ("facebook", "GET", "me", ("appsecret_proof", "fields")),
        (
            "twitter",
            "GET",
            "1.1/account/verify_credentials.json",
            ("include_email", "include_entities", "skip_status"),
        ),
    ]
