"""What is reachable, asked seldom and told without reasons."""

from chalicelib.deadline import Deadline
from chalicelib.errors import Unavailable
from chalicelib.health import Health
from tests.fakes import FakeClock

DEADLINE = Deadline.after(1e6)


def test_backends_are_asked_at_most_every_thirty_seconds() -> None:
    """Nobody can drive load on the backends through `/health`: they are asked at most every 30 s a container."""
    clock = FakeClock()
    asked: list[Deadline] = []
    health = Health({"workspace": asked.append}, clock)
    for _ in range(10):
        assert health.reachable(DEADLINE) == {"workspace": True}
    assert len(asked) == 1
    clock.now += 30
    health.reachable(DEADLINE)
    assert len(asked) == 2


def test_each_backend_is_told_apart() -> None:
    """One backend that does not answer leaves the others' state as it is."""

    def down(deadline: Deadline) -> None:
        raise Unavailable("secret", "canary")

    health = Health({"secret": down, "workspace": lambda deadline: None}, FakeClock())
    assert health.reachable(DEADLINE) == {"secret": False, "workspace": True}
