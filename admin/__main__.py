"""`python -m admin COMMAND`: one group, one module for each command."""

import click

from admin.byte_code import byte_code
from admin.check_config import check_config
from admin.connect import connect
from admin.console_login import console_login
from admin.doctor.command import doctor
from admin.hash_password import hash_password
from admin.init import init
from admin.rotate_key import rotate_key
from admin.sign_out import sign_out


@click.group(context_settings={"max_content_width": 120})
def admin() -> None:
    """Set up Gantry and look after it, from a terminal."""


admin.add_command(hash_password)
admin.add_command(doctor)
admin.add_command(init)
admin.add_command(check_config)
admin.add_command(connect)
admin.add_command(rotate_key)
admin.add_command(console_login)
admin.add_command(sign_out)
admin.add_command(byte_code)

if __name__ == "__main__":
    admin(prog_name="python -m admin")
