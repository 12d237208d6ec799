"""A run with round figures."""

from dataclasses import replace

from benchmarks.archives import Size
from benchmarks.cold import BARE, PACKED, SOURCES
from benchmarks.containers import Sample
from benchmarks.peer import CHALICE, EXPRESS, GANTRY, Peer, Start
from benchmarks.results import Archive, Results
from benchmarks.warm import Row


def sample(total: float, peak: int = 40) -> Sample:
    """A container whose start takes a quarter of `total` seconds, whose processor is never idle; `peak` in MiB."""
    return Sample(
        total=total,
        start=total / 4,
        first=total * 3 / 4,
        again=0.01,
        cpu_start=total / 4,
        cpu_first=total * 3 / 4,
        cpu_again=0.01,
        peak=peak << 20,
        status=200,
        calls={"secret": 1, "workspace": 0},
    )


def row(own: float) -> Row:
    """A request that takes so many seconds of our own."""
    return Row([own, own, own * 50], [0.001], {"secret": 1}, {})


COLD = {
    "plain handler": [sample(0.03, peak=14)],
    BARE: [sample(0.05), sample(0.05), sample(3.0)],
    "Chalice + requests": [sample(0.2)],
    "Chalice + MongoClient": [sample(0.4)],
    "floor: check, rest": [sample(0.1)],
    f"check without a cookie, {PACKED}": [sample(0.06)],
    f"check, rest, {PACKED}": [sample(0.16, peak=65)],
    f"check, rest, {SOURCES}": [sample(0.3)],
    f"check, mongodb, {PACKED}": [sample(0.3, peak=64)],
    f"GET /login, {PACKED}": [sample(0.1)],
}
WARM = {
    BARE: row(20e-6),
    "check without a cookie": row(60e-6),
    "check, rest": row(80e-6),
    "check, mongodb": row(82e-6),
}
PACKAGES = {"cryptography": Size(4_000_000, 14_000_000), "chalicelib": Size(100_000, 300_000)}
RESULTS = Results(
    rounds=3,
    machine={"machine": "a machine", "Python": "3.11"},
    archives={PACKED: Archive(12_000_001, PACKAGES), SOURCES: Archive(8_500_000, PACKAGES)},
    cold=COLD,
    backends={"secret": 0.002},
    warm=WARM,
    peer=Peer(
        {name: [Start(seconds, 50 << 20)] for name, seconds in {EXPRESS: 0.2, GANTRY: 0.1, CHALICE: 0.05}.items()},
        {"check without a cookie": [40e-6], "check": [50e-6], "GET /login": [30e-6]},
    ),
)
WITHOUT_A_DATABASE = replace(
    RESULTS,
    cold={name: each for name, each in COLD.items() if "mongodb" not in name},
    warm={name: each for name, each in WARM.items() if "mongodb" not in name},
    peer=None,
)
