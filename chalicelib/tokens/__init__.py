"""Where a token for an account comes from, whether it still lives, and how it ends."""
