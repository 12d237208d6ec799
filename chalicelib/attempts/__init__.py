"""What is remembered of attempts to sign in."""
