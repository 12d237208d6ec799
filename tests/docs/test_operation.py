"""The page on operation: events and their fields as they are logged, and queries over those alone."""

import ast
import json
import re
from io import StringIO

import pytest
from chalice.test import Client

import app
from admin.doctor.account import RETENTION_DAYS
from chalicelib.aws import CredentialCache
from chalicelib.bootstrap import Gantry
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem, Unavailable
from chalicelib.log import Journal
from chalicelib.people import ListedPerson
from chalicelib.rocketchat import Call, Reply
from chalicelib.secret import Secret
from tests.docs.pages import DOCS, ROOT, blocks, rows, section

PAGE = DOCS / "operation.md"
QUERIES = [block.text for block in blocks(PAGE) if block.language == "insights"]
ENVIRON = {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "gantry/prod"}
COMMON = {"level", "event"}
# What Lambda's own lines and CloudWatch have ("Supported logs and discovered fields").
AWS = {"@timestamp", "@type", "@initDuration", "@maxMemoryUsed"}
WORDS = {
    *("fields", "filter", "stats", "sort", "limit", "by", "as", "and", "or", "in", "not", "like", "asc", "desc"),
    *("count", "avg", "max", "min", "pct", "sum", "bin", "m"),
}


class _Store:
    """A secret that can be read so many times."""

    def __init__(self, times: int) -> None:
        self.times = times

    def fetch(self, deadline: Deadline) -> str:
        self.times -= 1
        if self.times < 0:
            raise Unavailable("secret", "ReadTimeout")
        return ""


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, set[str]]:
    """Event to the fields of the lines that were really written, by the app and by a journal."""
    monkeypatch.setattr(app, "gantry", Gantry({}))
    with Client(app.app) as client:
        assert client.http.get("/health").status_code == 200
        assert client.http.get("/login").status_code == 503
    monkeypatch.setattr(app, "gantry", Gantry(ENVIRON))
    with Client(app.app) as client:
        client.lambda_.invoke("sweep", client.events.generate_cw_event("", "", {}, []))
    stream = StringIO()
    journal = Journal(stream=stream)
    journal.problems(ConfigurationError((Problem("A", "b", "c"),)))
    journal.fault(ValueError(), "request")
    journal.backend(Unavailable("workspace", "ReadTimeout"), "request")
    journal.attempt(outcome="o", reason="r", username="u", directory="d", address="a", request_id="i")
    weak = {"alice": ListedPerson("alice", Secret("hash"), weak=True)}
    cache = CredentialCache(_Store(times=1), journal, lambda: 0.0, lambda text: Credentials((), people=weak))
    for _ in range(2):
        cache.refreshed(Deadline.after(1))
    found: dict[str, set[str]] = {}
    for line in map(json.loads, (capsys.readouterr().out + stream.getvalue()).splitlines()):
        found.setdefault(line["event"], set()).update(line.keys() - COMMON)
    return found


def _documented() -> dict[str, set[str]]:
    return {
        cells[0].strip("`"): set(re.findall(r"`(\w+)`", cells[2])) for cells in rows(section(PAGE, "## What is logged"))
    }


def _outcomes() -> set[str]:
    return set(re.findall(r"`([\w-]+)`", section(PAGE, "## What is logged").partition("`outcome` is ")[2]))


def _texts(node: ast.expr) -> set[str]:
    """The texts in an expression, but for those that it compares with."""
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def test_the_events_are_those_that_the_code_writes() -> None:
    """Each event that some place of the code logs has its row, and no other."""
    events = set()
    for path in (ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_event = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "event"
            if is_event and node.args and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
                events.add(node.args[0].value)  # type: ignore[attr-defined]
    assert set(_documented()) == events


def test_the_fields_are_those_that_are_written(written: dict[str, set[str]]) -> None:
    """Each event is written with the fields that its row names, and no others."""
    assert written == _documented()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.splitlines()[0][:50])
def test_queries_ask_for_fields_that_are_written(query: str, written: dict[str, set[str]]) -> None:
    """Each name in a query is a field of the event that it filters by, of CloudWatch's own, or made in the query."""
    texts = re.findall(r'"([^"]*)"', query)
    bare = re.sub(r'"[^"]*"', '""', query)
    made = set(re.findall(r"\bas (\w+)", bare))
    names = {name.partition(".")[0] for name in re.findall(r"@?[A-Za-z_][\w.]*", re.sub(r"\b\d+m\b", "", bare))}
    event = re.search(r'filter event = "(\w+)"', query)
    fields = written[event[1]] if event else set().union(*written.values())
    assert names - WORDS - made <= fields | COMMON | AWS
    assert event or names & {"request_id", "@type"}
    assert set(texts) <= {*written, *_outcomes(), "REPORT"} | {text for text in texts if text.count("-") == 4}


def test_the_outcomes_are_those_of_attempts() -> None:
    """The words for what came of an attempt are those that the use cases note."""
    noted = set()
    for node in ast.walk(ast.parse((ROOT / "chalicelib" / "signin.py").read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "note":
            noted |= _texts(node.args[0])
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            noted |= _texts(node.value) if node.targets[0].attr == "outcome" else set()
    assert _outcomes() == noted


def test_health_answers_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a secret and no workspace, `/health?deep=1` answers what the page shows."""
    [block] = [block for block in blocks(PAGE) if block.language == "json"]

    def nobody(call: Call, deadline: Deadline) -> Reply:
        raise Unavailable("workspace", "ConnectTimeout")

    class Held(_Store):
        def fetch(self, deadline: Deadline) -> str:
            return json.dumps({"session_keys": ["A" * 43 + "="]})

    monkeypatch.setattr(app, "gantry", Gantry(ENVIRON, secret_store=Held(0), workspace=nobody))
    with Client(app.app) as client:
        answer = client.http.get("/health?deep=1")
    assert (answer.status_code, json.loads(answer.body)) == (200, json.loads(block.text))


def test_logs_are_kept_as_long_as_init_says() -> None:
    """The days for which logs are kept are those that the doctor asks for."""
    assert f"logs for {RETENTION_DAYS} days" in " ".join(section(PAGE, "## What is logged").split())
