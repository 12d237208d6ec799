"""Settings and secret: every problem at once, and what a valid one still leaves to be wished."""

import pytest

from admin.doctor import configuration
from admin.doctor.finding import Finding
from admin.doctor.patient import Patient
from chalicelib.people import LEAST_MEMORY_KIB
from tests.admin.doctor.clinic import Clinic, levels, told
from tests.fakes import fernet_key

STRONG = f"$argon2id$v=19$m={LEAST_MEMORY_KIB},t=2,p=1$" + "A" * 22 + "$" + "A" * 43
WEAK = STRONG.replace(f"m={LEAST_MEMORY_KIB}", "m=4096")


def settings(patient: Patient) -> list[Finding]:
    return list(configuration.settings(patient.configuration, patient.change))


def throttle(patient: Patient) -> list[Finding]:
    return list(configuration.throttle(patient.settings, patient.change, "make one"))


def test_every_problem_of_the_settings_is_an_error(clinic: Clinic) -> None:
    """All settings that the service could not use are told at once, by key and with the remedy."""
    clinic.settings |= {"COOKIE_SITE": "canary", "SESSION_HOURS": "canary"}
    found = clinic.look(settings)
    assert {each.key for each in found} == {"SESSION_HOURS", "COOKIE_SITE"}
    assert levels(found) == ["error", "error"]
    assert all(each.why and f"init --yes --set {each.key}=…, then chalice deploy" in each.remedy for each in found)


def test_good_settings_and_a_good_secret_are_fine(clinic: Clinic) -> None:
    """Nothing is wrong where nothing is."""
    assert levels(clinic.look(settings)) == ["ok"]
    assert levels(clinic.look(configuration.secret)) == ["ok", "ok"]


def test_every_problem_of_the_secret_is_an_error(clinic: Clinic) -> None:
    """What the secret lacks or holds wrongly is told by key, never by value."""
    clinic.secret = {"session_keys": ["canary-key-0"], "rocketchat_user_id": "canary-user"}
    found = clinic.look(configuration.secret)
    assert {each.key for each in found} == {"session_keys[0]", "rocketchat_auth_token"}
    assert set(levels(found)) == {"error"}


def test_a_secret_that_is_not_there_is_an_error(clinic: Clinic) -> None:
    """A SECRET_ID that names nothing breaks sign-in, and `init` makes one."""
    clinic.settings["SECRET_ID"] = f"{clinic.secret_id}-mistyped"
    found = clinic.look(configuration.secret)
    assert levels(found, "SECRET_ID") == ["error"]
    assert "python -m admin init" in told(found)


def test_a_secret_that_is_being_deleted_is_an_error(clinic: Clinic) -> None:
    """A secret that is marked for deletion cannot be read by anybody, and can be brought back."""
    clinic.write()
    clinic.account.aws("secretsmanager").delete_secret(SecretId=clinic.secret_id)
    found = clinic.look(configuration.secret, write=False)
    assert levels(found, "SECRET_ID") == ["error"]
    assert f'restore-secret --secret-id "{clinic.secret_id}"' in told(found)


def test_a_secret_that_we_may_not_read_is_a_note(clinic: Clinic) -> None:
    """Whoever runs the doctor may lack a right that the function has: that is said, and is no error."""
    clinic.account.denied.add("GetSecretValue")
    found = clinic.look(configuration.secret)
    assert levels(found) == ["note"]
    assert "secretsmanager:GetSecretValue" in told(found)


@pytest.mark.parametrize(("keys", "level"), [(1, "ok"), (2, "ok"), (3, "warning")])
def test_old_session_keys_are_told(clinic: Clinic, keys: int, level: str) -> None:
    """Two keys are enough; each further one can still make sessions, and `rotate-key` drops it."""
    clinic.secret["session_keys"] = [fernet_key() for _ in range(keys)]
    found = clinic.look(configuration.secret)
    assert levels(found, "session_keys") == [level]
    assert "python -m admin rotate-key" in told(found)


def test_a_key_that_stands_there_twice_is_told(clinic: Clinic) -> None:
    """A list that has one key twice was not rotated, whatever it looks like."""
    clinic.secret["session_keys"] = [fernet_key()] * 2
    assert levels(clinic.look(configuration.secret), "session_keys") == ["warning"]


@pytest.mark.parametrize(("stored", "level"), [(STRONG, "ok"), (WEAK, "warning")])
def test_weak_hashes_in_the_list_are_named(clinic: Clinic, stored: str, level: str) -> None:
    """Whose hash was made with less than is asked of new ones is told by name, with the command for a new one."""
    clinic.settings |= {"DIRECTORY": "users"}
    clinic.secret["users"] = {"alice": {"password": STRONG}, "bob": {"password": stored}}
    found = clinic.look(configuration.secret)
    assert levels(found, "users") == [level]
    assert ("hash-password bob" in told(found)) == (level == "warning")
    assert "hash-password alice" not in told(found)


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({}, "warning"),
        ({"DIRECTORY": "users"}, "warning"),
        ({"STATE_TABLE": "gantry-state"}, "ok"),
        ({"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb"}, "ok"),
    ],
)
def test_counting_in_each_container_alone_is_weak(clinic: Clinic, environ: dict[str, str], level: str) -> None:
    """Without MongoDB and table, each container gives whoever guesses a budget of its own."""
    clinic.settings |= environ
    assert levels(clinic.look(throttle)) == [level]


def test_a_limit_that_is_switched_off_is_told(clinic: Clinic) -> None:
    """A budget of 0 is no budget, and the command takes it back."""
    clinic.settings |= {"STATE_TABLE": "gantry-state", "BAN_NAME_AFTER": "0"}
    found = clinic.look(throttle)
    assert levels(found) == ["warning", "ok"]
    assert "init --yes --set BAN_NAME_AFTER=, then chalice deploy" in told(found)
