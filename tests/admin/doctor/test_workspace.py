"""The workspace: its version, its settings, and what they mean for Gantry."""

from collections.abc import Callable
from typing import Any

import pytest

from admin.doctor import workspace
from admin.doctor.checklist import CHECKS
from admin.doctor.finding import Finding
from admin.doctor.patient import Patient
from admin.doctor.workspace import release_of, version
from chalicelib.deadline import Deadline
from chalicelib.rocketchat import Call, Reply
from playground.workspace import Fault, rest
from playground.workspace.settings import PUBLIC
from tests.admin.doctor.clinic import Clinic, levels, told

USERNAMES = "Accounts_AllowUsernameChange"
TOKENS = {"DIRECTORY": "users"}

Show = Callable[..., None]
"""Give settings of the workspace values, and make them public."""


@pytest.fixture
def public(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Show:
    """As Rocket.Chat has it: whether usernames can be changed and which OAuth is on are public; a test shows more."""
    known = set(PUBLIC)

    def show(**values: object) -> None:
        clinic.workspace.settings.update(values)
        known.update(values)
        monkeypatch.setattr(rest, "PUBLIC", frozenset(known))

    show(Accounts_AllowUsernameChange=True, Accounts_OAuth_Google=False)
    return show


@pytest.fixture
def with_tokens(clinic: Clinic) -> Clinic:
    """A deployment that makes tokens by `users.createToken`."""
    clinic.settings |= TOKENS
    clinic.secret |= {"rocketchat_create_token_secret": "canary-secret", "users": {"alice": {"password": HASH}}}
    clinic.administrator()
    return clinic


HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43


# --- reachable, version ----------------------------------------------------------------------------------------------


def test_a_workspace_that_answers_is_fine(clinic: Clinic) -> None:
    """It answers, the clocks agree, and its version is one that works."""
    assert set(levels(clinic.look(workspace.reachable))) == {"ok"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=502, body=b"<html>canary</html>"),
        Fault(status=301, headers={"Location": "https://canary.example.com/"}),
        Fault(cut=True),
    ],
)
def test_a_workspace_that_gives_no_answer_breaks_sign_in(clinic: Clinic, fault: Fault) -> None:
    """No answer, a proxy's page, a redirect: an error, with the command to look at it."""
    clinic.workspace.fault("info", fault, times=2)
    found = clinic.look(workspace.reachable)
    assert levels(found) == ["error"]
    assert "curl -i" in told(found)


@pytest.mark.parametrize(
    ("told_version", "level"),
    [
        ("8.6", "ok"),
        ("8.0.4", "ok"),
        ("7.10", "ok"),
        ("7.9", "error"),
        ("7.8.2", "error"),
        ("7.7", "note"),
        ("6.13", "note"),
        ("3.18", "note"),
        ("0.60", "note"),
        ("8.7", "note"),
        ("10.0", "note"),
        (None, "note"),
        ("canary", "note"),
    ],
)
def test_the_version_matrix_is_known(told_version: object, level: str) -> None:
    """7.8 and 7.9 break sign-in, older and newer ones have a note, and a version that is not told is no fault."""
    assert levels(version(release_of(told_version))) == [level]


@pytest.mark.parametrize(
    ("told_version", "level"), [("8.5", "warning"), ("8.6", "note"), ("8.7", "ok"), ("7.10", "warning")]
)
def test_tokens_for_others_without_permission_are_told(with_tokens: Clinic, told_version: str, level: str) -> None:
    """Until 8.6.1 `users.createToken` made tokens for callers without the permission; two numbers cannot tell 8.6.1."""
    with_tokens.workspace.version = told_version
    assert levels(with_tokens.look(workspace.reachable), "createToken") == [level]


def test_the_exact_version_is_taken_where_it_can_be_had(with_tokens: Clinic) -> None:
    """A service account that may see all three numbers clears the doubt about 8.6."""
    answer = b'{"version": "8.6", "info": {"version": "8.6.1"}, "success": true}'
    with_tokens.workspace.fault("info", Fault(status=200, body=answer), times=2)
    assert levels(with_tokens.look(workspace.reachable), "createToken") == ["ok"]


def test_a_relay_makes_tokens_that_way_too(clinic: Clinic) -> None:
    """With the workspace as the directory it is RELAY that has tokens made for other people."""
    clinic.settings["RELAY"] = "google"
    clinic.secret |= {"rocketchat_create_token_secret": "canary-secret", "google": {"client_id": "ours"}}
    clinic.administrator()
    clinic.workspace.version = "8.5"
    assert levels(clinic.look(workspace.reachable), "createToken") == ["warning"]


