"""`python -m admin COMMAND`: one group, one module for each command."""

import click

from admin.hash_password import hash_password


@click.group()
def admin() -> None:
    """Set up Gantry and look after it, from a terminal."""


admin.add_command(hash_password)

if __name__ == "__main__":
    admin(prog_name="python -m admin")
