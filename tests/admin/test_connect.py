"""`python -m admin connect`: the workspace's four settings, there and back."""

import json
from hashlib import sha256

import pyotp
import pytest

from admin import workspace as calls
from chalicelib.credentials import ServiceAccount
from chalicelib.secret import Secret
from playground.people import BOB_TOTP
from playground.workspace import Fault
from playground.workspace.settings import IFRAME
from tests.admin.conftest import Joined


def wanted(url: str) -> list[object]:
    return [True, f"{url}/login", f"{url}/session", "POST"]


def a_token(joined: Joined, username: str) -> tuple[str, str]:
    """A personal access token of theirs that does not ignore two-factor, for an administrator."""
    workspace = joined.workspace
    workspace.accounts.update(username, {"roles": ["admin", "user"]})
    record = workspace.accounts[username]
    token = workspace.accounts.new_personal_access_token(record, "admin", ignores_second_factor=False)
    joined.checkout.keep([token])
    return record["_id"], token


def changes(joined: Joined) -> list[str]:
    """The settings that were written, in order."""
    return [call.path.rpartition("/")[2] for call in joined.workspace.calls("settings") if call.status == 200]


def test_the_four_settings_are_set_with_the_service_account(joined: Joined) -> None:
    """The addresses come from the deployed state, the token from the secret; before and after are shown."""
    joined.store(account=joined.workspace.add_administrator())
    output = joined.checkout.done("connect")
    assert joined.iframe == wanted(joined.url)
    before, _, after = output.partition("Now:")
    for name, value in zip(IFRAME, ("on", f"{joined.url}/login", f"{joined.url}/session", "POST"), strict=True):
        assert f"{name:<28} {value}" in after
        assert name in before
    assert "off  ->  on" in before
    assert f"(empty)  ->  {joined.url}/login" in before
    assert "private window" in output
    assert "console-login" in output


def test_the_switch_is_thrown_last_and_first_taken_back(joined: Joined) -> None:
    """`Accounts_iframe_enabled` is written after the addresses; --disable writes it alone and leaves the others."""
    joined.store(account=joined.workspace.add_administrator())
    joined.checkout.done("connect")
    assert changes(joined)[-1] == IFRAME[0]
    # POST is the workspace's own default.
    assert sorted(changes(joined)) == sorted(IFRAME[:3])
    output = joined.checkout.done("connect", "--disable")
    assert joined.iframe == [False, *wanted(joined.url)[1:]]
    assert changes(joined)[3:] == [IFRAME[0]]
    assert "left as they are" in output
    assert "own form" in output


def test_a_second_run_changes_nothing(joined: Joined) -> None:
    """Connected already, or disabled already, nothing is written and it is said."""
    joined.store(account=joined.workspace.add_administrator())
    for words in (("connect",), ("connect", "--disable")):
        joined.checkout.done(*words)
        written = len(changes(joined))
        assert "Nothing to do" in joined.checkout.done(*words)
        assert len(changes(joined)) == written


def test_a_dry_run_changes_nothing(joined: Joined) -> None:
    """--dry-run shows what would change, needs no token, and writes nothing."""
    joined.store()
    output = joined.checkout.done("connect", "--dry-run")
    assert f"->  {joined.url}/session" in output
    assert "Nothing was changed (--dry-run): 3 of the four would be." in output
    assert joined.workspace.calls("settings") == []


def test_the_address_can_be_given(joined: Joined) -> None:
    """--url wins over the deployed state; without either, it is said how to deploy."""
    joined.store(account=joined.workspace.add_administrator())
    joined.checkout.deployed("http://127.0.0.1:9")
    joined.checkout.done("connect", "--url", f"{joined.url}/")
    assert joined.iframe == wanted(joined.url)
    (joined.checkout.root / ".chalice" / "deployed" / "prod.json").unlink()
    output = joined.checkout.refused("connect")
    assert "chalice deploy --stage prod" in output
    assert "--url" in output
    for url in ("http://gantry.example.com/api", "nonsense", f"{joined.url}/login"):
        joined.checkout.refused("connect", "--url", url, code=2)


