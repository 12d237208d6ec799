"""What Gantry costs, measured where it runs: `make bench`, and with many accounts `make bench-mongodb`."""
