"""The browser of the tests: `python -m tests.browser` sets one up, `tests.browser.fixtures` drives it."""