def test_the_iframe_is_not_switched_on_before_a_gantry_that_is_not_there(joined: Joined) -> None:
    """Where nothing answers, or Gantry cannot read its secret, nobody could sign in: nothing is changed."""
    output = joined.checkout.refused("connect")
    assert "cannot use: secret" in output
    assert "nothing was changed" in output
    joined.store(account=joined.workspace.add_administrator())
    for url in ("http://127.0.0.1:9", joined.chat):
        assert "No Gantry answers" in joined.checkout.refused("connect", "--url", url)
    assert joined.iframe == [False, "", "", "POST"]
    joined.checkout.done("connect", "--url", "http://127.0.0.1:9", "--force")
    assert joined.iframe == wanted("http://127.0.0.1:9")


@pytest.mark.usefixtures("terminal")
def test_without_a_service_account_a_token_is_asked_for(joined: Joined) -> None:
    """The token is typed without being shown, used, and not kept; what no header can carry is asked for again."""
    joined.store()
    user_id, token = joined.workspace.add_administrator()
    joined.checkout.keep([token])
    before = joined.checkout.secret()
    output = joined.checkout.done("connect", typed=f"{user_id}\ncan ary\n{token}\n")
    assert "ignore two factor authentication" in output
    assert joined.iframe == wanted(joined.url)
    assert joined.checkout.secret() == before


def test_without_a_terminal_a_token_comes_from_a_file(joined: Joined) -> None:
    """A pipe gives the token; without one it is said where to put it."""
    joined.store()
    assert "--credentials" in joined.checkout.refused("connect", code=2)
    user_id, token = joined.workspace.add_administrator()
    joined.checkout.keep([token])
    given = json.dumps({"rocketchat_user_id": user_id, "rocketchat_auth_token": token})
    joined.checkout.done("connect", "--credentials", "-", typed=given)
    assert joined.iframe == wanted(joined.url)
    assert "lacks" in joined.checkout.refused("connect", "--disable", "--credentials", "-", typed='{"canary": 1}')


@pytest.mark.usefixtures("terminal")
def test_an_authenticators_code_is_asked_for_once(joined: Joined) -> None:
    """A token that does not ignore two-factor: the code is asked for, a wrong one again, and it serves all calls."""
    joined.store()
    user_id, token = a_token(joined, "bob")
    code = pyotp.TOTP(BOB_TOTP).at(int(joined.workspace.clock()))
    output = joined.checkout.done("connect", typed=f"{user_id}\n{token}\n000000\n{code}\n")
    assert joined.iframe == wanted(joined.url)
    assert output.count("authenticator app (or a backup code)") == 2
    assert "That code was wrong." in output
    first, *_, last = joined.workspace.calls("settings")
    assert "x-2fa-code" not in first.headers
    assert (last.headers["x-2fa-code"], last.headers["x-2fa-method"]) == (code, "totp")


@pytest.mark.usefixtures("terminal")
def test_a_backup_code_serves_one_call(joined: Joined) -> None:
    """What is used up is asked for anew, without calling it wrong."""
    joined.store()
    joined.workspace.settings["Accounts_iframe_url"] = f"{joined.url}/login"
    codes = ["ab12CD34", "ef56GH78"]
    user_id, token = a_token(joined, "bob")
    hashes = [sha256(code.encode()).hexdigest() for code in codes]
    joined.workspace.accounts.update("bob", {"services.totp.hashedBackup": hashes})
    output = joined.checkout.done("connect", typed="\n".join([user_id, token, *codes]) + "\n")
    assert joined.iframe == wanted(joined.url)
    assert "That code was wrong." not in output


