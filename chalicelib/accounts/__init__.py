"""Which account of the workspace is whose."""
