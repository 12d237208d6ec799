"""What monitors are told: that something is not reachable, never why, and without driving load on it."""

from playground.workspace import Fault
from tests.stage import Stage, Visitor


def test_health_touches_no_backend(stage: Stage, visitor: Visitor) -> None:
    """`GET /health` is 200 without asking anything."""
    answer = visitor.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert stage.workspace.calls() == []
    assert stage.secrets.reads == 0


def test_deep_health_names_what_is_reachable(stage: Stage, visitor: Visitor) -> None:
    """`?deep=1` asks the secret and the workspace, once in 30 s a container."""
    everything = {"settings": True, "secret": True, "workspace": True}
    for _ in range(10):
        answer = visitor.get("/health?deep=1")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "reachable": everything})
        stage.clock.advance(2.9)
    assert len(stage.workspace.calls("info")) == 1
    assert stage.secrets.reads == 1
    stage.clock.advance(2)
    visitor.get("/health?deep=1")
    assert len(stage.workspace.calls("info")) == 2


def test_deep_health_never_says_why(stage: Stage, visitor: Visitor) -> None:
    """What is not reachable is named, and nothing else: no status, no address, no secret's name."""
    stage.workspace.fault("info", Fault(status=502, body=b"<html>canary</html>"))
    answer = visitor.get("/health?deep=1")
    expected = {"status": "degraded", "reachable": {"settings": True, "secret": True, "workspace": False}}
    assert (answer.status_code, answer.json()) == (200, expected)


def test_deep_health_without_a_secret(stage: Stage, visitor: Visitor) -> None:
    """A secret that cannot be read is named."""
    stage.secrets.down = True
    stage.container()
    assert visitor.get("/health?deep=1").json()["reachable"] == {
        "settings": True,
        "secret": False,
        "workspace": True,
    }


def test_other_queries_are_shallow(stage: Stage, visitor: Visitor) -> None:
    """Only `deep=1` asks the backends."""
    for query in ("deep", "deep=0", "deep=true", "Deep=1"):
        assert visitor.get(f"/health?{query}").json() == {"status": "ok"}
    assert stage.workspace.calls() == []
