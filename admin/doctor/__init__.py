"""`python -m admin doctor`: what is wrong with a deployment, why it matters, and the command that mends it.

`finding` is what a check says, `patient` what checks look at, `checklist` the checks in their order; every other module
holds a few checks, each a function of its own over what it needs.
"""
