"""Gantry: serverless IFrame authentication for Rocket.Chat."""

__version__ = "0.1.0"
