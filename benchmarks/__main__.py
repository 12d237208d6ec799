"""`make bench`: measure everything, print the tables, and write `benchmarks/latest.json`.

    python -m benchmarks                       # all parts
    python -m benchmarks cold --rounds 5       # some of: cold warm peer archive
    python -m benchmarks --archive some.zip    # of an archive that is there already

It fails where it cannot measure, and not where a target is missed: those are marked.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import archives, cold, machine, peer, report, warm
from benchmarks.results import Archive, Results
from benchmarks.stage import staged
from tests.deploy.lambda_runtime import FunctionFailed

PARTS = ("cold", "warm", "peer", "archive")
ROUNDS = 25
LATEST = Path(__file__).with_name("latest.json")


def arguments(words: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    """Read the words of the command line; BENCH_ROUNDS is the number of rounds where no word says it."""
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measure what Gantry costs.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)}; all by default")
    parser.add_argument("--rounds", type=int, default=int(environ.get("BENCH_ROUNDS") or ROUNDS))
    parser.add_argument("--archive", type=Path, help="an archive that is there, instead of what make package makes")
    parser.add_argument("--output", type=Path, default=LATEST, help="where the figures go, as JSON")
    read = parser.parse_args(words)
    unknown = set(read.parts) - set(PARTS)
    if unknown or read.rounds < 1:
        parser.error(f"there is no part {unknown.pop()}" if unknown else "there must be a round")
    read.parts = set(read.parts) or set(PARTS)
    return read


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


def measure(parts: set[str], rounds: int, archive: Path | None) -> Results:
    """Build and measure these parts. Raises `BuildFailed`, `FunctionFailed`, and `RuntimeError` for a wrong answer."""
    say("Building the archive")
    made = archives.build(archive)
    about = machine.described()
    results = Results(rounds, about, archives=_sizes(made) if "archive" in parts else {})
    if parts == {"archive"}:
        return results
    with staged() as stage:
        about["database"] = stage.database
        cookies = stage.cookies(made.packed, made.provided)
        backends = stage.backends.answer_times(stage.environs["rest"]["SECRET_ID"])
        starts = cold.measure(made, stage, cookies, rounds, say) if "cold" in parts else {}
        if "warm" in parts:
            say("Warm requests")
        rows = warm.measure(stage, cookies, rounds) if "warm" in parts else {}
        other = None
        if "peer" in parts:
            try:
                about["peer"] = peer.install()
                other = peer.measure(made, stage, rounds, say)
            except peer.NoPeer as reason:
                about["peer"] = f"skipped: {reason}"
    about["load at the end"] = machine.load()
    return Results(rounds, about, results.archives, starts, backends, rows, other)


def _sizes(made: archives.Archives) -> dict[str, Archive]:
    files = {cold.PACKED: made.archive, cold.SOURCES: made.stripped}
    return {name: Archive(file.stat().st_size, archives.size_by_package(file)) for name, file in files.items()}


def main() -> None:
    """Run, print, write."""
    read = arguments(sys.argv[1:], os.environ)
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.exit("What ships runs on x86-64 Linux, and so it can be measured only there.")
    try:
        results = measure(read.parts, read.rounds, read.archive)
    except (archives.BuildFailed, FunctionFailed, RuntimeError) as failure:
        sys.exit(f"There is nothing to report: {failure}")
    read.output.write_text(json.dumps(report.as_plain(results), indent=1) + "\n", "utf-8")
    print("\n".join(report.lines(results)))
    print(f"Every figure: {os.path.relpath(read.output)}")


if __name__ == "__main__":
    main()
