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

# Nothing in a test may reach a real account of whoever runs it.
for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)
