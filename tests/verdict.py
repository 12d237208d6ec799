"""The last lines of a run: what it ran with, what was missing, and whether the coverage is enough.

A fixture that needs something which a machine may lack (a browser, a database engine) calls `missing`. That skips the
test, names the reason in the last lines and lifts the coverage gate; with GANTRY_SKIP_NOTHING=1, as continuous
integration sets it, the test fails instead. `note` adds a line about what a run used.
"""

import io
import os
from collections.abc import Generator, Sequence
from typing import NoReturn

import coverage
import pytest

GATE = 95.0
SKIP_NOTHING = "GANTRY_SKIP_NOTHING"

_notes = pytest.StashKey[dict[str, str]]()
_missing = pytest.StashKey[dict[str, str]]()
_partial = pytest.StashKey[bool]()


def note(config: pytest.Config, what: str, line: str) -> None:
    """Say in the last lines what the run used, for instance `note(config, "browser", "/usr/bin/chromium 140")`."""
    config.stash[_notes][what] = line


def missing(config: pytest.Config, what: str, reason: str) -> NoReturn:
    """Skip the test that asks, for want of `what`; fail it where nothing may be skipped."""
    config.stash[_missing][what] = reason
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
    config.stash[_notes] = {}
    config.stash[_missing] = {}
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    narrowing = ("ignore", "ignore_glob", "lf", "stepwise", "collectonly")
    config.stash[_partial] = not whole or any(config.getoption(name, None) for name in narrowing)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if items:
        items[0].config.stash[_partial] = True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    yield  # everything else, pytest's own summary included, comes before
    config = session.config
    lines = [f"{what}: {line}" for what, line in sorted(config.stash[_notes].items())]
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
    absent = config.stash[_missing]
    wanting = [f"no {what}" for what in sorted(absent)]
    if config.stash[_partial]:
        lifted = "only a part of the tests ran"
    else:
        lifted = "tests failed" if failed else ", ".join(wanting)
    if lifted:
        return f"{total:.1f} %, gate of {GATE:.0f} % not applied ({lifted})", True
    if total < GATE:
        return f"{total:.1f} %, BELOW the gate of {GATE:.0f} %", False
    return f"{total:.1f} %, gate of {GATE:.0f} % passed", True
