"""The last lines of a run: what it ran with, what was missing, and whether the coverage is enough.

A fixture that needs something which a machine may lack (a browser, a database engine) calls `missing`. That skips the
test, names the reason in the last lines and lifts the coverage gate; with GANTRY_SKIP_NOTHING=1, as continuous
integration sets it, the test fails instead. `note` adds a line about what a run used, and `lacks` counts what that
cannot do. Where pytest-xdist spreads a run over workers, each hands over what it found and the last lines tell it once.
"""

import io
import os
from collections import Counter
from collections.abc import Generator, Sequence
from typing import Any, NoReturn

import coverage
import pytest

GATE = 95.0
SKIP_NOTHING = "GANTRY_SKIP_NOTHING"

_KEY = "gantry_verdict"


class _Found:
    """What a run found, or one worker's part of it."""

    def __init__(self) -> None:
        self.notes: dict[str, list[str]] = {}
        self.missing: set[str] = set()
        self.lacking: dict[str, Counter[str]] = {}
        self.partial = False

    def note(self, what: str, line: str) -> None:
        lines = self.notes.setdefault(what, [])
        if line not in lines:
            lines.append(line)

    def plain(self) -> dict[str, Any]:
        """The same in what a worker can send: dictionaries, lists and texts of Python's own."""
        lacking = {what: dict(counts) for what, counts in self.lacking.items()}
        return {"notes": self.notes, "missing": list(self.missing), "lacking": lacking, "partial": self.partial}

    def add(self, plain: dict[str, Any]) -> None:
        """Add a worker's part, as `plain` made it."""
        for what, lines in plain["notes"].items():
            for line in lines:
                self.note(what, line)
        self.missing.update(plain["missing"])
        for what, counts in plain["lacking"].items():
            self.lacking.setdefault(what, Counter()).update(counts)
        self.partial |= plain["partial"]

    def lines(self) -> list[str]:
        return [f"{what}: {'; '.join(lines)}{self._skipped(what)}" for what, lines in sorted(self.notes.items())]

    def _skipped(self, what: str) -> str:
        if what not in self.lacking:
            return ""
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.lacking[what].items()))
        return f"; skipped by name: {counts or 'nothing'}"


_found = pytest.StashKey[_Found]()


def note(config: pytest.Config, what: str, line: str) -> None:
    """Say in the last lines what the run used, for instance `note(config, "browser", "/usr/bin/chromium 140")`."""
    config.stash[_found].note(what, line)


def lacks(config: pytest.Config, what: str, *names: str) -> None:
    """Count in the last lines what was skipped because `what` cannot do it; without names, say that this is counted."""
    config.stash[_found].lacking.setdefault(what, Counter()).update(names)


def missing(config: pytest.Config, what: str, reason: str) -> NoReturn:
    """Skip the test that asks, for want of `what`; fail it where nothing may be skipped."""
    config.stash[_found].missing.add(what)
    note(config, what, f"none: {reason}")
    if os.environ.get(SKIP_NOTHING) == "1":
        pytest.fail(f"no {what}: {reason} ({SKIP_NOTHING} is set)", pytrace=False)
    pytest.skip(f"no {what}: {reason}")


def unmeasured() -> dict[str, str]:
    """Return the environment for a program whose coverage is not measured.

    Coverage writes its file when a program ends: a signal that meets it there makes it complain on standard error.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def pytest_configure(config: pytest.Config) -> None:
    found = config.stash[_found] = _Found()
    if not _is_worker(config):  # a worker is given all its arguments by name
        whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        narrowing = ("ignore", "ignore_glob", "lf", "stepwise", "collectonly")
        found.partial = not whole or any(config.getoption(name, None) for name in narrowing)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if items:
        items[0].config.stash[_found].partial = True


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """pytest-xdist's: the workers are about to start."""
    # pytest-cov measures them: as children they would be measured twice, and the second time end after the adding up.
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """pytest-xdist's: a worker has ended, with its part unless it crashed."""
    part = getattr(node, "workeroutput", {}).get(_KEY)
    if part is not None:
        node.config.stash[_found].add(part)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    config = session.config
    found = config.stash[_found]
    if _is_worker(config):
        config.workeroutput[_KEY] = found.plain()  # type: ignore[attr-defined]  # pytest-xdist's, sent by its own hook
        yield
        return
    yield  # everything else, pytest's own summary included, comes before
    lines = found.lines()
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        verdict, enough = _coverage(config, failed=session.exitstatus != pytest.ExitCode.OK)
        lines.append(f"coverage: {verdict}")
        if not enough:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not config.getoption("collectonly"):
        for line in lines:
            terminal.write_line(line)


def _coverage(config: pytest.Config, failed: bool) -> tuple[str, bool]:
    if not config.pluginmanager.has_plugin("_cov"):
        return "not measured (make test does)", True
    measured = coverage.Coverage()
    measured.load()
    try:
        total = measured.report(file=io.StringIO())
    except coverage.exceptions.NoDataError:
        total = 0.0
    found = config.stash[_found]
    wanting = [f"no {what}" for what in sorted(found.missing)]
    lifted = "only a part of the tests ran" if found.partial else "tests failed" if failed else ", ".join(wanting)
    if lifted:
        return f"{total:.1f} %, gate of {GATE:.0f} % not applied ({lifted})", True
    if total < GATE:
        return f"{total:.1f} %, BELOW the gate of {GATE:.0f} %", False
    return f"{total:.1f} %, gate of {GATE:.0f} % passed", True
