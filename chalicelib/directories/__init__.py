"""Who somebody is: one module for each place that can tell."""

LONGEST_PASSWORD_BYTES = 1024
"""A longer password is wrong without being looked at (promise 4)."""
