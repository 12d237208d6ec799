"""The shape that keeps Gantry readable and its session check light."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOMAIN = (
    "model",
    "errors",
    "signin",
    "session_check",
    "sessions",
    "throttle",
    "people",
    "deadline",
    "secret",
    "health",
)
OUTSIDE = {"boto3", "botocore", "pymongo", "requests", "requests_oauthlib", "oauthlib", "chalice"}
HEAVY = {"boto3", "botocore", "pymongo", "requests", "requests_oauthlib", "oauthlib", "jinja2", "cryptography"}

CHECK = """
import json, sys
import app
event = {
    "requestContext": {"httpMethod": "GET", "resourcePath": "/session", "path": "/api/session", "identity": {}},
    "headers": {"Origin": "https://chat.example.com"}, "pathParameters": None, "stageVariables": None,
    "multiValueQueryStringParameters": None, "body": None, "isBase64Encoded": False,
}
answer = app.app(event, None)
loaded = sorted({name.partition(".")[0] for name, module in sys.modules.items() if module is not None})
print(json.dumps({"status": answer["statusCode"], "loaded": loaded}))
"""


WITH_A_COOKIE = """
import json, sys
import app, chalicelib.secrets_manager
from chalicelib.credentials import Credentials
from cryptography.fernet import Fernet
app.gantry.session_check, app.gantry.credentials
print(json.dumps([name for name, module in sys.modules.items() if module is not None]))
"""


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def run(code: str, environ: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", DOMAIN)
def test_the_domain_knows_no_library_of_the_outside(name: str) -> None:
    """The domain imports no boto3, pymongo, requests or chalice, not even inside a function."""
    assert not imports(ROOT / "chalicelib" / f"{name}.py") & OUTSIDE


def test_importing_the_app_needs_no_environment() -> None:
    """Importing `app` needs neither AWS nor an environment."""
    run("import app", {})


def test_a_check_without_a_cookie_loads_no_heavy_library() -> None:
    """A cookie-less session check loads none of boto3, pymongo, requests, oauthlib, jinja2 and cryptography."""
    environ = {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "gantry/test"}
    result = json.loads(run(CHECK, environ).splitlines()[-1])
    assert result["status"] == 401
    assert not set(result["loaded"]) & HEAVY


@pytest.mark.parametrize(
    ("source", "needed", "spared"),
    [
        ("rest", {"requests", "cryptography.fernet"}, {"pymongo"}),
        ("mongodb", {"pymongo", "cryptography.fernet"}, {"requests", "cryptography.x509"}),
    ],
)
def test_a_check_with_a_cookie_loads_what_it_needs(source: str, needed: set[str], spared: set[str]) -> None:
    """What a check is made of loads one token source's library, and no directory's, no page's, nor AWS's."""
    environ = {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "gantry/test", "TOKEN_SOURCE": source}
    loaded = set(json.loads(run(WITH_A_COOKIE, {**environ, "DIRECTORY": "users"})))
    assert needed <= loaded
    assert not loaded & (spared | {"boto3", "botocore", "jinja2", "argon2", "bcrypt", "jwt", "oauthlib", "pyotp"})


def test_rooms_stay_small() -> None:
    """`app.py` has at most 220 lines and no module outside the tests more than 400."""
    assert len((ROOT / "app.py").read_text().splitlines()) <= 220
    for folder in ("chalicelib", "playground", "admin"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, path


def test_debug_is_off() -> None:
    """Promise 36: `debug` is off, so no traceback reaches a client."""
    import app

    assert app.app.debug is False
