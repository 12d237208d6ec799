"""The deployed Gantry, by the requests that a browser makes: Gantry itself over HTTP, and what stands in its place."""

from collections.abc import Callable
from typing import Any

import pytest

from admin.doctor import browser
from admin.doctor.browser import check_faults, cookie_faults, preflight_faults
from admin.doctor.finding import Finding
from admin.doctor.patient import Patient
from chalicelib.rocketchat import Call, Reply
from chalicelib.web import cookies
from playground.workspace import Fault
from tests.admin.doctor.clinic import Clinic, levels, told
from tests.fakes import settings

ORIGIN = "https://chat.example.com"
GOOD = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "Content-Type",
    "vary": "Accept-Encoding, Origin",
}


def kept(*pairs: str) -> str:
    return " ".join(pairs)


def looked_through(
    clinic: Clinic, check: Callable[[Patient], Any], proxy: Callable[[Call, Reply], Reply]
) -> list[Finding]:
    """What a check finds where something between us and Gantry changes the answers."""
    with clinic.patient() as patient:
        real = patient.gate
        vars(patient)["gate"] = lambda call, deadline: proxy(call, real(call, deadline))
        return list(check(patient))


# --- the session check -----------------------------------------------------------------------------------------------


def test_gantry_itself_is_fine(clinic: Clinic) -> None:
    """What Gantry answers to the workspace's browsers, and to strangers, is what they need."""
    assert levels(clinic.look(browser.session)) == ["ok", "ok"]


def test_every_address_of_the_workspace_is_tried(clinic: Clinic) -> None:
    """A further origin that was not deployed is refused there, and that is an error."""
    clinic.settings["ALLOWED_ORIGINS"] = "https://chat.example.org"
    found = clinic.look(browser.session)
    assert levels(found) == ["error", "ok"]
    assert "https://chat.example.org: 403" in told(found)
    clinic.serve()
    assert levels(clinic.look(browser.session)) == ["ok", "ok"]


def test_a_gantry_that_cannot_use_its_settings_breaks_sign_in(clinic: Clinic) -> None:
    """It answers 503, and the log says why: the command that shows it is told."""
    clinic.serve(COOKIE_SITE="canary")
    found = clinic.look(browser.session)
    assert levels(found)[0] == "error"
    assert "503" in told(found)
    assert "aws logs tail" in told(found)


def test_another_server_in_gantrys_place_breaks_sign_in(clinic: Clinic) -> None:
    """An address that is not Gantry's is told, without a traceback."""
    assert levels(clinic.look(browser.session, url=clinic.serving.url))[0] == "error"


def test_an_address_that_nobody_answers_breaks_sign_in(clinic: Clinic) -> None:
    """Nothing listens there."""
    found = clinic.look(browser.session, url="http://127.0.0.1:1/api")
    assert levels(found) == ["error"]
    assert "--url" in told(found)


def test_a_proxy_that_opens_gantry_to_everybody_is_an_error(clinic: Clinic) -> None:
    """CORS headers for a foreign origin, whoever has put them there."""

    def proxy(call: Call, reply: Reply) -> Reply:
        opened = {"access-control-allow-origin": call.headers.get("Origin", "")}
        return Reply(reply.status, {**reply.headers, **opened}, reply.body)

    found = looked_through(clinic, browser.session, proxy)
    assert levels(found) == ["ok", "error"]
    assert "gantry-doctor.invalid" in told(found)


@pytest.mark.parametrize("name", ["access-control-allow-origin", "access-control-allow-credentials", "vary"])
@pytest.mark.parametrize("value", [None, "*"])
def test_each_header_of_a_check_matters(name: str, value: str | None) -> None:
    """Without it, or with a wildcard, the browser throws the answer away or a cache gives it to others."""
    headers = {key: kept for key, kept in GOOD.items() if key != name} | ({name: value} if value else {})
    assert list(check_faults(Reply(401, GOOD, b""), ORIGIN)) == []
    assert len(list(check_faults(Reply(401, headers, b""), ORIGIN))) == 1
    assert len(list(preflight_faults(Reply(204, headers, b""), ORIGIN))) == 1


@pytest.mark.parametrize("name", ["access-control-allow-methods", "access-control-allow-headers"])
def test_each_header_of_a_preflight_matters(name: str) -> None:
    """Rocket.Chat 6 and 7 post JSON: method and content type must be allowed."""
    assert list(preflight_faults(Reply(204, GOOD, b""), ORIGIN)) == []
    assert len(list(preflight_faults(Reply(204, GOOD | {name: ""}, b""), ORIGIN))) == 1


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply(401, GOOD, b"x"), "body"),
        (Reply(200, GOOD, b""), "not Gantry"),
        (Reply(403, {}, b'{"message":"Missing Authentication Token"}'), "/api"),
        (Reply(502, {}, b""), "fails"),
        (Reply(418, {}, b""), "418"),
    ],
)
def test_what_is_no_answer_of_gantrys_is_named(reply: Reply, word: str) -> None:
    """Each of the usual ways to be wrong has its words."""
    assert word in " ".join(check_faults(reply, ORIGIN))


