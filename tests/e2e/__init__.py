"""Gantry in a browser, inside the stand-in workspace."""
