"""What every test can use: a browser, and the last lines of the run."""

import os

from hypothesis import settings

pytest_plugins = [
    "tests.verdict",
    "tests.browser.fixtures",
    "tests.database.fixtures",
    "tests.mongodb.filters",
    "tests.servers",
    "tests.elsewhere",
    "tests.social",
]

# Small machines pause: how long one example takes says nothing about Gantry.
settings.register_profile("gantry", deadline=None, print_blob=True)
settings.load_profile("gantry")

LONGEST_IN_A_NAME = 40

# Nothing in a test may reach a real account of whoever runs it.
for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long text by its argument: keys and hashes differ in each of the processes that a run is spread over."""
    return argname if isinstance(val, (str, bytes)) and len(val) > LONGEST_IN_A_NAME else None
