"""The report: tables for people, and `benchmarks/latest.json` with every raw figure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.cold import BARE, PACKED, PLAIN, SOURCES
from benchmarks.containers import Sample
from benchmarks.peer import CHALICE, EXPRESS, GANTRY
from benchmarks.results import MEBIBYTE, MEGABYTE, Results, judged, peak, processor
from benchmarks.statistics import Summary, summary
from benchmarks.targets import Target, missed

FULL_MEMORY = 1769
"""Megabytes: "At 1,769 MB, a function has the equivalent of one vCPU" (Lambda Developer Guide, "Configure Lambda
function memory")."""

MEMORIES = (512, 1024, FULL_MEMORY)
LARGEST_PACKAGES = 12


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out cells: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines


def at_memory(seconds: float, megabytes: int) -> float:
    """What processor time becomes in an invocation with so much memory: a share of a processor, never more than one.

    Start-up is not slowed: it has a full processor whatever the memory.
    """
    return seconds * FULL_MEMORY / min(megabytes, FULL_MEMORY)


def left_over(samples: Sequence[Sample]) -> Summary:
    """The processor time that is left to the first event and to none after it: imports, above all, and connecting."""
    return summary([max(0.0, sample.cpu_first - sample.cpu_again) for sample in samples])


def lines(results: Results) -> list[str]:
    """The whole report for people."""
    targets = judged(results)
    width = max(map(len, results.machine))
    sections = [
        ("", [f"{name:<{width}}  {value}" for name, value in results.machine.items()]),
        (f"Cold starts under awslambdaric: medians of {results.rounds} new processes each, in turn", _cold(results)),
        ("Left to the first event, in milliseconds of a processor", _left(results)),
        (f"Warm, in process: own time of a request, medians of {results.rounds} batches", _warm(results)),
        ("Called from a bare process, without a runtime client", _peer(results)),
        ("The archive, zipped", _archive(results)),
        ("Targets", _targets(targets)),
    ]
    told: list[str] = []
    for title, content in sections:
        if content:
            told += [*([f"== {title}"] if title else []), *content, ""]
    return [*told, _verdict(targets)]


def as_plain(results: Results) -> dict[str, Any]:
    """The whole report for programs: the targets, and every raw figure (seconds and bytes)."""
    return {
        "targets": [target.as_plain() for target in judged(results)],
        "rounds": results.rounds,
        "machine": dict(results.machine),
        "archives": {name: asdict(archive) for name, archive in results.archives.items()},
        "cold": {name: [asdict(sample) for sample in samples] for name, samples in results.cold.items()},
        "backends": dict(results.backends),
        "warm": {name: asdict(row) for name, row in results.warm.items()},
        "peer": asdict(results.peer) if results.peer else None,
    }


def _cold(results: Results) -> list[str]:
    plain, bare, bare_processor = results.started(PLAIN), results.started(BARE), results.started(BARE, processor)
    if plain is None or bare is None or bare_processor is None:
        return []
    rows = []
    for name, samples in results.cold.items():
        total = summary([sample.total for sample in samples])
        busy = summary([processor(sample) for sample in samples])
        rows.append(
            [
                name,
                f"{total.over(bare):.2f}",
                f"{total.over(plain):.2f}",
                f"{busy.over(bare_processor):.2f}",
                milliseconds(total.median),
                f"{total.spread:.0%}",
                milliseconds(busy.median),
                milliseconds(_median(samples, "start")),
                milliseconds(_median(samples, "first")),
                milliseconds(_median(samples, "again")),
                f"{summary([peak(sample) for sample in samples]).median:.1f}",
                _calls(samples[0].calls),
            ]
        )
    head = [
        "",
        f"x {BARE}",
        "x plain",
        "x cpu",
        "ms",
        "spread",
        "cpu ms",
        "start",
        "first",
        "second",
        "peak MiB",
        "backend calls",
    ]
    told = table(head, rows)
    told += [
        f'"ms": start of the process to its first answer; "x": that over {BARE}\'s. "start" ends when it asks for an',
        'event; "first" and "second" are events. "cpu": all threads, to the end of the first. "spread": quartiles.',
        '"floor": with byte code, a bare app that imports what a check cannot do without (cryptography, and pymongo or',
        "http.client with ssl) and calls nobody.",
        "Calls of the database are counted with the warm requests.",
    ]
    if results.backends:
        each = ", ".join(f"{name} {milliseconds(seconds)} ms" for name, seconds in results.backends.items())
        told.append(f"Of that, the backends themselves, in processes of their own: {each} a call.")
    if not any(name.endswith(SOURCES) for name in results.cold):
        told.append(f"There is no byte code in the archive: {PACKED} is {SOURCES}.")
    return told


def _left(results: Results) -> list[str]:
    bare = results.started(BARE, processor)
    if bare is None:
        return []
    rows = []
    for name, samples in results.cold.items():
        left = left_over(samples)
        scaled = [milliseconds(at_memory(left.median, memory)) for memory in MEMORIES]
        rows.append([name, f"{left.over(bare):.2f}", *scaled])
    return [
        *table(["", f"x {BARE}", *(f"{memory:,} MB" for memory in MEMORIES)], rows),
        "The first event's processor time without the second's. Start-up has a full processor at any memory; an event",
        f'has memory / {FULL_MEMORY:,} MB of one. "x": at {FULL_MEMORY:,} MB, over the bare app\'s whole cold start.',
    ]


def _warm(results: Results) -> list[str]:
    bare = results.own(BARE)
    if bare is None:
        return []
    rows = []
    for name, row in results.warm.items():
        own = summary(row.own)
        cells = [f"{own.over(bare):.2f}", f"{own.median * 1e6:.1f}", f"{own.spread:.0%}"]
        outside = f"{summary(row.outside).median * 1e6:.0f}"
        rows.append([name, *cells, outside, _calls(row.first), _calls(row.calls)])
    head = ["", f"x {BARE}", "own us", "spread", "backends us", "calls, first request", "calls, later"]
    return [
        *table(head, rows),
        '"own": processor time without what passes in the driver\'s commands and the transport\'s calls; "backends":',
        "wall clock within those. A sign-in with mongodb has one bcrypt of cost 10. Handshakes do not count as calls.",
        '"floor": a bare route that opens the seal, reads an answer and writes a line, and does nothing else.',
    ]


def _peer(results: Results) -> list[str]:
    peer = results.peer
    if peer is None:
        return []
    starts = {name: summary([start.total for start in each]) for name, each in peer.starts.items()}
    peaks = {name: summary([start.peak / MEBIBYTE for start in each]) for name, each in peer.starts.items()}
    rows = [
        [
            name,
            f"{starts[name].over(starts[EXPRESS]):.2f}",
            milliseconds(starts[name].median),
            f"{starts[name].spread:.0%}",
            f"{peaks[name].over(peaks[EXPRESS]):.2f}",
            f"{peaks[name].median:.1f}",
        ]
        for name in (EXPRESS, GANTRY, CHALICE)
    ]
    told = table(["start to first answer", f"x {EXPRESS}", "ms", "spread", "x memory", "peak MiB"], rows)
    told += [
        "Each is asked once for a check without a cookie. Express is a plain server asked over loopback; Gantry and",
        "Chalice are imported and called: nobody has a runtime client, and the one exchange is on Express's account.",
    ]
    if results.warm:
        told += [
            "",
            *table(["warm, called in process", f"x {EXPRESS}", "own us", "Express us"], list(_beside(results))),
        ]
        told.append("Express asks no backend for the token; Gantry's time is without its backend's.")
    return told


def _beside(results: Results) -> Iterator[list[str]]:
    beside = {"check without a cookie": "check without a cookie", "check, rest": "check", "GET /login": "GET /login"}
    for ours, theirs in beside.items():
        own = results.own(ours)
        if results.peer is None or own is None:
            continue
        other = summary(results.peer.warm[theirs])
        yield [ours, f"{own.over(other):.2f}", f"{own.median * 1e6:.1f}", f"{other.median * 1e6:.1f}"]


def _archive(results: Results) -> list[str]:
    packed, sources = results.archives.get(PACKED), results.archives.get(SOURCES)
    if packed is None or sources is None:
        return []

    def row(name: str, with_code: int, without: int) -> list[str]:
        megabytes = [f"{size / MEGABYTE:.2f}" for size in (with_code, without)]
        return [name, *megabytes, f"{without / sources.zipped:.0%}"]

    names = list(packed.packages)
    rows = [row("whole file", packed.zipped, sources.zipped)]
    for name in names[:LARGEST_PACKAGES]:
        without = sources.packages.get(name)
        rows.append(row(name, packed.packages[name].zipped, without.zipped if without else 0))
    rest = names[LARGEST_PACKAGES:]
    if rest:
        sizes = [sources.packages[name].zipped for name in rest if name in sources.packages]
        rows.append(row(f"{len(rest)} more", sum(packed.packages[name].zipped for name in rest), sum(sizes)))
    return table(["MB", PACKED, SOURCES, "share"], rows)


def _targets(targets: Sequence[Target]) -> list[str]:
    rows = []
    for target in targets:
        figure = "-" if target.ratio is None else f"{target.ratio:.2f}"
        rows.append([target.name, figure, f"{target.limit:g} {target.unit}", target.verdict])
    told = table(["", "figure", "limit", "verdict"], rows)
    notes = [target.note for target in targets]
    return [line + (f"  {note}" if note else "") for line, note in zip(told, ["", *notes], strict=True)]


def _verdict(targets: Sequence[Target]) -> str:
    measured = [target for target in targets if target.holds is not None]
    failed = missed(measured)
    if not failed:
        return f"All {len(measured)} targets that were measured hold."
    return f"{len(failed)} of {len(measured)} targets are MISSED: {'; '.join(target.name for target in failed)}."


def _median(samples: Sequence[Sample], name: str) -> float:
    return summary([float(getattr(sample, name)) for sample in samples]).median


def _calls(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in calls.items() if count) or "none"


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds, with a decimal where they are few."""
    value = seconds * 1000
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"
