"""`python -m admin console-login`: the line for the browser's console."""

import json
import re

import pytest

from tests.admin.checkout import Checkout


def test_the_line_and_when_to_use_it(checkout: Checkout) -> None:
    """The line stands alone, to be copied; that a live session signs in again is said before it."""
    output = checkout.done("console-login")
    assert "\n   Meteor.loginWithPassword('user', 'password')\n" in output
    assert output.index("Log out") < output.index("Meteor.")


@pytest.mark.parametrize("name", ["alice", "o'neil", 'a"b', "a\\b", "ä", "');alert(1);('"])
def test_any_name_is_one_string_of_javascript(checkout: Checkout, name: str) -> None:
    """No quote, backslash or other letter of a name ends the string early."""
    line = re.search(r"loginWithPassword\('(.*)', 'password'\)", checkout.done("console-login", name))
    assert line is not None
    assert re.fullmatch(r"(?:[^'\\]|\\.)*", line[1])
    assert json.loads('"' + line[1].replace('"', '\\"').replace("\\'", "'") + '"') == name


def test_a_password_is_not_taken(checkout: Checkout) -> None:
    """Promise 32: a second word, which may be the password, is refused and not repeated."""
    assert "no place on the command line" in checkout.refused("console-login", "alice", "canary", code=2)
