"""Have an engine on a bare machine, by the gentlest means that works there."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

from playground.database import choice, java
from playground.database.engine import Unavailable
from playground.installation import run, with_apt_get

PACKAGES = ("default-jdk-headless", "maven")
FETCH_SECONDS = 300
# Beside the environment's own files: removed and made again with it.
RECORD = Path(sys.prefix) / "database.json"


def prepare(environ: Mapping[str, str] = os.environ) -> str:
    """Have an engine here and start it once: the answer is its name, Unavailable says why there is none.

    What is installed comes first. Else mongo-java-server is fetched from Maven Central into the repository's `build`,
    and where there is no Java or Maven for it, root with apt-get installs Debian's. Each step is announced and has a
    time-out; the reason of a failure is kept for the tests, which are then skipped with it.
    """
    try:
        name = _prepared(environ)
    except Unavailable as reason:
        RECORD.write_text(json.dumps({"reason": str(reason)}), "utf-8")
        raise
    RECORD.unlink(missing_ok=True)
    return name


def recorded_reason() -> str | None:
    """Why the last preparation found no engine; None when it found one, or there was none."""
    try:
        return str(json.loads(RECORD.read_text("utf-8"))["reason"])
    except FileNotFoundError:
        return None


def _prepared(environ: Mapping[str, str]) -> str:
    try:
        with choice.start(environ) as engine:
            return engine.name
    except Unavailable as reason:
        if environ.get("MONGODB_URI") or environ.get("MONGOD"):
            raise
        before = str(reason)
    failure = _fetched(environ)
    if failure:
        raise Unavailable(f"{before}; {failure}")
    with choice.start(environ) as engine:
        return engine.name


def _fetched(environ: Mapping[str, str]) -> str:
    """Have Java, Maven and the jars; the answer is what went wrong, or nothing."""
    jars = java.libraries()
    if _lacking(environ, need_maven=not jars.is_dir()):
        failure = with_apt_get(*PACKAGES)
        lacking = failure or _lacking(environ, need_maven=not jars.is_dir())
        if lacking:
            return lacking
    return "" if jars.is_dir() else _fetch(environ, jars)


def _lacking(environ: Mapping[str, str], *, need_maven: bool) -> str:
    try:
        java.find_java(environ)
    except Unavailable as reason:
        return str(reason)
    return "no mvn" if need_maven and not shutil.which("mvn", path=environ.get("PATH")) else ""


def _fetch(environ: Mapping[str, str], jars: Path) -> str:
    """Fetch the jars beside their place and move them there whole: an interrupted download leaves nothing behind."""
    print(f"Fetching mongo-java-server {java.VERSION} from Maven Central (6 MB).", flush=True)
    jars.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix="partial-", dir=jars.parent))
    try:
        failure = run("mvn", FETCH_SECONDS, fetch_command(partial), environ)
        if failure:
            return f"mongo-java-server is not to be had: {failure}"
        if not jars.is_dir():
            partial.rename(jars)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ""


def fetch_command(target: Path) -> list[str]:
    """Maven, quiet, never asking, and strict about checksums."""
    quiet = ["mvn", "--quiet", "--batch-mode", "-Dstyle.color=never", "--strict-checksums"]
    return [
        *quiet,
        "--file",
        str(java.POM),
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={target}",
    ]
