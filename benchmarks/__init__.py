"""What Gantry costs, measured where it runs: `make bench-mongodb`."""
