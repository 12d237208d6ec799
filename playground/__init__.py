"""A local stand-in workspace and everything around it: `python -m playground`. It is not deployed."""
