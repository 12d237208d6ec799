"""Who could come in past a second factor."""

import pytest

from admin.doctor import second_factors
from admin.doctor.second_factors import Administrator, judged
from tests.admin.doctor.clinic import Clinic, levels, told
from tests.fakes import settings

HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43
GUARDED = Administrator("guarded", totp=True, email_codes=False)
MAILED = Administrator("mailed", totp=False, email_codes=True)
BARE = Administrator("bare", totp=False, email_codes=False)
MONGODB = {"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb"}


def test_the_workspace_asks_itself_by_default(clinic: Clinic) -> None:
    """With the workspace as the directory, its own login asks."""
    assert levels(clinic.look(second_factors.check)) == ["ok"]


def test_second_factors_that_are_off_are_told(clinic: Clinic) -> None:
    """A workspace without second factors has none to come in past."""
    clinic.workspace.settings["Accounts_TwoFactorAuthentication_Enabled"] = False
    assert levels(clinic.look(second_factors.check)) == ["note"]


@pytest.mark.parametrize(("policy", "level"), [("honour", "ok"), ("totp", "warning"), ("skip", "warning")])
def test_tokens_past_second_factors_are_told_without_a_list(clinic: Clinic, policy: str, level: str) -> None:
    """Without MongoDB nobody can be named, and the rule itself is the warning."""
    clinic.settings |= {"DIRECTORY": "users", "WORKSPACE_2FA": policy}
    clinic.secret |= {"rocketchat_create_token_secret": "canary-secret", "users": {"alice": {"password": HASH}}}
    clinic.administrator()
    found = clinic.look(second_factors.check)
    assert levels(found) == [level]
    assert ("init --yes --set WORKSPACE_2FA=honour" in told(found)) == (level == "warning")


@pytest.mark.parametrize(
    ("policy", "known", "found", "named"),
    [
        ("honour", [GUARDED, MAILED], ["ok"], []),
        ("honour", [BARE], ["ok", "note"], ["bare"]),
        ("totp", [GUARDED], ["ok"], []),
        ("totp", [GUARDED, MAILED], ["warning"], ["mailed"]),
        ("skip", [GUARDED, MAILED], ["warning"], ["guarded", "mailed"]),
        ("skip", [BARE], ["warning", "note"], ["bare"]),
        ("skip", [], ["warning"], []),
    ],
)
def test_administrators_are_named(policy: str, known: list[Administrator], found: list[str], named: list[str]) -> None:
    """Who has a second factor that is passed by, and who has none at all."""
    stage = settings(**MONGODB, WORKSPACE_2FA=policy)
    findings = list(judged(stage, known, "mend it"))
    assert levels(findings) == found
    assert [name for name in ("guarded", "mailed", "bare") if name in told(findings)] == named