def test_who_makes_no_tokens_that_way_need_not_know(clinic: Clinic) -> None:
    """Without `users.createToken` nothing is said about it."""
    clinic.workspace.version = "8.5"
    assert levels(clinic.look(workspace.reachable), "createToken") == []


# --- the iframe settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_settings_that_lead_here_are_fine(clinic: Clinic, method: str) -> None:
    """All four, with either method."""
    clinic.workspace.settings["Accounts_Iframe_api_method"] = method
    assert levels(clinic.look(workspace.iframe)) == ["ok"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Accounts_iframe_enabled", False),
        ("Accounts_iframe_url", "https://old.example.com/api/login"),
        ("Accounts_Iframe_api_url", ""),
        ("Accounts_Iframe_api_method", "PUT"),
    ],
)
def test_a_setting_that_leads_elsewhere_breaks_sign_in(clinic: Clinic, name: str, value: object) -> None:
    """Each of the four is compared, told with what it is and should be, and `connect` mends it."""
    clinic.workspace.settings[name] = value
    found = clinic.look(workspace.iframe)
    assert levels(found) == ["error"]
    assert name in found[0].what
    assert found[0].what.count("should be") == 1
    assert found[0].remedy.startswith("python -m admin connect; ")


def test_what_the_workspace_shows_cannot_write_on_the_terminal(clinic: Clinic) -> None:
    """A value of the workspace's comes without control characters, and cut."""
    clinic.workspace.settings["Accounts_iframe_url"] = "\x1b[2J" + "x" * 1000
    found = clinic.look(workspace.iframe)
    assert "\x1b" not in told(found)
    assert len(told(found)) < 700


def test_without_our_address_the_settings_are_not_judged(clinic: Clinic) -> None:
    """Where it is not known where Gantry is, only the switch is looked at."""
    clinic.deployed = {"resources": []}
    assert levels(clinic.look(workspace.iframe)) == ["note"]


def test_settings_that_are_not_told_are_a_note(clinic: Clinic) -> None:
    """A workspace that does not tell its settings is no reason to call them wrong."""
    clinic.workspace.fault("settings.public", Fault(status=500, body=b"canary"), times=None)
    assert levels(clinic.look(workspace.iframe)) == ["note"]


@pytest.mark.parametrize(("own", "level"), [("", []), ("https://old.example.com", ["warning"]), (None, ["ok"])])
def test_the_workspaces_own_address_must_be_ours(clinic: Clinic, own: str | None, level: list[str]) -> None:
    """People who come by the address that the workspace gives itself must not be refused."""
    clinic.workspace.settings["Site_Url"] = clinic.serving.url if own is None else own
    assert levels(clinic.look(workspace.site_url)) == level


# --- links, blocks ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(("may", "level"), [(True, "warning"), (False, "ok")])
def test_links_that_people_can_change_are_told(with_tokens: Clinic, may: bool, level: str) -> None:
    """LINK_BY=username is safe only where nobody can change their username."""
    with_tokens.settings["LINK_BY"] = "username"
    with_tokens.workspace.settings[USERNAMES] = may
    assert levels(with_tokens.look(workspace.usernames)) == [level]


def test_links_whose_setting_is_not_shown_are_a_note(with_tokens: Clinic) -> None:
    """Where the workspace does not show it, the place to look at is told."""
    with_tokens.settings["LINK_BY"] = "username"
    found = with_tokens.look(workspace.usernames)
    assert levels(found) == ["note"]
    assert "Allow Username Change" in told(found)


def test_links_by_address_are_not_concerned(with_tokens: Clinic) -> None:
    """By e-mail, a username is nobody's proof."""
    assert with_tokens.look(workspace.usernames) == []


def test_the_block_by_address_is_explained(clinic: Clinic) -> None:
    """Whether X-Real-IP arrives cannot be seen from outside: the way to find out is told."""
    found = clinic.look(workspace.block_by_address)
    assert levels(found) == ["note"]
    assert "X-Real-IP" in told(found)


def test_no_block_no_note(clinic: Clinic, public: Show) -> None:
    """A workspace that blocks no address locks nobody out."""
    public(Block_Multiple_Failed_Logins_Enabled=True, Block_Multiple_Failed_Logins_By_Ip=True)
    assert levels(clinic.look(workspace.block_by_address)) == ["note"]
    public(Block_Multiple_Failed_Logins_By_Ip=False)
    assert levels(clinic.look(workspace.block_by_address)) == ["ok"]


