"""Gantry over HTTP, against the stand-in workspace and moto's Secrets Manager."""
