"""Who somebody is: one module for each place that can tell."""
