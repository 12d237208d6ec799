"""Gantry on a MongoDB database, over the wire."""