@pytest.mark.usefixtures("terminal")
def test_codes_by_email_are_asked_for_one_a_call(joined: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workspace sends a code for each call: each is asked for as it comes, with the method's name."""
    joined.store()
    user_id, token = a_token(joined, "carol")
    monkeypatch.setattr(
        "admin.administrator._prompt",
        lambda title, hidden=False: _answer(title, joined, {"User": user_id, "Token": token}),
    )
    output = joined.checkout.done("connect")
    assert joined.iframe == wanted(joined.url)
    assert output.count("sent a code by e-mail") == 3
    used = [call.headers for call in joined.workspace.calls("settings") if call.status == 200]
    assert [headers["x-2fa-method"] for headers in used] == ["email"] * 3


def _answer(title: str, joined: Joined, known: dict[str, str]) -> str:
    for beginning, value in known.items():
        if title.startswith(beginning):
            return value
    mail = joined.workspace.last_mail("carol")
    assert mail is not None
    return mail.code


@pytest.mark.usefixtures("terminal")
def test_codes_are_not_guessed_for_ever(joined: Joined) -> None:
    """After three wrong codes it ends, with what is set and what is not."""
    joined.store()
    user_id, token = a_token(joined, "bob")
    output = joined.checkout.refused("connect", typed="\n".join([user_id, token, *["000000"] * 3]) + "\n")
    assert "does not accept these codes" in output
    assert "Set: nothing." in output
    assert joined.iframe == [False, "", "", "POST"]


def test_a_code_that_nobody_can_type_is_said(joined: Joined) -> None:
    """Without a terminal, or for a second factor that cannot be asked for, the way out is a token that ignores it."""
    joined.store(account=a_token(joined, "bob"))
    assert "nobody is there to type the code" in joined.checkout.refused("connect")
    joined.workspace.second_factor_always.add("settings")
    joined.checkout.client("secretsmanager").delete_secret(
        SecretId=joined.checkout.secret_id, ForceDeleteWithoutRecovery=True
    )
    joined.store(account=joined.workspace.add_administrator())
    output = joined.checkout.refused("connect", "--force")
    assert "none that can be asked for here" in output


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_failure_in_the_middle_says_what_is_set(joined: Joined, number: int) -> None:
    """Whatever call goes wrong, the output names what is set and what is not, and the switch is on only when all is."""
    joined.store(account=joined.workspace.add_administrator())
    for _ in range(number):
        joined.workspace.fault("settings", Fault())
    joined.workspace.fault("settings", Fault(status=502, body=b"<html>canary", headers={"Content-Type": "text/html"}))
    output = joined.checkout.refused("connect")
    order = [IFRAME[1], IFRAME[2], IFRAME[0]]
    assert f"Set: {', '.join(order[:number]) or 'nothing'}." in output
    assert f"Not set: {', '.join(order[number:])}." in output
    assert changes(joined) == order[:number]
    assert joined.iframe[0] is False
    joined.checkout.done("connect")
    assert joined.iframe == wanted(joined.url)


def test_who_may_not_change_settings_is_told_the_permission(joined: Joined) -> None:
    """A token of somebody who is no administrator, or a dead one, changes nothing and says why."""
    joined.store(account=joined.workspace.add_administrator("robot", role="bot"))
    assert "lacks the permission edit-privileged-setting" in joined.checkout.refused("connect")
    joined.workspace.accounts.remove("robot")
    assert "does not accept the token" in joined.checkout.refused("connect")


def test_a_workspace_that_is_not_there_is_one_sentence(joined: Joined) -> None:
    """A workspace that gives no answer, or another one than Rocket.Chat's, is said in a sentence."""
    joined.store(account=joined.workspace.add_administrator())
    joined.workspace.fault("settings.public", Fault(status=200, body=b'{"settings": 1}'))
    assert "unknown shape" in joined.checkout.refused("connect")
    joined.configure(ROCKETCHAT_URL="http://localhost:9")
    assert "The workspace gave no usable answer" in joined.checkout.refused("connect")


@pytest.mark.usefixtures("terminal")
def test_a_secret_that_cannot_be_read_does_not_stop_an_administrator(joined: Joined) -> None:
    """--disable is the way out of trouble: it works with a typed token where the secret is gone."""
    user_id, token = joined.workspace.add_administrator()
    joined.checkout.keep([token])
    joined.workspace.connect(iframe_url="https://x", api_url="https://y")
    output = joined.checkout.done("connect", "--disable", typed=f"{user_id}\n{token}\n")
    assert "no such secret" in output
    assert joined.workspace.settings[IFRAME[0]] is False


def test_calls_do_not_print_their_token() -> None:
    """Promise 32: neither token nor code is in the repr of a call."""
    account = ServiceAccount("id", Secret("canary"))
    code = calls.code_headers("totp", "canary")
    for call in (
        calls.change_setting(account, code, name=IFRAME[0], value=True),
        calls.log_out(account, code, user_id="u"),
        calls.set_active(account, code, user_id="u", active=False),
    ):
        assert "canary" not in repr(call)
        assert call.headers["X-Auth-Token"] == call.headers["x-2fa-code"] == "canary"
