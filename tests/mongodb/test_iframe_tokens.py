"""Token kind `iframe`: handed over once, replaced when old, swept when forgotten."""

from typing import Any

import pytest

from chalicelib.errors import AccountDeactivated, NotSignedIn, SecondFactorUnserved
from chalicelib.model import Account, Identity, Token
from chalicelib.secret import Secret
from chalicelib.tokens.mongodb import IframeTokens
from tests.fakes import NOON, caller
from tests.mongodb.conftest import MakeStage
from tests.mongodb.stage import Stage, hashed, moment, services, with_totp

TEN_MINUTES = 600


def held(stage: Stage, username: str = "alice") -> dict[str, Any]:
    return dict(stage.record(username)["services"].get("iframe", {}))


def sweep(stage: Stage) -> int:
    return stage.gantry.sweep(caller().deadline)


def test_a_token_is_written_with_its_time(iframe: Stage) -> None:
    """The account holds the token in plain text, as Rocket.Chat looks for it, and when it was made."""
    iframe.add("alice")
    token = iframe.signed_in("alice").session.token
    assert token.as_response() == {"token": token.value.reveal()}
    assert held(iframe) == {"token": token.value.reveal(), "when": moment(NOON).replace(tzinfo=None)}
    assert iframe.tokens("alice") == []


def test_a_young_token_is_handed_out_again(iframe: Stage) -> None:
    """Within ten minutes a second sign-in gets the same token; after them a new one takes its place."""
    iframe.add("alice")
    first = iframe.signed_in("alice").session.token
    iframe.clock.now += TEN_MINUTES - 0.001
    assert iframe.signed_in("alice").session.token == first
    iframe.clock.now += 0.001
    assert iframe.signed_in("alice").session.token != first


@pytest.mark.parametrize(
    "odd",
    [
        {"token": ""},
        {"token": "", "when": moment(NOON)},
        {"token": "x"},
        {"token": "x", "when": "y"},
        {"token": 5, "when": moment(NOON)},
        {"token": None},
        {},
    ],
    ids=str,
)
def test_a_token_of_unknown_age_or_odd_type_is_replaced(iframe: Stage, odd: dict[str, Any]) -> None:
    """An empty string, which would let in whoever sends one, and what has no time are replaced."""
    iframe.add("alice", services=services(iframe=odd))
    token = iframe.signed_in("alice").session.token.value.reveal()
    assert held(iframe)["token"] == token
    assert len(token) == 43


def test_a_hand_over_is_good_until_a_login_is_accepted(iframe: Stage) -> None:
    """Every check gives the token until a login is accepted; from then on there is no session, so a logout holds."""
    iframe.add("alice")
    signed_in = iframe.signed_in("alice")
    before = iframe.record("alice")
    for _ in range(4):
        iframe.check(signed_in)
    assert iframe.record("alice") == before
    iframe.log_in_to_workspace("alice")
    for _ in range(10):
        with pytest.raises(NotSignedIn):
            iframe.check(signed_in)
    assert held(iframe)["token"] == signed_in.session.token.value.reveal()


def test_a_reload_after_an_earlier_login_mints_nothing(iframe: Stage) -> None:
    """An account that has logged in before is handed over by the `lastLogin` it has now, to the millisecond."""
    iframe.add("alice", lastLogin=moment(NOON - 86400.001))
    signed_in = iframe.signed_in("alice")
    iframe.check(signed_in)
    iframe.log_in_to_workspace("alice")
    with pytest.raises(NotSignedIn):
        iframe.check(signed_in)
    again = iframe.signed_in("alice")
    iframe.check(again)
    assert again.session.token.value == signed_in.session.token.value


def test_a_hand_over_ends_after_ten_minutes(iframe: Stage) -> None:
    """Whatever `SESSION_HOURS` says, a hand-over is over after ten minutes."""
    iframe.add("alice")
    signed_in = iframe.signed_in("alice")
    iframe.clock.now += TEN_MINUTES - 0.001
    iframe.check(signed_in)
    iframe.clock.now += 0.001
    with pytest.raises(NotSignedIn):
        iframe.check(signed_in)


@pytest.mark.parametrize(
    "change",
    [
        {"$set": {"services.iframe.token": "another"}},
        {"$unset": {"services.iframe": ""}},
        {"$set": {"services.iframe": "x"}},
        {"$set": {"active": False}},
        {"$set": {"lastLogin": "soon"}},
        {"$unset": {"services": ""}},
    ],
)
def test_a_hand_over_ends_with_what_it_stands_on(iframe: Stage, change: dict[str, Any]) -> None:
    """Another token, none, or a deactivated account end it; a `lastLogin` that is no date counts as none."""
    iframe.add("alice")
    signed_in = iframe.signed_in("alice")
    iframe.database.users.update_one({"_id": "alice-id"}, change)
    if "lastLogin" in str(change):
        iframe.check(signed_in)
        return
    with pytest.raises(NotSignedIn):
        iframe.check(signed_in)


