"""The doctor of `python -m admin`, over real parts: moto, the stand-in workspace, Gantry itself and a database."""
