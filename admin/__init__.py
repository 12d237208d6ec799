"""What an administrator does from a terminal: `python -m admin`. It is not deployed."""
