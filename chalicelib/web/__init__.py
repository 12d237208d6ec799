"""The browser boundary: what comes in from a browser, and what goes out to it."""