# --- the cookie ------------------------------------------------------------------------------------------------------


def test_the_right_cookie_is_fine(clinic: Clinic) -> None:
    """localhost and 127.0.0.1 are two sites, and COOKIE_SITE is cross by default."""
    assert levels(clinic.look(browser.cookie)) == ["ok", "ok"]


def test_a_cookie_that_was_not_seen_is_a_note(clinic: Clinic) -> None:
    """Asked twice within half a minute, Gantry is not sure that no key opens the cookie, and keeps it."""
    assert levels(clinic.look(browser.cookie)) == ["ok", "ok"]
    found = clinic.look(browser.cookie)
    assert levels(found) == ["ok", "note"]
    assert "half a minute" in told(found)


def test_same_across_two_sites_breaks_the_session(clinic: Clinic) -> None:
    """The workspace and Gantry are two sites, so a Lax cookie never comes: an error, with the command."""
    clinic.settings["COOKIE_SITE"] = "same"
    clinic.serve()
    found = clinic.look(browser.cookie)
    assert levels(found) == ["error", "ok"]
    assert "init --yes --set COOKIE_SITE=cross, then chalice deploy" in told(found)


def test_a_cookie_that_was_not_deployed_is_seen(clinic: Clinic) -> None:
    """The file says one thing and the deployed function does another: its cookie tells."""
    clinic.serve(COOKIE_SITE="same")
    assert levels(clinic.look(browser.cookie)) == ["ok", "error"]


@pytest.mark.parametrize(
    ("url", "site", "level"),
    [
        ("https://gantry.example.com/api", "same", "ok"),
        ("https://gantry.example.com/api", "cross", "warning"),
        ("https://x.execute-api.eu-central-1.amazonaws.com/api", "cross", "ok"),
        ("https://x.execute-api.eu-central-1.amazonaws.com/api", "same", "error"),
    ],
)
def test_cookie_site_follows_the_addresses(url: str, site: str, level: str) -> None:
    """A custom domain beside the workspace is its site, an address of API Gateway's is another."""
    assert levels(browser.site(settings(COOKIE_SITE=site), url, kept)) == [level]


def test_a_doubt_about_the_site_is_a_note() -> None:
    """Where the ending cannot be judged, that is said."""
    unsure = settings(ROCKETCHAT_URL="https://chat.xy.zz")
    assert levels(browser.site(unsure, "https://gantry.xy.zz/api", kept)) == ["note"]


@pytest.mark.parametrize("site", ["cross", "same"])
def test_each_attribute_of_the_cookie_matters(site: cookies.Site) -> None:
    """Whatever is taken off, or a Domain that is put on, is a fault."""
    given, wanted = cookies.expire(site), settings(COOKIE_SITE=site)
    assert cookie_faults(given, wanted) == []
    for attribute in cookies.expire(site).split("; ")[2:]:
        assert cookie_faults(given.replace(f"; {attribute}", ""), wanted), attribute
    assert cookie_faults(f"{given}; Domain=example.com", wanted)
    assert cookie_faults(given.replace("__Host-", ""), wanted)


# --- the login page, and what the function reaches --------------------------------------------------------------------


def test_the_login_page_may_be_framed(clinic: Clinic) -> None:
    """Gantry's own answer lets the workspace frame it."""
    assert levels(clinic.look(browser.login_page)) == ["ok"]


@pytest.mark.parametrize("header", [{"x-frame-options": "DENY"}, {"content-security-policy": "default-src 'none'"}])
def test_a_page_that_may_not_be_framed_breaks_sign_in(clinic: Clinic, header: dict[str, str]) -> None:
    """A header that forbids the frame, or does not name the workspace, leaves it empty."""

    def proxy(call: Call, reply: Reply) -> Reply:
        return Reply(reply.status, {**reply.headers, **header}, reply.body)

    assert levels(looked_through(clinic, browser.login_page, proxy)) == ["error"]


def test_what_the_function_reaches_is_fine(clinic: Clinic) -> None:
    """The function says of itself that it reaches all."""
    found = clinic.look(browser.inside)
    assert levels(found) == ["ok"]
    assert "secret, workspace" in told(found)


def test_what_the_function_does_not_reach_is_an_error(clinic: Clinic) -> None:
    """The doctor's own rights and network say nothing of the function's: it is asked itself."""
    clinic.workspace.fault("info", Fault(status=502, body=b"canary"), times=None)
    found = clinic.look(browser.inside)
    assert levels(found) == ["error"]
    assert "workspace" in found[0].what


def test_a_function_that_tells_nothing_is_a_note(clinic: Clinic) -> None:
    """Another server's answer is no word of Gantry's."""
    assert levels(clinic.look(browser.inside, url=clinic.serving.url)) == ["note"]


def test_no_address_is_said_once(clinic: Clinic) -> None:
    """Where it is not known where Gantry is, the checks of it are named in one note, with the option that helps."""
    clinic.deployed = {"resources": []}
    clinic.write()
    output = clinic.run().output
    assert output.count("--url https://") == 1
    assert "session check, cookie, login page, health: it is not known where Gantry is deployed" in " ".join(
        output.split()
    )
