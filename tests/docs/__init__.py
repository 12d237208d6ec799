"""The documentation held against the code: links, commands, settings, log fields, rights, promises, sums."""