def test_signing_out_removes_the_token(iframe: Stage) -> None:
    """Promise 12: at sign-out token and time go; a newer token of the same account stays."""
    iframe.add("alice")
    first = iframe.signed_in("alice")
    assert iframe.sign_out(first)
    assert held(iframe) == {}
    second = iframe.signed_in("alice")
    assert iframe.sign_out(first)
    assert held(iframe)["token"] == second.session.token.value.reveal()


def test_the_sweep_removes_what_is_old_and_only_that(iframe: Stage) -> None:
    """Tokens that are too old to be handed out again are removed; young ones and those of unknown age stay."""
    for username in ("old", "young"):
        iframe.add(username)
    iframe.add("odd", services=services(iframe={"token": "x", "when": "y"}))
    iframe.signed_in("old")
    iframe.clock.now += 1
    iframe.signed_in("young")
    untouched = iframe.record("young"), iframe.record("odd")
    iframe.clock.now += TEN_MINUTES - 0.5
    assert sweep(iframe) == 1
    assert held(iframe, "old") == {}
    assert (iframe.record("young"), iframe.record("odd")) == untouched
    assert sweep(iframe) == 0


def test_the_sweep_has_nothing_to_do_for_other_kinds(stage: Stage) -> None:
    """Without `iframe` tokens the schedule neither reads the secret nor asks the database."""
    assert sweep(stage) == 0
    assert stage.store.fetches == 0


def test_a_token_replaced_while_it_was_swept_stays(iframe: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 29: a token that was renewed between the sweep's look and its write is not removed."""
    iframe.add("alice")
    iframe.signed_in("alice")
    iframe.clock.now += TEN_MINUTES + 1
    tokens = IframeTokens(iframe.gantry.mongo, iframe.clock)
    remove = tokens._remove_old

    def renewed_first(*arguments: Any) -> int:
        iframe.signed_in("alice")
        return remove(*arguments)

    monkeypatch.setattr(tokens, "_remove_old", renewed_first)
    assert tokens.sweep(caller().deadline) == 0
    assert len(held(iframe)["token"]) == 43


@pytest.mark.parametrize("gone", [{"active": False}, None])
def test_no_token_is_made_for_an_account_that_went_meanwhile(iframe: Stage, gone: dict[str, Any] | None) -> None:
    """Promise 29: where the account is not there, or not active any more, no token is made."""
    if gone is not None:
        iframe.add("alice", **gone)
    tokens = IframeTokens(iframe.gantry.mongo, iframe.clock)
    with pytest.raises(AccountDeactivated):
        tokens.issue(Account("alice-id"), Identity("i", "s", "alice"), caller().deadline)


@pytest.mark.parametrize("policy", ["honour", "totp", "skip"])
@pytest.mark.parametrize("second", [with_totp(), services(email2fa={"enabled": True})], ids=["totp", "email"])
def test_an_account_with_a_second_factor_is_told_that_it_cannot_be_served(
    make_stage: MakeStage, policy: str, second: dict[str, Any]
) -> None:
    """Promise 39: Rocket.Chat would ask for a code after the token, so such an account gets none and is told."""
    stage = make_stage(TOKEN_KIND="iframe", WORKSPACE_2FA=policy)
    stage.add("bob", services=second)
    before = stage.record("bob")
    with pytest.raises(SecondFactorUnserved):
        stage.password("bob")
    assert stage.record("bob") == before
    stage.set("Accounts_TwoFactorAuthentication_Enabled", False)
    stage.check(stage.signed_in("bob"))


def test_a_second_factor_that_the_workspace_checked_cannot_be_served_either(iframe: Stage) -> None:
    """Promise 39: with the directory `rocketchat` too, an account with a second factor gets no `iframe` token."""
    iframe.add(
        "bob", services=services(resume={"loginTokens": [{"when": moment(NOON), "hashedToken": hashed("given")}]})
    )
    tokens = IframeTokens(iframe.gantry.mongo, iframe.clock)
    identity = Identity("i", "s", "bob", second_factor=True, login=Token(Secret("given")))
    with pytest.raises(SecondFactorUnserved):
        tokens.issue(Account("bob-id"), identity, caller().deadline)
    assert iframe.tokens("bob") == []
    assert held(iframe, "bob") == {}


def test_the_token_of_the_workspaces_own_login_is_ended(iframe: Stage) -> None:
    """With the directory `rocketchat` the REST login's own token, which nobody is given, does not stay behind."""
    kept, unused = "kept", "from-the-login"
    elements = [{"when": moment(NOON), "hashedToken": hashed(token)} for token in (kept, unused)]
    iframe.add("alice", services=services(resume={"loginTokens": elements}))
    tokens = IframeTokens(iframe.gantry.mongo, iframe.clock)
    identity = Identity("i", "s", "alice", login=Token(Secret(unused)))
    token = tokens.issue(Account("alice-id"), identity, caller().deadline)
    assert token.kind == "iframe"
    assert [each["hashedToken"] for each in iframe.tokens("alice")] == [hashed(kept)]