def test_whoever_logs_nobody_in_is_not_blocked(with_tokens: Clinic) -> None:
    """With tokens by `users.createToken`, Gantry makes no failed login."""
    assert with_tokens.look(workspace.block_by_address) == []


# --- relay -----------------------------------------------------------------------------------------------------------


def relay(clinic: Clinic, secret: dict[str, Any]) -> list[Finding]:
    def check(patient: Patient) -> list[Finding]:
        return list(workspace.relay(patient, secret))

    return clinic.look(check)


def test_a_relay_that_the_workspace_has_is_fine(with_tokens: Clinic, public: Show) -> None:
    """The workspace's version relays, the provider is on there, and it has our application."""
    with_tokens.settings["RELAY"] = "google"
    with_tokens.workspace.version = "1.3"
    public(Accounts_OAuth_Google=True, Accounts_OAuth_Google_id="an-application")
    found = relay(with_tokens, {"google": {"client_id": "an-application"}})
    assert levels(found) == ["ok", "ok", "ok"]
    assert "Rocket.Chat 1.3 relays the logins of google" in told(found)


@pytest.mark.parametrize(("version", "level"), [("1.3", "ok"), ("2.4", "note"), ("8.6", "warning")])
@pytest.mark.usefixtures("public")
def test_a_workspace_that_does_not_relay_is_told(with_tokens: Clinic, version: str, level: str) -> None:
    """Clients from 3 on ignore what the login page asks, which is said once, whatever the number of providers."""
    with_tokens.settings |= {"RELAY": "google,facebook,twitter", "STATE_TABLE": "gantry"}
    with_tokens.workspace.version = version
    first, *rest = relay(with_tokens, {})
    assert first.level == level
    assert ("--set RELAY=" in told([first])) == (level == "warning")
    assert not any("relays" in each.what for each in rest)


def test_a_silent_workspace_is_not_said_to_relay(with_tokens: Clinic, public: Show) -> None:
    """Where the workspace does not tell its version, nothing is claimed about it."""
    with_tokens.settings["RELAY"] = "google"
    public(Accounts_OAuth_Google=True, Accounts_OAuth_Google_id="an-application")
    with_tokens.workspace.fault("info", Fault(status=502, body=b"<html>"), times=None)
    assert levels(relay(with_tokens, {"google": {"client_id": "an-application"}})) == ["note", "ok", "ok"]


@pytest.mark.usefixtures("public")
def test_a_relay_that_is_off_is_told(with_tokens: Clinic) -> None:
    """The workspace's own OAuth is switched off; its id is not shown, so it cannot be compared."""
    with_tokens.settings["RELAY"] = "google"
    with_tokens.workspace.version = "1.3"
    assert levels(relay(with_tokens, {"google": {"client_id": "an-application"}})) == ["ok", "warning", "note"]


def test_another_application_is_told(with_tokens: Clinic, public: Show) -> None:
    """A token for another application than the secret's would be refused; neither id is told."""
    with_tokens.settings["RELAY"] = "google"
    public(Accounts_OAuth_Google=True, Accounts_OAuth_Google_id="canary")
    with_tokens.workspace.version = "1.3"
    found = relay(with_tokens, {"google": {"client_id": "canary-ours"}})
    assert levels(found) == ["ok", "ok", "warning"]
    assert "canary" not in told(found)


def test_the_relay_of_a_valid_configuration_is_looked_at(with_tokens: Clinic, public: Show) -> None:
    """In a whole run, our id comes from the secret, and the workspace's from what its login page is told."""
    with_tokens.settings["RELAY"] = "google"
    with_tokens.secret["google"] = {"client_id": "an-application"}
    public(Accounts_OAuth_Google=True)
    with with_tokens.patient() as patient:
        real = patient.workspace

        def telling(call: Call, deadline: Deadline) -> Reply:
            if not call.path.endswith("/settings.oauth"):
                return real(call, deadline)
            return Reply(200, {}, b'{"services": [{"name": "google", "clientId": "an-application"}], "success": true}')

        vars(patient)["workspace"] = telling
        found = [each for check in CHECKS if check.name == "relay" for each in check.make(patient)]
    assert levels(found) == ["warning", "ok", "ok"]
