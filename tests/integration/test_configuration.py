"""What an administrator got wrong: settings and secret, answered with 503 and logged with all that is to mend."""

import json

import pytest

from tests.api_gateway import event
from tests.stage import FORM, Stage, Visitor, error_in, new_key

WRONG = {
    "ROCKETCHAT_URL": "http://canary.example.com",
    "ALLOWED_ORIGINS": "https://chat.example.org/canary",
    "FRAME_ANCESTORS": "https://intranet.example.net",
    "DIRECTORY": "canary",
    "SESSION_HOURS": "canary",
    "HANDOFF": "canary",
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/login"),
        ("POST", "/login"),
        ("GET", "/logout"),
        ("POST", "/logout"),
        ("GET", "/session"),
        ("POST", "/session"),
        ("OPTIONS", "/session"),
    ],
)
def test_wrong_settings_answer_everywhere(stage: Stage, method: str, path: str) -> None:
    """Design, section 3: a wrong configuration is 503 on every route but `/health`, with no value of it."""
    stage.container(WRONG)
    headers = {"host": "g.test", "origin": "https://g.test", "content-type": FORM}
    answer = stage.invoke(event(method, path, headers=headers, body="username=alice&password=x"))
    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"].isdigit()
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
    assert "canary" not in answer["body"] + stage.log.text
    if path == "/session":
        assert answer["body"] == ""
        assert answer["headers"]["Vary"] == "Origin"
    else:
        assert "Signing in is not set up correctly." in answer["body"]
        assert "frame-ancestors https://intranet.example.net" in answer["headers"]["Content-Security-Policy"]


def test_health_answers_all_the_same(stage: Stage) -> None:
    """Design, section 3: `/health` is 200 with wrong settings; deep, it says that the settings are not right."""
    stage.container(WRONG)
    assert stage.invoke(event("GET", "/health"))["statusCode"] == 200
    deep = json.loads(stage.invoke(event("GET", "/health", query={"deep": ["1"]}))["body"])
    assert deep == {"status": "degraded", "reachable": {"settings": False}}


def test_all_problems_are_logged_once(stage: Stage) -> None:
    """Design, section 3: one line names every problem by key and remedy, never by value, once a container."""
    stage.container(WRONG)
    for _ in range(3):
        stage.invoke(event("GET", "/login"))
        stage.invoke(event("GET", "/session"))
    [line] = stage.log.events("configuration")
    keys = {problem.partition(":")[0] for problem in line["problems"]}
    assert keys == {"ROCKETCHAT_URL", "ALLOWED_ORIGINS", "SECRET_ID", "DIRECTORY", "SESSION_HOURS", "HANDOFF"}


def test_an_empty_environment(stage: Stage) -> None:
    """A function that was deployed without settings names the two that must be there, framed by nobody."""
    stage.container({})
    answer = stage.invoke(event("GET", "/login"))
    assert answer["statusCode"] == 503
    assert "frame-ancestors 'none'" in answer["headers"]["Content-Security-Policy"]
    [line] = stage.log.events("configuration")
    assert [problem.partition(":")[0] for problem in line["problems"]] == ["ROCKETCHAT_URL", "SECRET_ID"]


SECRETS = {
    "no JSON": ("canary", "SECRET_ID: the secret is not a JSON object."),
    "a list": ('["canary"]', "SECRET_ID: the secret is not a JSON object."),
    "no keys": ('{"canary": 1}', "session_keys: the secret has no list of keys under this name."),
    "an empty list": ('{"session_keys": []}', "session_keys: the secret has no list of keys under this name."),
    "keys of another kind": (
        json.dumps({"session_keys": [new_key(), "canary", 7, "ä", None]}),
        "session_keys[1]: this is not a Fernet key.",
    ),
}


@pytest.mark.parametrize(("text", "problem"), SECRETS.values(), ids=SECRETS.keys())
def test_a_faulty_secret(stage: Stage, visitor: Visitor, text: str, problem: str) -> None:
    """Design, section 3: a fault in the secret is 503 on what needs it, and a check without a cookie stays 401."""
    visitor.sign_in("alice")
    stage.secrets.put(stage.secret_id, text)
    stage.container()
    refused = stage.visitor().sign_in("alice")
    assert refused.status_code == 503
    assert error_in(refused).startswith("Signing in is not set up correctly.")
    check = visitor.check()
    assert check.status_code == 503
    assert "Set-Cookie" not in check.headers
    assert check.headers["Access-Control-Allow-Origin"] == stage.origin
    lines = stage.log.events("configuration")
    assert len(lines) == 2
    assert any(each.startswith(problem) for each in lines[0]["problems"])
    assert "canary" not in stage.log.text
    visitor.cookie = None
    assert visitor.check().status_code == 401
    assert visitor.get("/login").status_code == 200


def test_all_faults_of_a_secret_are_named(stage: Stage) -> None:
    """Design, section 3: every faulty key is named by its place in the list."""
    stage.secrets.put(stage.secret_id, json.dumps({"session_keys": ["a", new_key(), "b"]}))
    stage.container()
    stage.visitor().sign_in("alice")
    [line] = stage.log.events("configuration")
    assert [each.partition(":")[0] for each in line["problems"]] == ["session_keys[0]", "session_keys[2]"]


def test_a_secret_that_is_not_there(stage: Stage, visitor: Visitor) -> None:
    """A secret that does not exist is the administrator's to mend, and no password reaches the workspace."""
    stage.container(SECRET_ID="gantry/nowhere")
    refused = visitor.sign_in("alice")
    assert refused.status_code == 503
    assert "Set-Cookie" not in refused.headers
    assert stage.workspace.calls() == []
    [line] = stage.log.events("configuration")
    assert line["problems"][0].startswith("SECRET_ID: there is no such secret in this account and region.")
    assert stage.log.events("attempt")[0]["reason"] == "configuration"


def test_a_mended_secret_serves_at_once(stage: Stage, visitor: Visitor) -> None:
    """A container that could not use the secret reads it again at the next request that needs it."""
    stage.secrets.put(stage.secret_id, "{}")
    stage.container()
    assert visitor.sign_in("alice").status_code == 503
    stage.rotate(new_key())
    assert visitor.sign_in("alice").status_code == 200


def test_aws_does_not_answer(stage: Stage, visitor: Visitor) -> None:
    """Promise 35: without a kept secret an AWS that fails is a generic 503, on sign-in and check."""
    visitor.sign_in("alice")
    stage.secrets.down = True
    stage.container()
    failed = visitor.check()
    assert failed.status_code == 503
    assert "Set-Cookie" not in failed.headers
    refused = visitor.sign_in("alice")
    assert refused.status_code == 503
    assert "does not work right now" in error_in(refused)
    assert stage.log.events("backend")[0]["detail"] == "secret: InternalServiceError"


def test_the_log_level_is_a_setting(stage: Stage) -> None:
    """LOG_LEVEL=WARNING leaves the requests out of the log."""
    stage.container(LOG_LEVEL="WARNING")
    stage.invoke(event("GET", "/health"))
    assert stage.log.text == ""


def test_the_brand_stands_on_the_pages(stage: Stage, visitor: Visitor) -> None:
    """BRAND_NAME and HELP_URL stand on the pages, escaped."""
    stage.container(BRAND_NAME="<b>Rocket</b> & Co", HELP_URL="https://help.example.com/a")
    page = visitor.get("/login").text
    assert "&lt;b&gt;Rocket&lt;/b&gt; &amp; Co" in page
    assert 'href="https://help.example.com/a"' in page
